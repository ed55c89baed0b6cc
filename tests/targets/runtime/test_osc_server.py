"""OSC on the board: what sets, what is refused, what is told to whom and when. Packets are built by python-osc."""

import math

import pytest
from fake_performance import FakePerformance
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from gen_core.spec.note import Note
from targets.protocol.demux import Demux
from targets.runtime.access import SERIAL
from targets.runtime.osc_server import OscServer, Sign
from targets.runtime.subscribers import QUIET_AFTER_UPLOAD_S


class Talk:
    """A server with a clock in hand."""

    def __init__(self):
        self.now_s = 100.0
        self.performance = FakePerformance({}, {})
        self.server = OscServer(self.performance, lambda: self.now_s)

    def say(self, address, *args):
        builder = OscMessageBuilder(address)
        for arg in args:
            builder.add_arg(arg)
        self.server.receive(builder.build().dgram)

    def hear(self, room_bytes=1 << 20):
        demux, messages = Demux(), []
        for packet in self.server.outgoing(room_bytes):
            for kind, payload in demux.feed(packet):
                assert kind == "osc"
                message = OscMessage(payload)
                messages.append((message.address, *message.params))
        return messages

    def play(self, quarters):
        for _ in range(math.ceil(quarters * 24000 / 512)):
            self.performance.render_block()


@pytest.fixture
def talk():
    return Talk()


SETS = {  # arguments → value that the parameter takes
    "a float": ((90.0,), 90.0),
    "an integer": ((100,), 100.0),
    "with a quantum": ((100.0, "beat"), 100.0),
    "too high is clamped": ((1e9,), 240.0),
    "too low is clamped": ((-5.0,), 40.0),
}


@pytest.mark.parametrize("name", SETS)
def test_a_number_sets_a_parameter_within_its_range(talk, name):
    args, value = SETS[name]
    talk.say("/param/fake_bpm", *args)
    assert talk.performance.get("fake_bpm") == value and talk.server.stats()["osc_set"] == 1


COURSES = {  # arguments → (value, quantum, over) that the performance is asked for
    "nothing more": ((90.0,), (90.0, "", "")),
    "seconds as a number": ((90.0, 2.5), (90.0, "", "2.5s")),
    "whole seconds": ((90, 3), (90.0, "", "3s")),
    "bars": ((90.0, "8bars"), (90.0, "", "8bars")),
    "beats and a phrase": ((90.0, "4 beats", "phrase"), (90.0, "phrase", "4beats")),
    "a section alone": ((90.0, "section"), (90.0, "section", "")),
}


@pytest.mark.parametrize("name", COURSES)
def test_a_change_may_take_its_time_and_wait_for_its_place(talk, name):
    args, (value, quantum, over) = COURSES[name]
    talk.say("/param/fake_bpm", *args)
    assert talk.performance.courses == [("fake_bpm", value, quantum, over)]


@pytest.mark.parametrize(
    "how", [("8 hours",), (-1.0,), (math.nan,), ("bar", "8bars"), ("bar", "bar"), (True,), (b"x",)]
)
def test_a_change_with_anything_else_behind_it_is_refused(talk, how):
    talk.say("/param/fake_bpm", 90.0, *how)
    assert talk.performance.courses == [] and talk.server.stats()["osc_refused"] == 1


def test_keys_are_played_along(talk):
    talk.say("/play", "lead", 60, 100)
    talk.say("/play", 1, 36, 0)
    talk.say("/play", "lead", 60.5, 100)
    talk.say("/play", "lead")
    assert talk.performance.played == [("lead", 60, 100), (1, 36, 0)]
    assert (talk.server.stats()["osc_played"], talk.server.stats()["osc_refused"]) == (2, 2)


def test_sync_gives_back_what_was_sent_with_the_place_in_the_music(talk):
    talk.play(6)
    talk.say("/sync", 12.5)
    ((address, token, bar, beat, tick, _bpm),) = talk.hear()
    assert (address, token, bar) == ("/sync", 12.5, 1) and beat * 480 + 1920 == pytest.approx(tick, abs=6)


def test_signs_are_told_at_their_pace_to_those_who_hear_them(talk):
    rested = []
    talk.server.signs = (Sign("levels", 0.1, lambda: (-3.0, -4.0, -20.0, -21.0), lambda: rested.append(True)),)
    assert talk.hear() == [] and rested
    talk.say("/subscribe", "levels")
    assert talk.hear() == [("/levels", -3.0, -4.0, -20.0, -21.0)] and talk.hear() == []
    talk.now_s += 0.11
    assert len(talk.hear()) == 1


def test_a_choice_may_be_named(talk):
    talk.say("/param/fake_key", "d")
    assert talk.performance.get("fake_key") == 2


REFUSED = {
    "not a number": ("/param/fake_bpm", math.nan),
    "infinite": ("/param/fake_bpm", math.inf),
    "a word": ("/param/fake_bpm", "fast"),
    "a parameter that is not there": ("/param/fake_bpn", 1.0),
    "an address that is not there": ("/something", 1.0),
    "a topic that is not there": ("/subscribe", "everything"),
    "a blob": ("/param/fake_bpm", b"1234"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_counted_and_otherwise_ignored(talk, name):
    before = talk.performance.values()
    talk.say(*REFUSED[name])
    assert talk.performance.values() == before and talk.hear() == []
    assert talk.server.stats()["osc_refused"] == 1


BROKEN = (b"", b"/", b"/param/fake_bpm\0", b"#bundle\0", b"\xff" * 40, b"/param/fake_bpm\0,f\0\0")


@pytest.mark.parametrize("packet", BROKEN)
def test_broken_packets_are_ignored(talk, packet):
    talk.server.receive(packet)
    assert talk.performance.get("fake_bpm") == 120


def test_asking_is_answered_without_a_subscription(talk):
    talk.say("/param/fake_bpm")
    assert talk.hear() == [("/param/fake_bpm", 120.0)]


def test_nobody_is_told_anything_unasked(talk):
    talk.play(4)
    talk.say("/param/fake_bpm", 90.0)
    assert talk.hear() == []


def test_subscribers_hear_notes_beats_and_acknowledgements(talk):
    talk.say("/subscribe", "all")
    talk.hear()
    talk.play(1.5)
    assert talk.hear() == [("/note", 480, 0, 69, 240, 100), ("/beat", 0, 1.0)]
    talk.say("/param/fake_bpm", 90.0)
    assert talk.hear() == [("/ack", "fake_bpm", 90.0, 1, 0.0)]
    talk.say("/param/fake_volume", 0.5, "bar")
    assert talk.hear() == [("/ack", "fake_volume", 0.5, 1, 0.0)]
    talk.say("/unsubscribe", "ack")
    talk.say("/param/fake_bpm", 91.0)
    talk.say("/unsubscribe")
    talk.play(2)
    assert talk.hear() == []


def test_a_subscription_is_to_what_was_named(talk):
    talk.say("/subscribe", "notes")
    talk.play(2.5)
    assert [message[0] for message in talk.hear()] == ["/note", "/note"]


def test_during_smp_nothing_is_sent_and_no_note_is_lost(talk):
    talk.say("/subscribe", "notes", "ack")
    talk.server.subscribers.smp_seen(SERIAL, upload=True)
    for _ in range(8):
        talk.play(1)
        talk.say("/param/fake_bpm", 99.0)
        assert talk.hear() == []
        talk.now_s += 1.0
        talk.server.subscribers.smp_seen(SERIAL, upload=True)
    talk.now_s += QUIET_AFTER_UPLOAD_S + 0.01
    told = talk.hear()
    assert [message[1] for message in told if message[0] == "/note"] == [480 * n for n in range(1, 9)]
    assert len([message for message in told if message[0] == "/ack"]) == 8


def test_the_pause_after_an_ordinary_exchange_is_short(talk):
    talk.server.subscribers.smp_seen(SERIAL, upload=False)
    talk.say("/param/fake_bpm")
    assert talk.hear() == []
    talk.now_s += 0.5
    assert talk.hear() == [("/param/fake_bpm", 120.0)]


def test_only_as_much_is_sent_as_there_is_room_for(talk):
    talk.say("/subscribe", "notes")
    talk.play(6.5)
    assert len(talk.hear(room_bytes=100)) == 2
    assert len(talk.hear()) == 4


def test_a_large_tick_keeps_all_its_bits(talk):
    talk.say("/subscribe", "notes")
    talk.performance._notes.append(Note(2**40 + 1, 0, 60, 1, 1))
    assert talk.hear()[0][1] == 2**40 + 1


def test_whoever_stopped_reading_is_forgotten(talk):
    talk.say("/subscribe", "all")
    talk.play(2)
    talk.server.subscribers.forget(SERIAL)
    assert talk.hear() == []
