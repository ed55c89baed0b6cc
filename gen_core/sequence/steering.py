"""Steering: the closed loop from what was composed back to the tilts.

The network was told each bar's octiles while it learned, and leans towards what it is asked for. It leans; it does not
arrive. So after every bar its features are measured and each feature's λ is corrected:

- A feature that is *asked for* is driven to its target: a guess at once, then integral action, bar by bar.
- A feature that *nobody asks for* is held: what it was on average over the first bars is its anchor, and the mean of
  the last bars is led back where it leaves a band around that. So moving one wish does not move the others, and a month
  of music does not drift; inside the band, and from bar to bar, the music goes where it likes.

Where two features share their definition the one that is asked for takes the other along (`TAKES_ALONG`).
All state is one immutable record, part of the composer's moments.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from gen_core.sequence.ear import Chain, class_lengths, heard
from gen_core.sequence.features import FEATURES
from gen_core.sequence.rules import Rules
from gen_core.sequence.tilts import Tilt, Tilts, mode_direction
from gen_core.sequence.wishes import NOT_ASKED, Reach, level, octiles, reach, target, value_of
from gen_core.spec.time import STEPS_PER_QUARTER

TAKES_ALONG = {  # asked for alone, the first moves the second as well
    "energy": ("density",),  # forceful is loud and busy
    "register": ("brightness",),  # the upper line is part of the whole
}
ANCHOR_BARS = 48  # after these the anchor is fixed, so that nothing can drift away with it
KNOWN_BARS = 8  # before these it is not leant upon
_SLOW = 1 / 10  # a bar's part in the mean of the last bars
_BAND = 0.10  # IQR: how far that mean may stray
_CLIP = 1.5  # IQR: a single bar says no more than this
_BUSY = 0.5  # of λ energy that goes into density, where density is not asked for itself


class Plant(NamedTuple):
    """How a feature answers its λ, measured on the default model with three ensembles (IQR of the corpus)."""

    slope: float  # IQR for 1
    limit: float  # of λ: beyond it the tilt drowns the network


PLANTS = {
    "density": Plant(0.5, 8.0),
    "energy": Plant(0.8, 5.0),
    "register": Plant(1.0, 5.0),
    "brightness": Plant(0.8, 5.0),
    "tension": Plant(0.8, 4.0),
    "valence": Plant(0.05, 20.0),
    "polyphony": Plant(2.0, 4.0),
}
GUESS, LEARN, HOLD, CREEP = 0.7, 0.35, 0.5, 0.06


class Loop(NamedTuple):
    """One feature's loop. Levels are those of `wishes.level`."""

    learned: float = 0.0  # λ beside the guess
    mean: float = math.nan  # of the last bars in which nobody asked
    anchor: float = math.nan  # of the first such bars
    bars: int = 0  # such bars, up to ANCHOR_BARS


class Steering(NamedTuple):
    """The loops of all features, in the order of FEATURES, and what they are steered by."""

    rules: Rules
    asked: tuple[float, ...]
    since: int = 0  # step from which this is asked for
    loops: tuple[Loop, ...] = (Loop(),) * len(FEATURES)
    top: float = math.nan  # the usual top of a quarter, a key
    classes: tuple[float, ...] = (1.0,) * 12  # how long each pitch class has sounded lately, in quarters

    def ask(self, rules: Rules, asked: tuple[float, ...], step: int) -> "Steering":
        """From `step` on something else may be asked for. Other rules are another music, with anchors of its own."""
        steering = self if rules == self.rules else self._replace(rules=rules, loops=(Loop(),) * len(FEATURES))
        if asked == self.asked:
            return steering
        turned = [(was == NOT_ASKED) != (wish == NOT_ASKED) for was, wish in zip(self.asked, asked, strict=True)]
        loops = (loop._replace(learned=0.0) if t else loop for loop, t in zip(steering.loops, turned, strict=True))
        return steering._replace(asked=asked, since=step, loops=tuple(loops))

    def targets(self) -> dict[str, float]:
        """The value of each feature that is asked for."""
        within = _reach(self.rules)
        natural = {name: self._anchor(name) for name in FEATURES}
        values = {}
        for name, wish in zip(FEATURES, self.asked, strict=True):
            if wish == NOT_ASKED:
                continue
            values[name] = target(name, wish, self._room(name, within[name]), natural[name])
        return values

    def _anchor(self, name: str) -> float:
        """What a feature is while nobody asks; NaN where that is not known yet."""
        loop = self.loops[FEATURES.index(name)]
        if loop.bars < KNOWN_BARS:
            return math.nan
        value = value_of(name, loop.anchor)
        return value * self._anchor("density") if name == "energy" else value  # see `_free_level`

    def _room(self, name: str, within: Reach) -> Reach:
        """The top of a quarter cannot lie below the mean: brightness is asked for above the register that is held."""
        register = self._anchor("register")
        if name != "brightness" or math.isnan(register) or self.asked[FEATURES.index("register")] != NOT_ASKED:
            return within
        return Reach(min(max(within.low, register + 4), within.high - 6), within.high)

    def told(self) -> tuple[int, ...]:
        """The classes of the kind `wish` that the network is told, in the order of FEATURES."""
        values = self.targets()
        return tuple(int(octiles(name, np.array([values.get(name, math.nan)]))[0]) for name in FEATURES)

    def tilts(self) -> Tilts:
        """What to draw the next notes with."""
        values = self.targets()
        tilt = {}
        for name, loop in zip(FEATURES, self.loops, strict=True):
            plant = PLANTS[name]
            if name in values:
                tilt[name] = loop.learned + GUESS * (level(name, values[name]) - self._natural(name)) / plant.slope
            else:
                tilt[name] = loop.learned + HOLD * _outside(loop) / plant.slope
        if "energy" in values and "density" not in values:
            tilt["density"] += _BUSY * tilt["energy"]
        tilt["polyphony"] -= FEWER_LONGER * tilt["density"]
        tilt["density"] += LONGER_FEWER * tilt["polyphony"]
        limited = {name: _clip(value, PLANTS[name].limit) for name, value in tilt.items()}
        direction = mode_direction(np.array(self.classes)) if limited["valence"] else None
        return Tilts(Tilt(**limited), 70.0 if math.isnan(self.top) else self.top, direction)

    def _natural(self, name: str) -> float:
        """The level at which a feature is expected without a tilt."""
        anchor = self._anchor(name)
        return level(name, target(name, NOT_ASKED, _reach(self.rules)[name]) if math.isnan(anchor) else anchor)

    def after(self, chain: Chain, bar_start: int, bar_steps: int) -> "Steering":
        """The steering after hearing a bar that is now complete."""
        got = heard(chain, bar_start, bar_steps)
        values = self.targets()
        along = {other for name in values for other in TAKES_ALONG.get(name, ())}
        share = min(1.0, (bar_start + bar_steps - self.since) / bar_steps)  # of the bar under these wishes
        loops = []
        for name, loop in zip(FEATURES, self.loops, strict=True):
            free = _free_level(name, got)
            if math.isnan(free) or (name in along and name not in values):
                loops.append(loop)
            elif name in values:
                loops.append(_driven(name, loop, share * (level(name, values[name]) - level(name, got[name]))))
            else:
                loops.append(_held(name, loop, free))
        top = got["brightness"] if math.isnan(self.top) else self.top + _TOP_SLOW * (got["brightness"] - self.top)
        lengths = class_lengths(chain, bar_start, bar_start + bar_steps) / STEPS_PER_QUARTER
        classes = tuple(_FORGET * old + new for old, new in zip(self.classes, lengths.tolist(), strict=True))
        return self._replace(loops=tuple(loops), top=self.top if math.isnan(top) else top, classes=classes)


FEWER_LONGER = 0.3
LONGER_FEWER = 0.5
_TOP_SLOW = 0.3
_FORGET = 0.5


def _free_level(name: str, got: dict[str, float]) -> float:
    """The level that is held while nobody asks: of energy only the loudness, which does not count notes."""
    if name != "energy":
        return level(name, got[name])
    return level(name, got[name] / got["density"]) if got["density"] else math.nan


def _driven(name: str, loop: Loop, error: float) -> Loop:
    plant = PLANTS[name]
    return loop._replace(learned=_clip(loop.learned + LEARN * _clip(error, _CLIP) / plant.slope, plant.limit))


def _held(name: str, loop: Loop, level_: float) -> Loop:
    """One more bar of a feature that nobody asks for."""
    plant, bars = PLANTS[name], min(loop.bars + 1, ANCHOR_BARS)
    mean = level_ if loop.bars == 0 else loop.mean + max(_SLOW, 1 / bars) * _clip(level_ - loop.mean, _CLIP)
    anchor = loop.anchor
    if loop.bars < ANCHOR_BARS:
        anchor = level_ if loop.bars == 0 else loop.anchor + (level_ - loop.anchor) / bars
    after = Loop(loop.learned, mean, anchor, bars)
    return after._replace(learned=_clip(loop.learned + CREEP * _outside(after) / plant.slope, plant.limit / 2))


def _outside(loop: Loop) -> float:
    """How far, and which way, the mean has to be led back to reach the band around the anchor."""
    if loop.bars == 0:
        return 0.0
    away = loop.anchor - loop.mean
    return math.copysign(max(abs(away) - _BAND, 0.0), away)


def _clip(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)


@lru_cache(maxsize=64)
def _reach(rules: Rules) -> dict[str, Reach]:
    return reach(rules)
