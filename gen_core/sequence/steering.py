"""Steering: the closed loop from what was composed back to the tilts.

The network was told each bar's octiles while it learned, and leans towards what it is asked for. It leans; it does not
arrive. So after every bar its features are measured and each feature's λ is corrected (`loops`): what is asked for is
driven to its target, and what nobody asks for is held where the music was on its own. So moving one wish does not move
the others, and a month of music does not drift; within a band, and from bar to bar, the music goes where it likes.

Where two features share their definition, the one that is asked for takes the other along.
All state is one immutable record, part of the composer's moments.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from gen_core.sequence.context import NO_WISHES
from gen_core.sequence.ear import Chain, class_lengths, heard
from gen_core.sequence.features import FEATURES
from gen_core.sequence.loops import KNOWN_BARS, PLANTS, Loop, clip
from gen_core.sequence.rules import PartRule, Rules
from gen_core.sequence.tilts import Tilt, Tilts
from gen_core.sequence.vocabulary import DRUM_PROGRAM
from gen_core.sequence.wishes import IQR, NOT_ASKED, OCTILE_EDGES, Reach, level, reach, target, value_of

TAKES_ALONG = {  # asked for alone, the first moves the second as well
    "energy": ("density",),  # forceful is loud and busy
    "register": ("brightness",),  # the upper line is part of the whole
}
_BUSY = 0.5  # of λ energy that goes into density, where density is not asked for itself
_FEWER_LONGER = 0.3  # λ polyphony for each λ density less: fewer notes must last for as many to sound together
_LONGER_FEWER = 0.5  # λ density for each λ polyphony: where parts hold, the network waits
_LIFT = 0.5  # of the way of the brightness, where that alone is asked for, the register goes along
_ABOVE = 5  # semitones that the top of a quarter lies above the mean of all notes, at least
_FIRST_TOP = 70.0  # brightness of the corpus' median bar
_TOP_PART = 0.3  # of a bar in the usual top of a quarter
_REMEMBERED = 0.25  # of the pitch classes heard up to the bar before: a bar does not begin without a key
_RESTING: tuple[Loop, ...] = (Loop(),) * len(FEATURES)
_NOTES_A_PART = 1.25  # a quarter, in a large ensemble
_REGISTER = FEATURES.index("register")


class Steering(NamedTuple):
    """The loops of all features, in the order of FEATURES, and what they are steered by."""

    rules: Rules
    style: tuple[float, ...]  # weights
    asked: tuple[float, ...]  # wishes
    since: int = 0  # step from which this is asked for
    loops: tuple[Loop, ...] = _RESTING
    top: float = _FIRST_TOP  # the usual top of a quarter, a key
    classes: tuple[float, ...] = (0.0,) * 12  # steps for which each pitch class has sounded lately

    def ask(self, rules: Rules, style: tuple[float, ...], asked: tuple[float, ...], step: int) -> "Steering":
        """From `step` on something else may be asked for. Other rules and styles are other music, with new anchors."""
        same = rules == self.rules and style == self.style
        if same and asked == self.asked:
            return self
        loops = list(self.loops if same else _RESTING)
        for place, (was, wish) in enumerate(zip(self.asked, asked, strict=True)):
            if was != wish:
                afresh = NOT_ASKED in (was, wish)
                loops[place] = loops[place].turned(PLANTS[FEATURES[place]], afresh)
        return self._replace(rules=rules, style=style, asked=asked, since=step, loops=tuple(loops))

    def targets(self) -> dict[str, float]:
        """The value of each feature that is asked for."""
        asked = ((name, wish) for name, wish in zip(FEATURES, self.asked, strict=True) if wish != NOT_ASKED)
        return {name: target(name, wish, self._within(name), self._natural(name)) for name, wish in asked}

    def told(self) -> tuple[int, ...]:
        """The classes of the kind `wish` that the network is told, in the order of FEATURES."""
        if not any(self._ends()):
            return NO_WISHES
        values = self.targets()
        return tuple(
            bisect_right(OCTILE_EDGES[name], values[name]) if name in values else none
            for name, none in zip(FEATURES, NO_WISHES, strict=True)
        )

    def tilts(self) -> Tilts:
        """What to draw the next notes with."""
        values, ends, tilt = self.targets(), self._ends(), {}
        for name, loop in zip(FEATURES, self.loops, strict=True):
            if name in values:
                tilt[name] = loop.driving(PLANTS[name], level(name, values[name]), self._missing(name, values[name]))
            else:
                tilt[name] = loop.holding(PLANTS[name], ends)
        if "energy" in values and "density" not in values:
            tilt["density"] += _BUSY * tilt["energy"]
        fewer, longer = -tilt["density"], tilt["polyphony"]
        tilt["polyphony"] += _FEWER_LONGER * fewer
        tilt["density"] += _LONGER_FEWER * longer
        return Tilts(Tilt(**{n: clip(x, PLANTS[n].limit) for n, x in tilt.items()}), self.top, self.classes)

    def after(self, chain: Chain, bar_start: int, bar_steps: int) -> "Steering":
        """The steering after a bar that is now complete."""
        got = heard(chain, bar_start, bar_steps)
        share = min(1.0, (bar_start + bar_steps - self.since) / bar_steps)  # of the bar under these wishes
        top = self.top if math.isnan(got["brightness"]) else self.top + _TOP_PART * (got["brightness"] - self.top)
        lengths = class_lengths(chain, bar_start, bar_start + bar_steps).tolist()
        classes = tuple(_REMEMBERED * (old + new) for old, new in zip(self.classes, lengths, strict=True))
        return self._replace(loops=self._corrected(got, share), top=top, classes=classes)

    def _corrected(self, got: Mapping[str, float], share: float) -> tuple[Loop, ...]:
        values, ends = self.targets(), self._ends()
        along = {other for name in values for other in TAKES_ALONG.get(name, ())} - set(values)
        loops = []
        for name, loop in zip(FEATURES, self.loops, strict=True):
            plant, held = PLANTS[name], _held_level(name, got) - self._lifted(name, values)
            if math.isnan(held):
                loops.append(loop)
                continue
            loop = loop.heard(level(name, got[name]))
            if name in along:
                loops.append(loop)
            elif name in values:
                error = share * (level(name, values[name]) - level(name, got[name]))
                loops.append(loop.driven(plant, error, self._missing(name, values[name])))
            else:
                loops.append(loop.held(plant, held, ends, self._most() if name == "density" else math.inf))
        return tuple(loops)

    def _most(self) -> float:
        """Level of density beyond which an ensemble does not go on its own.

        The network can run into a texture of ever more notes, and an anchor there would keep it for good: so three
        quarters of the corpus' bars are sparser, with percussion seven eighths, but for ensembles that are large.
        """
        parts = self.rules.parts
        edge = OCTILE_EDGES["density"][-1 if any(part.program == DRUM_PROGRAM for part in parts) else -2]
        return level("density", max(edge, _NOTES_A_PART * len(parts)))

    def _ends(self) -> tuple[float, ...]:
        """How far each wish is from asking for nothing, -1..1."""
        return tuple(2 * (wish - NOT_ASKED) for wish in self.asked)

    def _natural(self, name: str) -> float:
        """What a feature is while nobody asks; NaN where that is not known yet."""
        loop = self.loops[FEATURES.index(name)]
        if loop.bars < KNOWN_BARS:
            return math.nan
        value = value_of(name, loop.anchor)
        return value * self._natural("density") if name == "energy" else value  # see `_held_level`

    def _within(self, name: str) -> Reach:
        """What the ensemble can be asked for; of brightness, while the register is held."""
        within, register = _reach(self.rules.parts)[name], self._natural("register")
        if name != "brightness" or math.isnan(register) or self.asked[_REGISTER] != NOT_ASKED:
            return within
        least = (register + _ABOVE - _LIFT * self._natural(name)) / (1 - _LIFT)  # there it lies _ABOVE the lifted mean
        return Reach(min(max(within.low, least), within.high - 2 * _ABOVE), within.high)

    def _lifted(self, name: str, values: Mapping[str, float]) -> float:
        """Levels by which a held feature may be taken along: of the register, part of the way of the brightness."""
        natural = self._natural("brightness")
        if name != "register" or "brightness" not in values or math.isnan(natural):
            return 0.0
        return _LIFT * (values["brightness"] - natural) / IQR["register"]

    def _missing(self, name: str, wanted: float) -> float:
        """Levels from where a feature is on its own, as far as that is known, to the value that is asked for."""
        natural = self._natural(name)
        alone = target(name, NOT_ASKED, self._within(name)) if math.isnan(natural) else natural
        return level(name, wanted) - level(name, alone)


def _held_level(name: str, got: Mapping[str, float]) -> float:
    """The level that is held while nobody asks: of energy the loudness alone, so that it goes with density."""
    if name != "energy":
        return level(name, got[name])
    return level(name, got[name] / got["density"]) if got["density"] else math.nan


@lru_cache(maxsize=64)
def _reach(parts: tuple[PartRule, ...]) -> dict[str, Reach]:
    return reach(parts)
