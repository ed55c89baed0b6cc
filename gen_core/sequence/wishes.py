"""Wishes: what 0..1 means in music, and the tilt that makes the network follow.

The network was told each bar's octiles while it learned, and so leans towards what it is asked for. It leans; it does
not arrive. So its logits are also tilted, p(x) exp(λ f(x)), where f grows with the feature: among all distributions
with the same mean of f this is the one nearest to the network's own (Csiszár, "I-divergence geometry", 1975). λ is a
guess from the wish at once, corrected bar by bar from what was obtained.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gen_core.sequence import vocabulary as v
from gen_core.sequence.layout import KINDS, WISHES
from gen_core.spec.note import Note
from gen_core.spec.time import STEPS_PER_QUARTER

NOT_ASKED = 0.5
OCTILE_EDGES = {  # of the bars with notes in the training split, every source of the corpus weighing the same
    "density": (2.33, 3.17, 4.0, 4.5, 5.67, 7.5, 11.33),
    "energy": (0.72, 1.15, 1.51, 1.84, 2.32, 3.3, 6.15),
    "register": (52.17, 57.25, 59.14, 60.6, 62.0, 63.8, 66.95),
    "brightness": (62.67, 66.25, 68.33, 70.0, 72.0, 74.25, 78.75),
    "tension": (-0.74, -0.622, -0.527, -0.447, -0.364, -0.266, -0.14),
    "valence": (-0.175, -0.066, 0.024, 0.096, 0.167, 0.225, 0.284),
    "polyphony": (1.5, 2.25, 3.0, 3.75, 4.25, 5.5, 8.0),  # by hand: half of all bars have four parts exactly
}
_ENDS = {  # 2nd and 98th percentiles
    "density": (1.0, 24.0), "energy": (0.24, 14.15), "register": (39.68, 73.95), "brightness": (48.0, 87.5),
    "tension": (-0.936, 0.344), "valence": (-0.311, 0.362), "polyphony": (1.0, 15.0),
}  # fmt: skip
IQR = {  # interquartile ranges of the same bars: what a change is measured by
    "density": 4.33, "energy": 2.15, "register": 6.55, "brightness": 8.0, "tension": 0.356, "valence": 0.291,
    "polyphony": 1.13,
}  # fmt: skip
_GUESS = 2.0  # tilt of a wish at its end, before anything was heard
_GAIN = 0.6  # of the correction, a bar
_FADE = 0.5  # of a correction that nobody asks for any more, a bar
LIMIT = 5.0  # beyond this the tilt drowns the network


class Tilt(NamedTuple):
    """λ of each feature: time between onsets, velocity, pitch."""

    density: float = 0.0
    loudness: float = 0.0
    register: float = 0.0


def wish_class(wish: float) -> int:
    """0..1 → octile class that the network is told; a half asks for nothing."""
    return KINDS["wish"] - 1 if wish == NOT_ASKED else min(int(wish * 8), 7)


def octiles(name: str, values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Feature values → classes 0..7 of the kind `wish`; NaN → not asked."""
    classes = np.searchsorted(OCTILE_EDGES[name], values, side="right")
    return np.where(np.isnan(values), KINDS["wish"] - 1, classes)


def target(name: str, wish: float) -> float:
    """The feature's value that a wish 0..1 means: its quantile in the corpus."""
    low, high = _ENDS[name]
    return float(np.interp(wish, np.arange(9) / 8, (low, *OCTILE_EDGES[name], high)))


def applied(correction: Tilt, wishes: Mapping[str, float]) -> Tilt:
    """The tilt to draw with: the guess from the wishes plus the correction so far."""
    density, energy, register = (2 * _GUESS * (wishes[name] - NOT_ASKED) for name in WISHES[:3])
    tilt = (density + energy / 2 + correction[0], energy / 2 + correction[1], register + correction[2])
    return Tilt(*(min(max(part, -LIMIT), LIMIT) for part in tilt))


def corrected(
    correction: Tilt, wishes: Mapping[str, float], notes: Sequence[Note], drums: int, quarters: float
) -> Tilt:
    """The correction after hearing `notes` in `quarters` of music. `drums`: number of the percussion part, or -1."""
    density = len(notes) / quarters
    energy = sum((note.velocity / 127) ** 2 for note in notes) / quarters
    keys = [note.pitch for note in notes if note.part != drums]
    asked = {name: wishes[name] != NOT_ASKED for name in WISHES[:3]}
    errors = [0.0, 0.0, 0.0]
    if asked["density"]:
        errors[0] = _log_ratio(target("density", wishes["density"]), density)
    if asked["energy"]:
        missing = _log_ratio(target("energy", wishes["energy"]), energy)
        errors[1] = missing
        errors[0] += 0.0 if asked["density"] else missing
    if asked["register"] and keys:
        errors[2] = (target("register", wishes["register"]) - sum(keys) / len(keys)) / 6
    followed = (asked["density"] or asked["energy"], asked["energy"], asked["register"])
    kept = (part * (1 if follow else _FADE) for part, follow in zip(correction, followed, strict=True))
    return Tilt(*(_clip(part + _GAIN * _clip(error, 1.5), LIMIT) for part, error in zip(kept, errors, strict=True)))


def tilt_deltas(logits: NDArray[np.float32], tilt: Tilt, left_in_bar: int) -> NDArray[np.float32]:
    """Favour short steps to the next onset where density is wished for. `left_in_bar`: what a bar line skips."""
    if not tilt.density:
        return logits
    waits = _WAITS.copy()
    waits[v.BAR] = math.log1p(left_in_bar + STEPS_PER_QUARTER // 2) / _QUARTER
    return np.asarray(logits - tilt.density * waits, np.float32)


def tilt_velocities(logits: NDArray[np.float32], tilt: Tilt) -> NDArray[np.float32]:
    """Favour loud notes where energy is wished for."""
    return np.asarray(logits + tilt.loudness * _LOUDNESS, np.float32) if tilt.loudness else logits


def tilt_pitches(logits: NDArray[np.float32], tilt: Tilt) -> NDArray[np.float32]:
    """Favour high keys where register is wished for; percussion keys are no heights."""
    return np.asarray(logits + tilt.register * _HEIGHTS, np.float32) if tilt.register else logits


_QUARTER = math.log1p(STEPS_PER_QUARTER)
_WAITS = np.log1p(np.arange(v.BAR + 1)) / _QUARTER
_LOUDNESS = (np.arange(v.SIZES["velocity"]) - 20) / 5
_HEIGHTS = np.where(np.arange(v.SIZES["pitch"]) < v.PITCHES, (np.arange(v.SIZES["pitch"]) - 60) / 12, 0.0)


def _clip(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)


def _log_ratio(wanted: float, got: float) -> float:
    return math.log((wanted + 0.05) / (got + 0.05))
