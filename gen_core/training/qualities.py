"""What a stretch of music is like, as numbers: published features of symbolic music, each with its source.

Everything is computed on the model's grid, the same way for music that people wrote and for music that was generated.
A feature that a stretch does not have (the interval of a single note) is NaN.

MusPy = Dong, Chen, McAuley, Berg-Kirkpatrick, "MusPy: A Toolkit for Symbolic Music Generation", ISMIR 2020, section 4.
mgeval = Yang and Lerch, "On the evaluation of generative models in music", Neural Computing and Applications 32, 2020.
Jazz = Wu and Yang, "The Jazz Transformer on the Front Line", ISMIR 2020, section 4.
Percussion counts only where rhythm is measured (`groove_consistency`, `empty_beat_rate`, `density`, `onset_interval`,
velocity), for its keys are no heights and its lengths no lengths.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gen_core.score.grid import Piece
from gen_core.sequence import vocabulary as v
from gen_core.spec.time import STEPS_PER_QUARTER
from gen_core.training.grams import Grams

_MAJOR = (0, 2, 4, 5, 7, 9, 11)  # a natural minor scale has the pitch classes of its relative major
SCALES = np.array([np.isin((np.arange(12) - root) % 12, _MAJOR) for root in range(12)])  # (12, 12)


@dataclass(frozen=True)
class Window:
    """Notes (n,) of consecutive bars, sorted by onset; times in steps from the first bar line."""

    onset: NDArray[np.int64]
    duration: NDArray[np.int64]
    part: NDArray[np.int64]
    pitch: NDArray[np.int64]  # classes of the vocabulary: 128 and above are percussion
    velocity: NDArray[np.int64]  # MIDI velocity
    bar_steps: NDArray[np.int64]  # (bars,)

    @property
    def steps(self) -> int:
        """Length of the window."""
        return int(self.bar_steps.sum())

    @property
    def pitched(self) -> NDArray[np.bool_]:
        """Which notes have a height."""
        return self.pitch < v.PITCHES

    @property
    def melody(self) -> NDArray[np.int64]:
        """(part, key, step) of the pitched notes, in order. (notes, 3)"""
        return np.stack([self.part, self.pitch, self.onset], axis=1)[self.pitched]


def window(piece: Piece, first: int, bars: int) -> Window:
    """The notes that begin in `bars` bars of `piece` from bar `first` on."""
    events = piece.events.astype(np.int64)
    is_bar = events[:, 0] == v.BAR
    bar = np.cumsum(is_bar) - 1
    run = np.cumsum(np.where(is_bar, 0, events[:, 0]))
    position = run - run[is_bar][bar]  # steps since the bar line
    starts = np.concatenate([[0], np.cumsum(piece.bar_steps[first : first + bars])])
    kept = ~is_bar & (bar >= first) & (bar < first + bars)
    notes = events[kept]
    return Window(
        onset=starts[bar[kept] - first] + position[kept],
        duration=v.DURATIONS[notes[:, 3]],
        part=notes[:, 1],
        pitch=notes[:, 2],
        velocity=4 * notes[:, 4] + 2,
        bar_steps=piece.bar_steps[first : first + bars],
    )


def pitch_range(w: Window) -> float:
    """Highest minus lowest key, semitones. MusPy."""
    keys = w.pitch[w.pitched]
    return float(np.ptp(keys)) if len(keys) else np.nan


def n_pitches_used(w: Window) -> float:
    """Different keys. MusPy."""
    return _some(len(np.unique(w.pitch[w.pitched])))


def n_pitch_classes_used(w: Window) -> float:
    """Different pitch classes. MusPy."""
    return _some(len(np.unique(w.pitch[w.pitched] % 12)))


def polyphony(w: Window) -> float:
    """Keys that sound at once, mean over the steps at which any does. MusPy."""
    count = _sounding(w)
    return float(count[count > 0].mean()) if count.any() else np.nan


def polyphony_rate(w: Window) -> float:
    """Share of all steps at which at least two keys sound. MusPy, threshold 2."""
    return float((_sounding(w) > 1).mean()) if w.pitched.any() else np.nan


def pitch_entropy(w: Window) -> float:
    """Shannon entropy of the keys of all notes, bits. MusPy."""
    return _entropy(w.pitch[w.pitched])


def pitch_class_entropy(w: Window) -> float:
    """Shannon entropy of the pitch classes of all notes, bits. MusPy; Jazz, H1."""
    return _entropy(w.pitch[w.pitched] % 12)


def scale_consistency(w: Window) -> float:
    """Share of notes in the major or minor scale that holds most of them: the largest pitch-in-scale rate. MusPy."""
    classes = np.bincount(w.pitch[w.pitched] % 12, minlength=12)
    return float((SCALES @ classes).max() / classes.sum()) if classes.sum() else np.nan


def empty_beat_rate(w: Window) -> float:
    """Share of quarters in which no note sounds. MusPy."""
    beats = -(-w.steps // STEPS_PER_QUARTER)
    edges = np.zeros(beats + 1)
    np.add.at(edges, w.onset // STEPS_PER_QUARTER, 1)
    last = (w.onset + w.duration - 1) // STEPS_PER_QUARTER
    np.add.at(edges, np.minimum(last + 1, beats), -1)
    return float((np.cumsum(edges)[:-1] == 0).mean())


def groove_consistency(w: Window) -> float:
    """1 - mean Hamming distance of the onsets of neighbouring bars of one length, per step. MusPy; Jazz, GS."""
    starts = np.concatenate([[0], np.cumsum(w.bar_steps)])
    grid = np.zeros(w.steps, bool)
    grid[w.onset] = True
    bars = [grid[a:b] for a, b in zip(starts, starts[1:], strict=False)]
    same = [float((a == b).mean()) for a, b in zip(bars, bars[1:], strict=False) if len(a) == len(b)]
    return float(np.mean(same)) if same else np.nan


def density(w: Window) -> float:
    """Notes a quarter. mgeval, note count."""
    return len(w.onset) * STEPS_PER_QUARTER / w.steps


def energy(w: Window) -> float:
    """Sum of the squared velocities (0..1) a quarter. Ours: what the wish `energy` asks for."""
    return float(((w.velocity / 127) ** 2).sum()) * STEPS_PER_QUARTER / w.steps


def onset_interval(w: Window) -> float:
    """Time between one onset of the ensemble and the next, mean, quarters. mgeval, average inter-onset interval."""
    waits = np.diff(np.unique(w.onset))
    return float(waits.mean() / STEPS_PER_QUARTER) if len(waits) else np.nan


def note_length(w: Window) -> float:
    """Mean duration, quarters. mgeval, after the note length histogram."""
    lengths = w.duration[w.pitched]
    return float(lengths.mean() / STEPS_PER_QUARTER) if len(lengths) else np.nan


def note_length_entropy(w: Window) -> float:
    """Shannon entropy of the durations, bits. mgeval, after the note length histogram."""
    return _entropy(w.duration[w.pitched])


def pitch_interval(w: Window) -> float:
    """Distance of successive notes of a part, mean of the absolute values, semitones. mgeval, average pitch interval.

    Of a chord only the highest note counts, so that chords do not pass for leaps.
    """
    order = np.lexsort((w.pitch, w.onset, w.part))
    order = order[w.pitched[order]]
    part, onset, pitch = w.part[order], w.onset[order], w.pitch[order]
    top = np.ones(len(order), bool)
    top[:-1] = (part[1:] != part[:-1]) | (onset[1:] != onset[:-1])
    part, pitch = part[top], pitch[top]
    leaps = np.abs(np.diff(pitch))[part[1:] == part[:-1]]
    return float(leaps.mean()) if len(leaps) else np.nan


def repetition(w: Window) -> float:
    """Share of melodic n-grams that were heard before in the window. Ours: see `grams`."""
    grams = Grams()
    grams.push_all(w.melody.tolist())
    return grams.rate


def velocity(w: Window) -> float:
    """Mean MIDI velocity. mgeval names dynamics as missing; the mean is its plainest form."""
    return float(w.velocity.mean()) if len(w.velocity) else np.nan


def velocity_spread(w: Window) -> float:
    """Standard deviation of the MIDI velocity."""
    return float(w.velocity.std()) if len(w.velocity) else np.nan


def mean_pitch(w: Window) -> float:
    """Mean key of the pitched notes."""
    return float(w.pitch[w.pitched].mean()) if w.pitched.any() else np.nan


def parts_playing(w: Window) -> float:
    """Parts of the ensemble that are heard at all."""
    return _some(len(np.unique(w.part)))


FEATURES: dict[str, Callable[[Window], float]] = {
    feature.__name__: feature
    for feature in (
        pitch_range, n_pitches_used, n_pitch_classes_used, polyphony, polyphony_rate, pitch_entropy,
        pitch_class_entropy, scale_consistency, empty_beat_rate, groove_consistency, density, energy, onset_interval,
        note_length, note_length_entropy, pitch_interval, repetition, velocity, velocity_spread, mean_pitch,
        parts_playing,
    )
}  # fmt: skip


def qualities(w: Window) -> NDArray[np.float64]:
    """All of FEATURES, in their order. (features,)"""
    return np.array([feature(w) for feature in FEATURES.values()])


def _sounding(w: Window) -> NDArray[np.int64]:
    """How many different keys sound at each step of the window. (steps,)"""
    roll = np.zeros((v.PITCHES, w.steps + 1), np.int32)
    ends = np.minimum(w.onset + w.duration, w.steps)
    np.add.at(roll, (w.pitch[w.pitched], w.onset[w.pitched]), 1)
    np.add.at(roll, (w.pitch[w.pitched], ends[w.pitched]), -1)
    return np.asarray((np.cumsum(roll, axis=1)[:, :-1] > 0).sum(axis=0))


def _entropy(values: NDArray[np.int64]) -> float:
    if not len(values):
        return np.nan
    share = np.unique(values, return_counts=True)[1] / len(values)
    return float(-(share * np.log2(share)).sum()) + 0.0


def _some(count: int) -> float:
    return float(count) if count else np.nan
