"""Who is told what: topics and queues by cable and address, silence around SMP, and an end for those who are gone."""

import pytest

from gen_core.spec.errors import BusyError
from targets.protocol import slip
from targets.runtime import subscribers as module
from targets.runtime.access import SERIAL, Origin
from targets.runtime.subscribers import (
    FLEETING,
    LASTS_S,
    MOST_ADDRESSES,
    QUIET_AFTER_SMP_S,
    QUIET_AFTER_UPLOAD_S,
    Subscribers,
)

ROOM = 1 << 20
HERE, THERE = Origin("ip", ("127.0.0.1", 4000)), Origin("ip", ("127.0.0.1", 4001))
SECOND_CABLE = Origin("serial", ("/dev/ttyS1",), True)


class Table:
    """Subscribers with a clock in hand."""

    def __init__(self):
        self.now_s = 50.0
        self.all = Subscribers(lambda: self.now_s)


@pytest.fixture
def table():
    return Table()


def test_each_hears_what_it_subscribed_to_framed_for_its_wire(table):
    table.all.subscribe(SERIAL, ["notes"])
    table.all.subscribe(HERE, ["notes", "beat"])
    table.all.subscribe(THERE, ["beat"])
    table.all.tell("notes", b"/note")
    table.all.tell("beat", b"/beat")
    table.all.tell("ack", b"/ack")
    assert table.all.take(SERIAL, ROOM) == [slip.encode(b"/note")]
    assert table.all.take(HERE, ROOM) == [b"/note", b"/beat"] and table.all.take(THERE, ROOM) == [b"/beat"]
    assert table.all.take(HERE, ROOM) == []
    assert table.all.wanted("beat") and not table.all.wanted("ack")


def test_an_answer_goes_to_one_only(table):
    table.all.subscribe(THERE, ["notes"])
    table.all.answer(HERE, b"/param")
    assert table.all.take(THERE, ROOM) == [] and table.all.take(HERE, ROOM) == [b"/param"]


def test_the_same_address_through_two_sockets_is_two_subscribers(table):
    twin = Origin("ip", HERE.address, through=2)
    table.all.subscribe(HERE, ["beat"])
    table.all.subscribe(twin, ["notes"])
    table.all.tell("beat", b"/beat")
    assert table.all.take(twin, ROOM) == [] and table.all.take(HERE, ROOM) == [b"/beat"]


@pytest.mark.parametrize(("upload", "quiet_s"), [(True, QUIET_AFTER_UPLOAD_S), (False, QUIET_AFTER_SMP_S)])
def test_smp_silences_its_own_cable_and_nobody_else(table, upload, quiet_s):
    for origin in (SERIAL, SECOND_CABLE, HERE):
        table.all.subscribe(origin, ["notes"])
    table.all.smp_seen(SERIAL, upload)
    table.all.tell("notes", b"/note")
    assert table.all.take(SERIAL, ROOM) == []
    assert table.all.take(SECOND_CABLE, ROOM) == [slip.encode(b"/note")] and table.all.take(HERE, ROOM) == [b"/note"]
    table.now_s += quiet_s + 0.01
    assert table.all.take(SERIAL, ROOM) == [slip.encode(b"/note")], "what waited is not lost"


@pytest.mark.parametrize("topic", FLEETING)
def test_what_is_worth_nothing_later_does_not_pile_up_behind_an_upload(table, topic):
    for origin in (SERIAL, HERE):
        table.all.subscribe(origin, [topic])
    table.all.smp_seen(SERIAL, upload=True)
    table.all.tell(topic, b"/old")
    assert table.all.take(HERE, ROOM) == [b"/old"]
    table.now_s += QUIET_AFTER_UPLOAD_S + 0.01
    table.all.tell(topic, b"/new")
    assert table.all.take(SERIAL, ROOM) == [slip.encode(b"/new")]


def test_an_address_that_says_nothing_for_a_minute_is_dropped_and_a_cable_is_not(table):
    for origin in (SERIAL, HERE, THERE):
        table.all.subscribe(origin, ["beat"])
    table.now_s += LASTS_S * 0.75
    table.all.heard_from(HERE)
    table.now_s += LASTS_S * 0.75
    assert table.all.addresses() == [HERE]
    table.all.tell("beat", b"/beat")
    assert table.all.take(SERIAL, ROOM) and table.all.take(HERE, ROOM) and not table.all.take(THERE, ROOM)


def test_no_more_addresses_subscribe_than_there_is_room_for(table):
    many = [Origin("ip", ("192.0.2.1", port)) for port in range(MOST_ADDRESSES)]
    for origin in many:
        table.all.subscribe(origin, ["beat"])
    with pytest.raises(BusyError, match="listen already"):
        table.all.subscribe(HERE, ["beat"])
    with pytest.raises(BusyError, match="listen already"):
        table.all.answer(HERE, b"/param")
    table.all.subscribe(SERIAL, ["beat"])
    table.all.unsubscribe(many[0], ["beat"])
    table.all.subscribe(HERE, ["beat"])
    assert len(table.all.addresses()) == MOST_ADDRESSES


def test_who_only_waited_for_an_answer_is_forgotten_with_it(table):
    table.all.answer(HERE, b"/param")
    assert table.all.addresses() == [HERE]
    table.all.take(HERE, ROOM)
    assert table.all.addresses() == []


def test_a_full_queue_loses_its_oldest_and_counts(table, monkeypatch):
    monkeypatch.setattr(module, "WAITING_DATAGRAMS", 3)
    table.all.subscribe(HERE, ["beat"])
    for number in range(5):
        table.all.tell("beat", b"%d" % number)
    assert table.all.take(HERE, ROOM) == [b"2", b"3", b"4"] and table.all.dropped == 2


def test_whoever_is_forgotten_hears_nothing_more(table):
    for origin in (SERIAL, HERE):
        table.all.subscribe(origin, ["beat"])
        table.all.tell("beat", b"/beat")
        table.all.forget(origin)
        table.all.tell("beat", b"/beat")
        assert table.all.take(origin, ROOM) == []
    assert table.all.addresses() == []
