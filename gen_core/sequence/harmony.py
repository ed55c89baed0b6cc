"""Which chord holds in each quarter, heard from the notes: what the network is told of a lead sheet while it learns.

Each quarter's pitch classes, weighted by how long they sound, are compared with the tones of 12 roots times 8 kinds.
The score is the share of the weight that lies on the chord, less a price for each tone that is missing and for a
fourth tone, plus a bonus where the lowest key that begins is the root (template matching after Fujishima, "Realtime
chord recognition of musical sound", 1999). Where nothing fits, the chord before goes on.
"""

import numpy as np
from numpy.typing import NDArray

from gen_core.sequence import vocabulary as v
from gen_core.sequence.features import Notes, Quarters, pitch_class_weights

CHORD_KINDS = {  # semitones above the root
    "": (0, 4, 7), "m": (0, 3, 7), "dim": (0, 3, 6), "aug": (0, 4, 8),
    "7": (0, 4, 7, 10), "maj7": (0, 4, 7, 11), "m7": (0, 3, 7, 10), "sus4": (0, 5, 7),
}  # fmt: skip
CHORDS = 12 * len(CHORD_KINDS)
NO_CHORD = CHORDS  # not told, or not heard yet
_MISSING, _FOURTH, _BASS, _LEAST = 0.15, 0.05, 0.12, 0.45


def chord_class(root: int, kind: str) -> int:
    """Root 0..11 and a key of CHORD_KINDS → class of the kind `chord`."""
    return list(CHORD_KINDS).index(kind) * 12 + root % 12


def nearest_chord(root: int, pitch_classes: frozenset[int] | set[int]) -> int:
    """The class that stands for a chord of any tones on `root`: the kind that shares most tones with it."""

    def distance(kind: str) -> int:
        tones = {(root + step) % 12 for step in CHORD_KINDS[kind]}
        return len(tones ^ set(pitch_classes))

    return chord_class(root, min(CHORD_KINDS, key=distance))


def heard_chords(notes: Notes, bar_steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Chord class of every quarter of the bars, NO_CHORD until one is heard. (q,)"""
    quarters = Quarters.of_bars(bar_steps)
    weights = pitch_class_weights(notes, quarters)
    total = weights.sum(axis=1)
    share = weights / np.maximum(total, 1e-9)[:, None]
    inside = share @ _TONES.T
    missing = (share < 0.02).astype(np.float64) @ _TONES.T
    score = inside - _MISSING * missing - _FOURTH * (_TONES.sum(axis=1) - 3)
    bass = _bass(notes, quarters)
    score += _BASS * (bass[:, None] == _ROOTS)
    best = score.argmax(axis=1)
    heard = (total > 0) & (score[np.arange(len(best)), best] >= _LEAST) & ((weights > 0).sum(axis=1) >= 2)
    last = np.maximum.accumulate(np.where(heard, np.arange(len(best)), -1))
    return np.where(last >= 0, best[last], NO_CHORD)


def _bass(notes: Notes, quarters: Quarters) -> NDArray[np.int64]:
    """Pitch class of the lowest key that begins in each quarter, -1 where none does. (q,)"""
    begins = (notes.pitch < v.PITCHES) & (notes.onset >= 0) & (notes.onset < quarters.end)
    quarter = np.searchsorted(quarters.start, notes.onset[begins], side="right") - 1
    low = np.full(len(quarters.start), v.PITCHES)
    np.minimum.at(low, quarter, notes.pitch[begins])
    return np.where(low < v.PITCHES, low % 12, -1)


def _tones() -> NDArray[np.float64]:
    table = np.zeros((CHORDS, 12))
    for number, steps in enumerate(CHORD_KINDS.values()):
        for root in range(12):
            table[number * 12 + root, [(root + step) % 12 for step in steps]] = 1.0
    return table


_TONES = _tones()
_ROOTS = np.arange(CHORDS) % 12
