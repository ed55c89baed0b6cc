"""What a player hears in a MIDI file: the bytes are typed here."""

import numpy as np
import pytest

from gen_core.spec.errors import UsageError
from host_tools import midi_file
from host_tools.midi_file import Part
from tests.fixtures import hostile
from tests.fixtures.hostile import ABSURD, END, UNREADABLE, header, quantity, tempo, track

PLAYED = {"film_time", "notes_that_never_end", "data_bytes_above_127"}  # of no use to a composer, but they sound
TOO_LONG = {"a_note_of_days"}  # the other way round


def event(ticks, *message):
    return quantity(ticks) + bytes(message)


def note(ticks, pitch=60, channel=0, velocity=100, before=0):
    return event(before, 0x90 | channel, pitch, velocity) + event(ticks, 0x80 | channel, pitch, 0)


def song(*bodies, division=480):
    return midi_file.parse(header(1, len(bodies), division) + b"".join(track(body + END) for body in bodies), "x.mid")


def times(made):
    return [(float(start), float(end)) for start, end in made.notes[["start", "end"]].tolist()]


@pytest.mark.parametrize("name", [*(UNREADABLE.keys() - PLAYED), *TOO_LONG])
def test_what_cannot_be_played_is_one_line_that_names_the_file(name):
    data = UNREADABLE.get(name) if name in UNREADABLE else ABSURD[name][0]
    with pytest.raises(UsageError, match=r"^bad\.mid (is|holds|lasts) .*; ") as caught:
        midi_file.parse(data, "bad.mid")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [*(ABSURD.keys() - TOO_LONG), *PLAYED])
def test_what_is_absurd_is_played_all_the_same(name):
    data, count = ABSURD.get(name) or (UNREADABLE[name], 1)
    made = midi_file.parse(data, name)
    assert len(made.notes) >= count and np.isfinite(made.notes["end"]).all()
    assert (made.notes["end"] >= made.notes["start"]).all() and made.notes["velocity"].min() >= 1


CASES = {  # what a file says → the notes that sound, in seconds
    "a quarter at 120": ((note(480),), [(0.0, 0.5)]),
    "999 beats a minute": ((tempo(round(6e7 / 999).to_bytes(3)) + note(480),), [(0.0, 0.06006)]),
    "the slowest tempo that can be written": ((tempo(b"\xff\xff\xff") + note(480),), [(0.0, 16.777215)]),
    "a tempo of another track": ((tempo((10**6).to_bytes(3)), note(480)), [(0.0, 1.0)]),
    "faster half way": ((event(240, 0xFF, 0x51, 3) + (250_000).to_bytes(3), note(480)), [(0.0, 0.375)]),
    "the lowest and the highest key": ((note(480, 0) + note(480, 127),), [(0.0, 0.5), (0.5, 1.0)]),
    "no end": ((event(0, 0x90, 60, 9) + event(960, 0xB0, 1, 0),), [(0.0, 1.0)]),
    "no end, and the track ends at once": ((event(0, 0x90, 60, 9),), [(0.0, 0.5)]),
    "velocity 0 ends": ((event(0, 0x90, 60, 9) + event(480, 60, 0),), [(0.0, 0.5)]),
    "struck again while held": (
        (event(0, 0x90, 60, 9) + event(240, 60, 9) + event(240, 60, 0) + event(240, 60, 0),),
        [(0.0, 0.25), (0.25, 0.75)],
    ),
    "struck twice at once": ((event(0, 0x90, 60, 9) + event(0, 60, 90) + event(480, 60, 0),), [(0.0, 0.5)]),
    "pedal": ((event(0, 0xB0, 64, 127) + note(480) + event(480, 0xB0, 64, 0),), [(0.0, 1.0)]),
    "pedal that never comes up": ((event(0, 0xB0, 64, 127) + note(480),), [(0.0, 0.5)]),
    "no pedal for drums": ((event(0, 0xB9, 64, 127) + note(480, channel=9) + event(480, 0xB9, 64, 0),), [(0.0, 0.5)]),
}


@pytest.mark.parametrize("case", CASES)
def test_notes_sound_when_the_file_says(case):
    bodies, wanted = CASES[case]
    assert np.allclose(times(song(*bodies)), wanted, atol=1e-5)


def test_film_time_knows_no_tempo():
    assert times(song(tempo(b"\x01\0\0") + note(1000), division=0xE728)) == [(0.0, 1.0)]


PARTS = {  # what a file says → who plays
    "by program": ((event(0, 0xC0, 73) + note(9), event(0, 0xC1, 32) + note(9, channel=1)), [(73, False), (32, False)]),
    "a change of program is another part": (
        (event(0, 0xC0, 1) + note(9) + event(0, 0xC0, 2) + note(9) + event(0, 0xC0, 1) + note(9),),
        [(1, False), (2, False)],
    ),
    "set up in a track of its own": ((event(0, 0xC0, 73), note(9)), [(73, False)]),
    "all on one channel": ((event(0, 0xC0, 73) + note(9), event(0, 0xC0, 5) + note(9)), [(73, False), (5, False)]),
    "percussion": ((note(9, channel=9),), [(0, True)]),
    "a kit": ((event(0, 0xC9, 25) + note(9, channel=9),), [(25, True)]),
    "channels of one track": ((note(9) + note(9, channel=3) + note(9, channel=9),), [(0, False)] * 2 + [(0, True)]),
}


@pytest.mark.parametrize("case", PARTS)
def test_parts_are_told_by_track_channel_and_program(case):
    bodies, wanted = PARTS[case]
    assert [(part.program, part.percussion) for part in song(*bodies).parts] == wanted


def test_a_track_gives_its_name():
    assert song(b"\0\xff\x03\x04comb" + note(9)).parts == (Part("comb", 0, False),)


def test_volume_and_expression_are_levels_by_the_square_of_their_value():
    made = song(event(0, 0xB0, 7, 50) + note(480) + event(0, 0xB0, 11, 64) + note(480))
    assert made.levels == (pytest.approx((0.0, 0, 0.25)), pytest.approx((0.5, 0, 0.25 * (64 / 127) ** 2)))
    assert song(note(9)).levels == ()


def test_tempos_are_told_in_seconds():
    made = song(event(480, 0xFF, 0x51, 3) + (250_000).to_bytes(3), note(960))
    assert made.tempos == ((0.0, pytest.approx(120.0)), (0.5, pytest.approx(240.0)))


def test_a_wrapper_around_the_file_does_not_matter():
    data = header(0, 1) + track(hostile.notes() + END)
    assert len(midi_file.parse(b"RIFF\0\0\0\0RMIDdata\0\0\0\0" + data, "x").notes) == 8
