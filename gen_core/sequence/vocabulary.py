"""The words of the composer: one event is one note with six fields, or a bar line.

Fields in the order in which they are predicted, each given those before it:

| field    | classes | meaning |
|----------|---------|---------|
| delta    | 193     | grid steps since the previous event, 0..191, or BAR: nothing more in this bar |
| part     | 12      | which part of the ensemble plays |
| pitch    | 189     | MIDI key 0..127; percussion keys 27..87 are classes 128..188 |
| duration | 92      | 1..48 steps exactly, then ever coarser up to 64 quarters; percussion always a sixteenth |
| velocity | 32      | MIDI velocity in fours |
| micro    | 5       | how far the onset lies beside its step: -8, -4, 0, 4, 8 ticks |

An event is an int row (6,); a bar line is (BAR, 0, 0, 0, 0, 0). Events of one bar are sorted by step, part, pitch.
Meter, tempo and ensemble are given, not predicted.
"""

from typing import NamedTuple

import numpy as np

from gen_core.spec.time import STEPS_PER_QUARTER

MAX_BAR_STEPS = 192  # two 4/4 bars; longer bars are split
MAX_PARTS = 12
DRUM_PROGRAM = 128  # beside the 128 programs of General MIDI
BAR = MAX_BAR_STEPS
PITCHES = 128
DRUM_LOW, DRUM_HIGH = 27, 87  # percussion keys of General MIDI and its common extension
MICRO_TICKS = 4
MICRO_ZERO = 2
DRUM_DURATION_STEPS = STEPS_PER_QUARTER // 4

DURATIONS = np.array(
    [*range(1, 49)]
    + [n for n in range(49, 97) if n % 6 == 0 or n % 8 == 0]
    + [n for n in range(97, 193) if n % 12 == 0 or n % 16 == 0]
    + [*range(216, 385, 24), *range(480, 1537, 96)],
    dtype=np.int64,
)
DURATION_CLASS = np.abs(np.arange(int(DURATIONS[-1]) + 1)[:, None] - DURATIONS).argmin(axis=1)  # steps → nearest class
DRUM_DURATION = int(DURATION_CLASS[DRUM_DURATION_STEPS])

FIELDS = ("delta", "part", "pitch", "duration", "velocity", "micro")
SIZES = {
    "delta": BAR + 1,
    "part": MAX_PARTS,
    "pitch": PITCHES + DRUM_HIGH - DRUM_LOW + 1,
    "duration": len(DURATIONS),
    "velocity": 32,
    "micro": 2 * MICRO_ZERO + 1,
}
TEMPO_EDGES_BPM = (
    60.0,
    76.0,
    92.0,
    108.0,
    126.0,
    150.0,
)  # largo, adagio, andante, moderato, allegretto, allegro, presto


class Event(NamedTuple):
    """One row of the sequence, every field a class number."""

    delta: int
    part: int = 0
    pitch: int = 0
    duration: int = 0
    velocity: int = 0
    micro: int = 0


BAR_LINE = Event(BAR)


def pitch_class_of_key(key: int, is_drum: bool) -> int:
    """MIDI key → class of the field `pitch`; -1 for a percussion key outside the vocabulary."""
    if not is_drum:
        return key
    return PITCHES + key - DRUM_LOW if DRUM_LOW <= key <= DRUM_HIGH else -1


def key_of_pitch_class(pitch: int) -> int:
    """Class of the field `pitch` → MIDI key."""
    return pitch if pitch < PITCHES else pitch - PITCHES + DRUM_LOW


def velocity_of_class(velocity: int) -> int:
    """Class of the field `velocity` → MIDI velocity 2..126, the middle of its four."""
    return 4 * velocity + 2


def tempo_class(bpm: float) -> int:
    """Quarter notes a minute → one of seven classes."""
    return sum(bpm >= edge for edge in TEMPO_EDGES_BPM)
