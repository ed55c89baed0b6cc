"""What the composer remembers of the sound: the notes of the bar that is being made, and those held over into it.

They hang together as a chain, the latest first: (note, all before it). A moment keeps a chain by keeping its head, and
adding a note changes none that anybody keeps.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gen_core.sequence import vocabulary as v
from gen_core.sequence.features import Notes, bar_features


class Sound(NamedTuple):
    """One note. Steps are absolute; `velocity` is a class."""

    onset: int
    pitch: int  # class of the vocabulary: keys, then percussion
    end: int
    velocity: int


Chain = tuple[Sound, "Chain"] | None


def sounds(chain: Chain) -> Iterator[Sound]:
    """The notes, the latest first."""
    while chain is not None:
        sound, chain = chain
        yield sound


def held_over(chain: Chain, bar_line: int) -> Chain:
    """Only what still sounds behind the bar line."""
    kept: Chain = None
    for sound in sounds(chain):
        if sound.end > bar_line and sound.pitch < v.PITCHES:
            kept = (sound, kept)
    return kept


def classes_since(chain: Chain, step: int) -> int:
    """Pitch classes that have sounded at `step` or later, as bits."""
    bits = 0
    for _, pitch, end, _ in sounds(chain):
        if end > step and pitch < v.PITCHES:
            bits |= 1 << pitch % 12
    return bits


def highest_since(chain: Chain, step: int) -> int:
    """The highest key that began at `step` or later; -1 where none did."""
    return max((s.pitch for s in sounds(chain) if s.onset >= step and s.pitch < v.PITCHES), default=-1)


def class_lengths(chain: Chain, bar_start: int, bar_end: int, before: int | None = None) -> NDArray[np.float64]:
    """Steps for which each pitch class sounds in the bar, of the notes that began `before` a step in it. (12,)"""
    lengths, until = [0.0] * 12, bar_end if before is None else before
    for onset, pitch, end, _ in sounds(chain):
        if pitch < v.PITCHES and onset < until:
            lengths[pitch % 12] += min(end, bar_end) - max(onset, bar_start)
    return np.array(lengths)


def heard(chain: Chain, bar_start: int, bar_steps: int) -> dict[str, float]:
    """Every feature of the bar, by name; NaN where the bar says nothing about it."""
    columns = np.array([s for s in sounds(chain)], np.int64).reshape(-1, 4)
    onset, pitch, end, velocity = columns.T
    notes = Notes(onset - bar_start, pitch, end - onset, 4 * velocity + 2)
    return {name: float(values[0]) for name, values in bar_features(notes, np.array([bar_steps])).items()}
