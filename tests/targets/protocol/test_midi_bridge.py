"""The bridge between MIDI and the board, without ports; the clock is handed in."""

import random

import mido
import pytest

from gen_core.spec.errors import UsageError
from targets.protocol import midi_map, osc
from targets.protocol.midi_bridge import Bridge, Ways, place
from targets.protocol.midi_clock import CLOCK, START, STOP, Follower, Place, Ticker
from tests.fixtures.some_params import PARAMS

TICK_S = 60 / 24


def bridge(**ways):
    return Bridge(PARAMS, midi_map.standard(PARAMS), Ways(**ways))


def midi(kind, **fields):
    return bytes(mido.Message(kind, **fields).bytes())


def test_a_controller_moves_its_parameter():
    told = bridge().from_midi(midi("control_change", control=1, value=127), 0.0)
    assert told == [osc.Message("/param/energy", (1.0,))]


def test_steps_begin_where_the_board_says_the_parameter_is():
    one = bridge()
    one.from_board(osc.Message("/ack", ("key", 1.0, 3, 0.0)), 0.0)
    for number, value in ((99, 0), (98, 3)):
        one.from_midi(midi("control_change", control=number, value=value), 0.0)
    assert one.from_midi(midi("control_change", control=96, value=0), 0.0) == [osc.Message("/param/key", (2.0,))]


@pytest.mark.parametrize(
    "message, told",
    [
        (midi("note_on", note=60, velocity=99), ("lead", 60, 99)),
        (midi("note_on", note=60, velocity=0), ("lead", 60, 0)),
        (midi("note_off", note=60, velocity=64), ("lead", 60, 0)),
        (midi("note_on", note=36, velocity=99, channel=9), ("drums", 36, 99)),
    ],
)
def test_notes_play_the_part_of_their_channel(message, told):
    assert bridge().from_midi(message, 0.0) == [osc.Message("/play", told)]


def test_notes_of_any_channel_can_play_one_part():
    message = midi("note_on", note=60, velocity=99, channel=5)
    assert bridge().from_midi(message, 0.0) == []
    assert bridge(play="drums").from_midi(message, 0.0) == [osc.Message("/play", ("drums", 60, 99))]
    with pytest.raises(UsageError, match="it has lead, drums"):
        bridge(play="tuba")


def test_a_note_of_the_board_ends_after_its_duration():
    one = bridge()
    one.place = place(0, 120.0, 0.0)
    assert one.from_board(osc.Message("/note", (osc.Int64(0), 1, 36, 480, 90)), 1.0) == [
        midi("note_on", note=36, velocity=90, channel=9)
    ]
    assert one.due(1.49) == []
    assert one.due(1.51) == [midi("note_off", note=36, velocity=0, channel=9)]


def test_a_note_struck_again_is_ended_first_and_only_once():
    one = bridge()
    note = osc.Message("/note", (osc.Int64(0), 0, 60, 480, 90))
    one.from_board(note, 0.0)
    assert one.from_board(note, 0.1)[0] == midi("note_off", note=60, velocity=0)
    assert one.due(0.55) == []
    assert one.silence() == [midi("note_off", note=60, velocity=0)]
    assert one.silence() == []


@pytest.mark.parametrize("args", [(0, 15, 60, 480, 90), (0, 0, 128, 480, 90), (0, 0, 60, 0, 90), (0, 0, 60)])
def test_a_note_that_cannot_be_is_not_passed_on(args):
    assert bridge().from_board(osc.Message("/note", args), 0.0) == []


@pytest.mark.parametrize(
    "closed, message",
    [
        ("controllers", midi("control_change", control=1, value=127)),
        ("notes_in", midi("note_on", note=60)),
        ("clock_in", midi("clock")),
    ],
)
def test_a_closed_way_carries_nothing(closed, message):
    assert bridge(**{closed: False}).from_midi(message, 0.0) == []


def test_noise_moves_nothing_and_breaks_nothing():
    one, rng = bridge(clock_in=True), random.Random(1)
    for step in range(20_000):
        for told in one.from_midi(rng.randbytes(rng.randrange(5)), step / 1000):
            assert told.address.startswith(("/param/", "/play"))


@pytest.mark.parametrize("bpm", [40.0, 97.3, 120.0, 239.0])
def test_a_clock_that_jitters_by_a_millisecond_gives_its_tempo(bpm):
    follower, rng, read = Follower(), random.Random(2), []
    for tick in range(240):
        follower.feed(CLOCK, tick * TICK_S / bpm + rng.uniform(0, 0.001))
        read.append(follower.tempo())
    assert read[0] is None
    assert all(tempo == pytest.approx(bpm, rel=0.002) for tempo in read[48:])


def test_a_clock_that_paused_is_read_anew():
    follower = Follower()
    for tick in range(48):
        follower.feed(CLOCK, tick * TICK_S / 120)
    follower.feed(CLOCK, 60.0)
    assert follower.tempo() is None
    for status in (STOP, START):
        follower.feed(status, 61.0)
    for tick in range(48):
        follower.feed(CLOCK, 61.0 + tick * TICK_S / 90)
    assert follower.tempo() == pytest.approx(90)


def test_the_boards_beats_come_to_lie_on_those_of_the_clock():
    follower, quarters, bpm = Follower(), 7.4, 100.0
    follower.feed(START, 0.0)
    distance = []
    for tick in range(24 * 64):
        at_s = tick * TICK_S / 120
        follower.feed(CLOCK, at_s)
        if tick % 6 == 0:
            bpm = follower.tempo(Place(at_s, quarters, bpm)) or bpm
        distance.append(abs((quarters - tick / 24 + 0.5) % 1.0 - 0.5))
        quarters += bpm / 60 * TICK_S / 120
    assert max(distance[-240:]) < 0.01
    assert bpm == pytest.approx(120, rel=0.01)


def test_ticks_begin_on_a_beat_and_are_24_a_quarter():
    ticker = Ticker()
    sent = [message for step in range(4001) for message in ticker.due(0.5 + step / 1000)]
    assert sent[:2] == [bytes([START]), bytes([CLOCK])]
    assert sent.count(bytes([CLOCK])) == 24 * 3 + 12 + 1


def test_ticks_neither_repeat_nor_flood_when_the_board_jumps():
    ticker = Ticker()
    ticker.due(4.0)
    assert ticker.due(3.5) == [] and ticker.due(4.0) == []
    assert ticker.due(90.0) == []
    assert ticker.due(90.0 + 1.01 / 24) == [bytes([CLOCK])]


def test_the_bridge_sends_the_clock_from_where_the_board_is():
    one = bridge(clock_out=True)
    one.place = place(480 * 8, 120.0, 10.0)
    sent = [message for step in range(1000) for message in one.due(10.0 + step / 1000)]
    assert sent.count(bytes([CLOCK])) == pytest.approx(48, abs=1)
