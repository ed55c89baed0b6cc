"""The cable is pulled, the board comes back under another name: what the program notices, and what it does not."""

import os
import pty
import select
import threading
import time

import pytest

from gen_core.spec.errors import NoBoardError
from gen_core.spec.note import Note
from host_tools import ports
from host_tools.device import Device
from targets.protocol import smp

PATIENCE_S = 20.0


def wait_for(condition, within_s=PATIENCE_S):
    ends_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends_s, "it did not happen"
        time.sleep(0.01)


@pytest.fixture
def listed(fake_board, monkeypatch):
    """The list of ports with the fake board on it as long as it is plugged in, and strangers."""
    strangers = []

    def boards():
        ours = [ports.Port(fake_board.port, "usb", "f00d")] if fake_board._ends else []
        return ours + strangers

    monkeypatch.setattr(ports, "boards", boards)
    return strangers


@pytest.fixture
def happened():
    return []


@pytest.fixture
def device(fake_board, listed, happened):
    with Device(reconnect_s=PATIENCE_S, on_event=lambda event: happened.append(event.kind)) as opened:
        yield opened


def test_a_board_is_found_again_under_another_name(device, fake_board, happened):
    before = device.port
    fake_board.unplug()
    wait_for(lambda: happened == ["lost"])
    fake_board.plug()
    assert device.info()["serial"] == "f00d"
    assert device.port == fake_board.port != before
    wait_for(lambda: happened == ["lost", "back"])
    assert [event.kind for event in device.events(0.1)] == ["lost", "back"]


def test_an_iterator_goes_on_over_an_unplug_and_the_subscription_is_renewed(device, fake_board, happened):
    notes = device.notes(PATIENCE_S)
    threading.Timer(0.1, fake_board.tell, ("/note", 1, 0, 60, 240, 100)).start()
    assert next(notes) == Note(1, 0, 60, 240, 100)
    fake_board.unplug()
    fake_board.forget()
    wait_for(lambda: happened == ["lost"])
    fake_board.plug()
    wait_for(lambda: "notes" in fake_board.topics)
    fake_board.tell("/note", 2, 0, 62, 240, 100)
    assert next(notes) == Note(2, 0, 62, 240, 100)


def test_the_last_value_of_each_parameter_is_sent_when_the_board_is_back(device, fake_board, happened):
    device.params()
    fake_board.unplug()
    wait_for(lambda: happened == ["lost"])
    for value in (0.1, 0.2, 0.9):
        device.send("energy", value)
    fake_board.plug()
    wait_for(lambda: fake_board.values["energy"] == pytest.approx(0.9))
    assert len([message for message in fake_board.messages if message.address == "/param/energy"]) == 1


def test_values_that_were_on_their_way_are_sent_again(device, fake_board, happened):
    device.send("energy", 0.7)
    device.link.flush()
    fake_board.unplug()
    fake_board.forget()  # as if it had not heard
    wait_for(lambda: happened == ["lost"])
    fake_board.plug()
    wait_for(lambda: fake_board.values["energy"] == pytest.approx(0.7))


def test_a_read_that_was_pending_is_answered_after_the_unplug(device, fake_board, happened):
    device.params()
    fake_board.lose = lambda request: request.group == smp.Group.SETTINGS
    got = []
    asking = threading.Thread(target=lambda: got.append(device.get("energy")))
    asking.start()
    wait_for(lambda: any(request.group == smp.Group.SETTINGS for request in fake_board.requests))
    fake_board.unplug()
    fake_board.lose = lambda request: False
    wait_for(lambda: happened == ["lost"])
    fake_board.plug()
    asking.join(PATIENCE_S)
    assert got == [0.5]


def test_a_write_that_may_have_been_heard_is_not_repeated(device, fake_board, happened):
    fake_board.lose = lambda request: request.op == smp.Op.WRITE
    caught = []

    def write():
        with pytest.raises(NoBoardError, match="lost") as error:
            device.ask(smp.Op.WRITE, smp.Group.IMAGE, smp.ImageCommand.ERASE, {"slot": 1}, timeout_s=PATIENCE_S)
        caught.append(error)

    writing = threading.Thread(target=write)
    writing.start()
    wait_for(lambda: any(request.op == smp.Op.WRITE for request in fake_board.requests))
    fake_board.unplug()
    writing.join(PATIENCE_S)
    fake_board.plug()
    assert caught and device.info()
    assert len([request for request in fake_board.requests if request.op == smp.Op.WRITE]) == 1


def test_a_stranger_on_the_old_port_is_never_poked(device, fake_board, happened, listed):
    """While the board is away its name is given to another device; another board of ours is not the one either."""
    device.params()
    device.send("energy", 0.7)
    fake_board.unplug()
    device.send("energy", 0.8)
    wait_for(lambda: happened == ["lost"])
    device.link._connection.close()  # the system gives a name away only when it is free
    stranger, held = pty.openpty()
    assert os.ttyname(held) == device.port
    listed.append(ports.Port(os.ttyname(held), "usb", "beef"))
    assert not select.select([stranger], [], [], 1.0)[0]
    fake_board.plug()
    assert device.info()["serial"] == "f00d" and device.port == fake_board.port != os.ttyname(held)
    assert not select.select([stranger], [], [], 0.0)[0]
    os.close(stranger)
    os.close(held)


def test_another_board_behind_the_same_name_is_refused(fake_board, monkeypatch):
    monkeypatch.setattr(ports, "boards", list)
    events = []
    with Device(fake_board.port, 0.2, reconnect_s=1.0, on_event=lambda event: events.append(event.kind)) as device:
        device.serial = "another"
        fake_board.unplug()
        wait_for(lambda: events == ["lost"])
        asked = len(fake_board.requests)
        fake_board.plug()
        device.link.port = fake_board.port  # which is how a name that no list knows stays the same
        wait_for(lambda: events == ["lost", "gone"])
        assert {request.command for request in fake_board.requests[asked:]} == {smp.LimonaireCommand.STATUS}
        with pytest.raises(NoBoardError, match="lost"):
            device.send("energy", 0.5)


def test_patience_ends_and_says_so_to_whoever_waits(fake_board, listed):
    happened = []
    with Device(reconnect_s=0.5, on_event=lambda event: happened.append(event.kind)) as device:
        device.params()
        fake_board.unplug()
        with pytest.raises(NoBoardError, match="lost"):
            device.info()
        with pytest.raises(NoBoardError, match="lost"):
            next(device.beats())
        assert happened == ["lost", "gone"]
        fake_board.plug()
        device.reconnect()
        assert device.info()["serial"] == "f00d"


def test_a_board_that_forgot_its_subscriptions_is_told_again(device, fake_board, monkeypatch):
    """It started again and no wire noticed, as on a UART."""
    monkeypatch.setattr("host_tools.subscriptions.RENEW_S", 0.2)
    beats = device.beats(PATIENCE_S)
    threading.Timer(0.5, fake_board.forget).start()
    threading.Timer(2.0, lambda: "beat" in fake_board.topics and fake_board.tell("/beat", 3, 1.0)).start()
    assert next(beats) == (3, 1.0)


def test_closing_does_not_wait_for_a_board_that_is_away(fake_board, listed, happened):
    device = Device(reconnect_s=3600, on_event=lambda event: happened.append(event.kind))
    fake_board.unplug()
    wait_for(lambda: happened == ["lost"])
    waiting = threading.Thread(target=lambda: pytest.raises(NoBoardError, device.info))
    waiting.start()
    device.close()
    waiting.join(PATIENCE_S)
    assert not waiting.is_alive() and not [t for t in threading.enumerate() if t.name == "limonaire-keeper"]
