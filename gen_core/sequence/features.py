"""What a bar of music is like, as numbers: one file for training, for checking and for the board's own ear.

| feature    | of one bar                                                        | unit            | source |
|------------|-------------------------------------------------------------------|-----------------|--------|
| density    | notes that begin                                                  | notes a quarter | count  |
| energy     | sum of squared velocities (0..1) of what begins                   | 1 a quarter     | intensity as squared amplitude |
| register   | mean key of the pitched notes that begin                          | MIDI key        | mean pitch |
| brightness | mean over quarters of the highest key that begins there           | MIDI key        | height of the upper line, which hearers call bright (Schubert and Wolfe, "Does timbral brightness scale with frequency and spectral centroid?", 2006) |
| tension    | mean over quarters of the dissonance of all pairs of pitch classes sounding there | -1.24..1.43 | Huron, "Interval-class content in equally tempered pitch-class sets", 1994, table 2, sign reversed |
| valence    | best major key's fit less best minor key's fit of the pitch classes | correlation     | Krumhansl and Kessler, "Tracing the dynamic changes in perceived tonal organization", 1982; major as the happier: Gagnon and Peretz, 2003 |
| polyphony  | mean number of pitched notes that sound, while any does           | notes           | as in MusPy (Dong et al., 2020) |

A feature is NaN where a bar says nothing about it (no pitched note, say). A quarter is a stretch of 24 steps counted from
the bar line; the last one of a bar may be shorter. Notes held over from earlier bars sound, but do not begin.
"""  # noqa: E501

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gen_core.sequence import vocabulary as v
from gen_core.spec.time import STEPS_PER_QUARTER

FEATURES = ("density", "energy", "register", "brightness", "tension", "valence", "polyphony")
CONSONANCE = np.array([0.0, -1.428, -0.582, 0.594, 0.386, 1.240, -0.453])  # Huron 1994, of interval classes 0..6
_MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
_MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
LEAST_CLASSES = 3  # pitch classes that a bar must have before a mode can be heard in it

_STEPS = np.arange(12)
_CLASS = np.minimum((_STEPS[:, None] - _STEPS) % 12, (_STEPS - _STEPS[:, None]) % 12)
DISSONANCE = -CONSONANCE[_CLASS]  # (12, 12), of each pair of pitch classes


def key_profiles() -> NDArray[np.float64]:
    """Twelve major, then twelve minor keys (24, 12), each of mean 0 and length 1, for correlations."""
    table = np.stack([np.roll(profile, tonic) for profile in (_MAJOR, _MINOR) for tonic in range(12)])
    table = table - table.mean(axis=1, keepdims=True)
    return np.asarray(table / np.linalg.norm(table, axis=1, keepdims=True))


_PROFILES = key_profiles()


class Notes(NamedTuple):
    """Notes as columns, each (n,). Steps count from the first bar line; what was held over begins before 0."""

    onset: NDArray[np.int64]  # steps
    pitch: NDArray[np.int64]  # classes of the vocabulary: keys, then percussion
    steps: NDArray[np.int64]  # duration
    velocity: NDArray[np.int64]  # 0..127

    @classmethod
    def of_events(cls, events: NDArray[np.int16], bar_steps: NDArray[np.int64]) -> "Notes":
        """Notes of events (n, 6) in bars of `bar_steps`."""
        wide = events.astype(np.int64)
        is_bar = wide[:, 0] == v.BAR
        bar = np.cumsum(is_bar) - 1
        starts = np.concatenate([[0], np.cumsum(bar_steps)])
        moved = np.cumsum(np.where(is_bar, 0, wide[:, 0]))
        onset = starts[bar] + moved - moved[np.flatnonzero(is_bar)[bar]]
        notes = wide[~is_bar]
        return cls(onset[~is_bar], notes[:, 2], v.DURATIONS[notes[:, 3]], 4 * notes[:, 4] + 2)


class Quarters(NamedTuple):
    """The quarters of some bars: where each begins (q,), which bar it is of (q,), and where the last one ends."""

    start: NDArray[np.int64]
    bar: NDArray[np.int64]
    end: int

    @classmethod
    def of_bars(cls, bar_steps: NDArray[np.int64]) -> "Quarters":
        """Quarters counted from each bar line."""
        count = -(-bar_steps // STEPS_PER_QUARTER)
        bar = np.repeat(np.arange(len(bar_steps)), count)
        first = np.concatenate([[0], np.cumsum(bar_steps)])
        within = np.arange(len(bar)) - np.repeat(np.cumsum(count) - count, count)
        return cls(first[bar] + within * STEPS_PER_QUARTER, bar, int(first[-1]))


def pitch_class_weights(notes: Notes, quarters: Quarters) -> NDArray[np.float64]:
    """Steps for which each pitch class sounds in each quarter. (q, 12)"""
    pitched = (notes.pitch < v.PITCHES) & (notes.onset + notes.steps > 0) & (notes.onset < quarters.end)
    onset = np.maximum(notes.onset[pitched], 0)
    end = np.minimum(notes.onset[pitched] + notes.steps[pitched], quarters.end)
    first = np.searchsorted(quarters.start, onset, side="right") - 1
    count = np.searchsorted(quarters.start, end, side="left") - first
    note = np.repeat(np.arange(len(onset)), count)
    quarter = first[note] + np.arange(len(note)) - np.repeat(np.cumsum(count) - count, count)
    edges = np.append(quarters.start, quarters.end)
    steps = np.minimum(end[note], edges[quarter + 1]) - np.maximum(onset[note], edges[quarter])
    place = quarter * 12 + notes.pitch[pitched][note] % 12
    return np.asarray(np.bincount(place, steps, 12 * len(quarters.start)).reshape(-1, 12), np.float64)


def bar_features(notes: Notes, bar_steps: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Every feature of every bar, (bars,) by name of FEATURES."""
    quarters = Quarters.of_bars(bar_steps)
    weights = pitch_class_weights(notes, quarters)
    return (
        _onsets(notes, bar_steps, quarters)
        | {"tension": _bar_means(_tension(weights), quarters), "valence": _valence(weights, quarters)}
        | {"polyphony": _polyphony(notes, bar_steps)}
    )


def _onsets(notes: Notes, bar_steps: NDArray[np.int64], quarters: Quarters) -> dict[str, NDArray[np.float64]]:
    """What begins: density, energy, register, brightness."""
    bars, length = len(bar_steps), bar_steps / STEPS_PER_QUARTER
    begins = (notes.onset >= 0) & (notes.onset < quarters.end)
    onset, pitch, velocity = notes.onset[begins], notes.pitch[begins], notes.velocity[begins]
    quarter = np.searchsorted(quarters.start, onset, side="right") - 1
    bar = quarters.bar[quarter]
    pitched = pitch < v.PITCHES
    count = np.bincount(bar[pitched], minlength=bars)
    total = np.bincount(bar[pitched], pitch[pitched].astype(np.float64), bars)
    top = np.full(len(quarters.start), -1.0)
    np.maximum.at(top, quarter[pitched], pitch[pitched].astype(np.float64))
    return {
        "density": np.bincount(bar, minlength=bars) / length,
        "energy": np.bincount(bar, (velocity / 127.0) ** 2, bars) / length,
        "register": _ratio(total, count),
        "brightness": _bar_means(np.where(top < 0, np.nan, top), quarters),
    }


def _tension(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean dissonance of the pairs of pitch classes in each quarter; NaN where there is no pair, (q,)."""
    there = (weights > 0).astype(np.float64)
    classes = there.sum(axis=1)
    return _ratio(((there @ DISSONANCE) * there).sum(axis=1), classes * (classes - 1))


def _valence(weights: NDArray[np.float64], quarters: Quarters) -> NDArray[np.float64]:
    """Best correlation with a major key less best with a minor key, of each bar. (bars,)"""
    bars = int(quarters.bar[-1]) + 1 if len(quarters.bar) else 0
    whole = np.zeros((bars, 12))
    np.add.at(whole, quarters.bar, weights)
    centred = whole - whole.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1)
    fit = (centred / np.maximum(length, 1e-9)[:, None]) @ _PROFILES.T
    difference = fit[:, :12].max(axis=1) - fit[:, 12:].max(axis=1)
    return np.where(((whole > 0).sum(axis=1) >= LEAST_CLASSES) & (length > 0), difference, np.nan)


def _polyphony(notes: Notes, bar_steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """Notes sounding, averaged over the steps on which any sounds. (bars,)"""
    edges = np.concatenate([[0], np.cumsum(bar_steps)])
    pitched = (notes.pitch < v.PITCHES) & (notes.onset + notes.steps > 0) & (notes.onset < edges[-1])
    change = np.zeros(int(edges[-1]) + 1)
    np.add.at(change, np.maximum(notes.onset[pitched], 0), 1)
    np.add.at(change, np.minimum(notes.onset[pitched] + notes.steps[pitched], edges[-1]), -1)
    sounding = np.cumsum(change[:-1])
    return _ratio(np.add.reduceat(sounding, edges[:-1]), np.add.reduceat((sounding > 0).astype(np.float64), edges[:-1]))


def _bar_means(values: NDArray[np.float64], quarters: Quarters) -> NDArray[np.float64]:
    """Mean over the quarters of each bar that have a value; NaN where none has. (bars,)"""
    bars = int(quarters.bar[-1]) + 1 if len(quarters.bar) else 0
    known = ~np.isnan(values)
    return _ratio(
        np.bincount(quarters.bar[known], values[known], bars), np.bincount(quarters.bar[known], minlength=bars)
    )


def _ratio(top: NDArray[Any], bottom: NDArray[Any]) -> NDArray[np.float64]:
    """top / bottom, NaN where bottom is 0."""
    return np.where(bottom > 0, top / np.maximum(bottom, 1e-12), np.nan)
