"""What a performance must obey, always; kept by masks while sampling. docs/design.md, "Constraints", defines each rule.

No dead end can occur. `Rules` is refused unless every pitched part has a key for every step on which it could begin, so
what is left to forbid is time: a part whose voices all sound waits until one ends, and one step is always short enough
for a note to end before the chord or the piece does. The bar line is allowed once the bar has what it needs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from gen_core.sequence import vocabulary as v
from gen_core.spec.errors import UsageError
from gen_core.theory.lead_sheet import Harmony, Span
from gen_core.theory.meter import Meter

ALL_PITCH_CLASSES = tuple(range(12))
UNLIMITED = 1 << 16  # more voices than a part can have
ENDLESS = 1 << 62  # steps


@dataclass(frozen=True)
class PartRule:
    """One part of the ensemble: General MIDI program (128: percussion), lowest and highest key, notes in one stroke.

    `polyphony`: notes that may sound at once, however they began; `name` is for errors.
    """

    program: int
    low: int = 0
    high: int = 127
    chord: int = 6
    polyphony: int = UNLIMITED
    name: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= 127:
            raise UsageError(f"a part cannot range from key {self.low} to {self.high}", "give 0 <= low <= high <= 127")
        if self.polyphony < 1 or self.chord < 1:
            raise UsageError("a part without a voice cannot play", "give it a polyphony and a chord of at least 1")


@dataclass(frozen=True)
class Rules:
    """`scale`: the pitch classes allowed (0 = C), for every part but percussion; `end_step`: nothing sounds beyond it.

    Raises UsageError naming what contradicts what, and only then: see `check`.
    """

    parts: tuple[PartRule, ...]
    scale: tuple[int, ...] = ALL_PITCH_CLASSES
    meter: Meter = Meter()
    harmony: Harmony | None = None
    end_step: int = ENDLESS

    def __post_init__(self) -> None:
        check(self)

    @property
    def programs(self) -> tuple[int, ...]:
        """General MIDI program of each part (128: percussion)."""
        return tuple(part.program for part in self.parts)

    @cached_property
    def bass_part(self) -> int:
        """The pitched part with the lowest range, of several the last one; -1 without a pitched part."""
        pitched = [n for n, part in enumerate(self.parts) if part.program != v.DRUM_PROGRAM]
        return min(pitched, key=lambda n: (self.parts[n].low, -n), default=-1)

    def pitches(self, part: int, step: int, position: int, first: bool) -> NDArray[np.bool_]:
        """What `part` may begin at an absolute step, `position` steps behind its bar line; not to be written to.

        `first`: whether it is the lowest note of its stroke, which has to be the bass of a chord that begins there.
        """
        rule, harmony = self.parts[part], self.harmony
        if harmony is None or rule.program == v.DRUM_PROGRAM:
            return allowed_pitches(rule, self.scale)
        span = harmony.at(step)
        if first and span.chord.bass >= 0 and part == self.bass_part and harmony.changes_at(step):
            bass = allowed_pitches(rule, self._inside(frozenset([span.chord.bass])))
            if bass.any():
                return bass
        on_beat = position % self.meter.beat_steps == 0
        return allowed_pitches(rule, self._inside(_tones(span) if on_beat else span.passing))

    def longest(self, pitch: int, step: int) -> int:
        """For how many steps a note of class `pitch` that begins at an absolute step may sound."""
        left = self.end_step - step
        if self.harmony is None or pitch >= v.PITCHES:
            return left
        return self.harmony.steps_until_refused(step, pitch % 12, min(left, int(v.DURATIONS[-1])))

    def _inside(self, classes: frozenset[int]) -> tuple[int, ...]:
        return tuple(sorted(classes.intersection(self.scale)))


@lru_cache(maxsize=4096)
def allowed_pitches(part: PartRule, scale: tuple[int, ...]) -> NDArray[np.bool_]:
    """Mask (pitch classes of the vocabulary,) of what `part` may play in `scale`."""
    mask = np.zeros(v.SIZES["pitch"], bool)
    if part.program == v.DRUM_PROGRAM:
        mask[v.PITCHES :] = True
        return mask
    keys = np.arange(v.PITCHES)
    mask[: v.PITCHES] = (keys >= part.low) & (keys <= part.high) & np.isin(keys % 12, scale)
    return mask


def check(rules: Rules) -> None:
    """Raises UsageError unless every part can begin a note on every step before the end: names what is at odds."""
    if not 1 <= len(rules.parts) <= v.MAX_PARTS:
        raise UsageError(f"an ensemble of {len(rules.parts)} parts", f"give 1 to {v.MAX_PARTS} parts")
    if rules.end_step < 1:
        raise UsageError("a piece without a step of music", "give a length of at least one bar")
    for number, part in enumerate(rules.parts):
        if not allowed_pitches(part, rules.scale).any():
            raise UsageError(
                f"{_called(rules, number)} has no key of the scale between {part.low} and {part.high}",
                "widen its range or the scale",
            )
    if rules.harmony and rules.bass_part >= 0:  # to percussion alone chords are nothing
        for span, on_beat in _places(rules, rules.harmony):
            _check_place(rules, span, on_beat)


def _tones(span: Span) -> frozenset[int]:
    """What may begin on a beat; without a chord (N.C.) the home key, if there is one."""
    return span.chord.tones & span.passing


def _places(rules: Rules, harmony: Harmony) -> Iterator[tuple[Span, bool]]:
    """Each chord that sounds before the end, and whether a beat falls into it before the end."""
    ends = [span.start for span in harmony.spans[1:]] + [harmony.steps]
    beat = rules.meter.beat_steps
    for span, end in zip(harmony.spans, ends, strict=True):
        if span.start < rules.end_step:
            yield span, -(-span.start // beat) * beat < min(end, rules.end_step)


def _check_place(rules: Rules, span: Span, on_beat: bool) -> None:
    """Whether every part has a key under this chord. On the beats there are fewest, so they decide."""
    wanted, where = _tones(span) if on_beat else span.passing, f"the chord {span.chord.symbol} in bar {span.bar}"
    if not wanted.intersection(rules.scale):
        raise UsageError(f"{where} shares no tone with the scale", "change the chord, the key or the scale")
    for number, part in enumerate(rules.parts):
        if part.program == v.DRUM_PROGRAM or allowed_pitches(part, rules._inside(wanted)).any():
            continue
        keys = f"{_called(rules, number)} ranges from key {part.low} to {part.high}"
        if allowed_pitches(part, tuple(sorted(wanted))).any():
            cause = f"{keys} and {where} has no tone there that is in the scale"
            raise UsageError(cause, "widen the range, or change the chord, the key or the scale")
        raise UsageError(f"{keys} and {where} has no tone there", "widen the range or change the chord")


def _called(rules: Rules, number: int) -> str:
    name = rules.parts[number].name
    return f'part "{name}"' if name else f"part {number + 1}"
