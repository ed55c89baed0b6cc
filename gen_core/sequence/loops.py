"""One feature's control loop: from what was heard to the λ that it is tilted with.

A feature that is asked for is *driven*: a guess at once, from how the feature is known to answer, then proportional and
integral action. One that nobody asks for is *held*: what it was over the first bars behind an introduction is its
anchor, and the mean of the last bars is led back where it leaves a band around that, in proportion and by a slow
integral.

Both learn by least mean squares (Widrow and Hoff, "Adaptive switching circuits", 1960): a driven feature how large a
guess has to be, a held one how much λ it needs against each wish that is asked for. So after some bars a wish is
followed at once, and what is held need not move before it is led back.

Levels are those of `wishes.level`: 1 is one interquartile range of the corpus. A bar is the unit of time.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from gen_core.sequence.features import FEATURES

INTRODUCTION_BARS = 8  # say little of what follows: parts set in one by one, or the old ensemble is still in the ear
ANCHOR_BARS = 32  # after these the anchor is fixed, so that nothing can drift away with it; before, nothing is led back
KNOWN_BARS = 8  # before these it is not leant upon at all
GUESS = 0.6  # of the λ that the measured slope calls for: the network, told what is wished for, does its own part
HOLD, CREEP = 0.6, 0.06  # of what the mean of the last bars lies outside the band: at once, and more every bar
ADAPT = 0.25  # of what a wish at its end moves a held feature by, a bar
ADAPT_GUESS = 0.15  # of the part of the guess that turned out wrong, a bar
MOST_GUESS = 2.5
LATELY = 0.6  # a bar's part in what was heard lately
SLOW = 1 / 8  # a bar's part in the mean of the last bars
BAND = 0.10  # how far that mean may stray
MOST = 1.0  # it is not led back faster than from here
CLIP = 1.5  # a single bar says no more than this


class Plant(NamedTuple):
    """How a feature answers its λ, measured on the default model with three ensembles, and how it is driven.

    Heights and numbers of notes go on the way they go, and a tilt only bends that: they need a reaction to the last
    bars more than an integral, which would overshoot; heights are so slow that a new wish has to turn them with more
    than holds them then. What sounds together is made anew with every note.
    """

    slope: float  # levels for λ = 1
    limit: float  # of λ: beyond it the tilt drowns the network
    react: float  # to what was missing lately
    learn: float  # of what is missing, a bar: the integral
    slow: bool = False  # the reaction to a new wish counts what was heard under the old one


PLANTS = {
    "density": Plant(0.5, 8.0, 1.2, 0.24),
    "energy": Plant(0.8, 5.0, 1.2, 0.24),
    "register": Plant(1.0, 5.0, 1.5, 0.24, slow=True),
    "brightness": Plant(0.4, 7.0, 1.5, 0.24, slow=True),
    "tension": Plant(0.6, 4.0, 0.2, 0.2),
    "valence": Plant(0.06, 30.0, 0.2, 0.2),
    "polyphony": Plant(2.0, 4.0, 0.2, 0.2),
}


class Loop(NamedTuple):
    """What moves. The defaults are the state in which a performance begins."""

    learned: float = 0.0  # λ: integral action
    guess: float = GUESS  # of the λ that the measured slope calls for
    leans: tuple[float, ...] = (0.0,) * len(FEATURES)  # λ for each wish at its end, while this feature is held
    lately: float = math.nan  # level of the last bar or two, see `turned`
    mean: float = math.nan  # level of the last bars in which nobody asked
    anchor: float = math.nan  # of the first such bars behind the introduction
    bars: int = -INTRODUCTION_BARS  # such bars, up to ANCHOR_BARS; below 0 in the introduction
    most: float = math.inf  # level beyond which nobody wants to be unasked, whatever the first bars were like

    def turned(self, plant: Plant, afresh: bool) -> "Loop":
        """The wish has changed; `afresh`: from asking to not asking or back, where what was learned is of no use."""
        return self._replace(lately=self.lately if plant.slow else math.nan, learned=0.0 if afresh else self.learned)

    def heard(self, level: float) -> "Loop":
        """After any bar that says something about the feature."""
        return self._replace(lately=level if math.isnan(self.lately) else self.lately + LATELY * (level - self.lately))

    def driven(self, plant: Plant, error: float, missing: float) -> "Loop":
        """After a bar that fell short by `error` of being `missing` levels from where the music is on its own."""
        error = clip(error, CLIP)
        guess = self.guess + ADAPT_GUESS * error * missing / (1 + missing**2)  # normalised least mean squares
        learned = clip(self.learned + plant.learn * error / plant.slope, plant.limit)
        return self._replace(learned=learned, guess=min(max(guess, 0.0), MOST_GUESS))

    def held(self, plant: Plant, level: float, ends: Sequence[float], most: float = math.inf) -> "Loop":
        """After a bar in which nobody asked; `ends` (-1..1): how much each other feature was asked for."""
        if self.bars <= 0:
            return self._replace(mean=level, anchor=min(level, most), bars=self.bars + 1, most=most)
        bars = min(self.bars + 1, ANCHOR_BARS)
        strayed = self.mean + SLOW * clip(level - self.mean, CLIP)
        anchor = self.anchor if self.bars == ANCHOR_BARS else self.anchor + (level - self.anchor) / bars
        mean, anchor = strayed if self.bars >= KNOWN_BARS else anchor, min(anchor, most)
        after = self._replace(mean=mean, anchor=anchor, bars=bars, most=most)
        learned = clip(self.learned + CREEP * after.outside / plant.slope, plant.limit / 2)
        return after._replace(learned=learned, leans=self._adapted(plant, level, ends))

    def _adapted(self, plant: Plant, level: float, ends: Sequence[float]) -> tuple[float, ...]:
        if self.bars < KNOWN_BARS or not any(ends):
            return self.leans
        step = ADAPT * clip(self.anchor - level, CLIP) / plant.slope
        return tuple(clip(lean + step * end, plant.limit) for lean, end in zip(self.leans, ends, strict=True))

    @property
    def outside(self) -> float:
        """How far, and which way, the mean has to be led to be back in the band around the anchor."""
        if math.isnan(self.mean):
            return 0.0
        away = (self.anchor if self.bars == ANCHOR_BARS else min(self.mean, self.most)) - self.mean
        return math.copysign(clip(max(abs(away) - BAND, 0.0), MOST), away)

    def holding(self, plant: Plant, ends: Sequence[float]) -> float:
        """λ while nobody asks."""
        leant = sum(lean * end for lean, end in zip(self.leans, ends, strict=True))
        return self.learned + leant + HOLD * self.outside / plant.slope

    def driving(self, plant: Plant, wanted: float, missing: float) -> float:
        """λ while the level `wanted` is asked for, which is `missing` levels from where the music is on its own."""
        error = 0.0 if math.isnan(self.lately) else clip(wanted - self.lately, CLIP)
        return self.learned + (self.guess * missing + plant.react * error) / plant.slope


def clip(value: float, limit: float) -> float:
    """The nearest number within ±limit."""
    return min(max(value, -limit), limit)
