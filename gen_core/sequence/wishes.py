"""Wishes: what 0..1 means in music.

A wish at 0.5 asks for nothing. 0 and 1 are the corpus' 2nd and 98th percentiles, as far as the ensemble can follow; the
way between goes half by the corpus' quantiles, half in even steps.

- The way is kept inside what the ensemble can reach (`reach`): a bass cannot play the highest eighth of the corpus.
- Where it is known what the music does on its own, the way leads through that in its middle, so that a knob which
  leaves its middle starts from what is heard.

So a wish that rises always asks for more, whoever plays; the network is told the octile of the value so found.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gen_core.sequence import vocabulary as v
from gen_core.sequence.layout import KINDS
from gen_core.sequence.rules import PartRule

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
ENDS = {  # 2nd and 98th percentiles
    "density": (1.0, 24.0), "energy": (0.24, 14.15), "register": (39.68, 73.95), "brightness": (48.0, 87.5),
    "tension": (-0.936, 0.344), "valence": (-0.311, 0.362), "polyphony": (1.0, 15.0),
}  # fmt: skip
IQR = {  # interquartile ranges of the same bars: what a change is measured by
    "density": 4.33, "energy": 2.15, "register": 6.55, "brightness": 8.0, "tension": 0.356, "valence": 0.291,
    "polyphony": 1.13,
}  # fmt: skip
_CURVES = {name: (low, *OCTILE_EDGES[name], high) for name, (low, high) in ENDS.items()}
_INSIDE = 0.25  # of the reach: the middle of a wish stays this far from both ends, so that there is room either way
_BENT = 0.5  # how far the way follows the corpus' quantiles; the rest is even steps, which leave less to the middle
_RATIO = {  # features that are heard as ratios: what is added before a logarithm is taken, and the IQR of that
    "density": (0.5, 0.78), "energy": (0.1, 1.0), "polyphony": (0.0, 0.28),
}  # fmt: skip


class Reach(NamedTuple):
    """The lowest and highest value of a feature that an ensemble can be asked for."""

    low: float
    high: float


def octiles(name: str, values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Feature values → classes 0..7 of the kind `wish`; NaN → not asked."""
    classes = np.searchsorted(OCTILE_EDGES[name], values, side="right")
    return np.where(np.isnan(values), KINDS["wish"] - 1, classes)


def level(name: str, value: float) -> float:
    """A feature's value as it is heard: in interquartile ranges of the corpus, of logarithms where ratios count."""
    if name not in _RATIO:
        return value / IQR[name]
    added, spread = _RATIO[name]
    return math.log(value + added) / spread


def value_of(name: str, level_: float) -> float:
    """The value that has this level."""
    if name not in _RATIO:
        return level_ * IQR[name]
    added, spread = _RATIO[name]
    return math.exp(level_ * spread) - added


def quantile(name: str, wish: float) -> float:
    """The feature's quantile in the corpus."""
    eighth = min(int(wish * 8), 7)
    below, above = _CURVES[name][eighth : eighth + 2]
    return below + (wish * 8 - eighth) * (above - below)


def target(name: str, wish: float, within: Reach | None = None, natural: float = math.nan) -> float:
    """The value that a wish 0..1 means, `within` the ensemble's reach.

    `natural`: what the music is while nobody asks, NaN where that is not known.
    """
    low, middle, high = (level(name, quantile(name, q)) for q in (0.0, NOT_ASKED, 1.0))
    least, most = (level(name, end) for end in within) if within else (low, high)
    margin = _INSIDE * (most - least)
    centre = middle if math.isnan(natural) else level(name, natural)
    centre = min(max(centre, least + margin), most - margin)
    end, corpus_end = (least, low) if wish < NOT_ASKED else (most, high)
    # Where the span is narrower than the corpus' the curve is straighter still: its ends would take most of it.
    share = _BENT * min((end - centre) / (corpus_end - middle), 1.0)
    bent = (level(name, quantile(name, wish)) - middle) / (corpus_end - middle)
    return value_of(name, centre + (end - centre) * (share * bent + (1 - share) * 2 * abs(wish - NOT_ASKED)))


def reach(parts: tuple[PartRule, ...]) -> dict[str, Reach]:
    """What an ensemble can be asked for, by name of FEATURES; the corpus' own ends where the ensemble sets no limit."""
    pitched = [part for part in parts if part.program != v.DRUM_PROGRAM]
    found = {name: Reach(*ends) for name, ends in ENDS.items()}
    struck = sum(min(part.chord, _HANDS) for part in pitched)
    voices = sum(min(part.chord, part.polyphony, _HANDS) for part in pitched)
    strokes = struck + 2 * (len(parts) - len(pitched))
    for name, per_voice in _MOST.items():
        found[name] = Reach(ENDS[name][0], min(ENDS[name][1], per_voice * strokes))
    if pitched:
        low, high = (sum(end) / len(pitched) for end in zip(*((part.low, part.high) for part in pitched), strict=True))
        found["register"] = _inside("register", low, high)
        found["brightness"] = _inside("brightness", max(p.low for p in pitched) - 3, max(p.high for p in pitched))
        found["polyphony"] = Reach(1.0, max(min(ENDS["polyphony"][1], _TOGETHER * voices), 1.5))
    return found


_HANDS = 4  # keys of one stroke that a part plays often
_MOST = {"density": 2.0, "energy": 1.2}  # a quarter, for each key that may be struck at once
_TOGETHER = 1.0  # of all voices that sound at once, at most
_EDGE = 0.12  # of a range that is left alone at either end: nobody plays there all the time


def _inside(name: str, low: float, high: float) -> Reach:
    """The part of the corpus' span that lies well inside low..high; all of low..high where the two are apart."""
    edge = _EDGE * (high - low)
    least, most = max(ENDS[name][0], low + edge), min(ENDS[name][1], high - edge)
    return Reach(least, most) if most - least >= edge else Reach(low, high)
