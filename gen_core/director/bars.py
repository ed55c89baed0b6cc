"""Where the bar lines and beats of a performance fall, exactly, through every change of metre.

Beats are told in quarters from the bar line, whatever the metre: in 7/8 they are 0, 1, 2, 3, and 3 is the last half.
"""

from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple

from gen_core.spec.time import TICKS_PER_QUARTER

# Phrases and sections are counted from the start: where the music has no form of its own, they are of these lengths.
EVERY_BARS = {"phrase": 4, "section": 16}


class Stretch(NamedTuple):
    """From `tick` on, the line before bar number `bar`, bars are `bar_ticks` long."""

    tick: int
    bar: int
    bar_ticks: int


@dataclass(frozen=True)
class Bars:
    """Stretches of one metre each, in order; the last one has no end. Never asked for what is before the first."""

    stretches: tuple[Stretch, ...]

    @classmethod
    def of(cls, bar_ticks: int) -> "Bars":
        """Bars of one length from tick 0 on."""
        return cls((Stretch(0, 0, bar_ticks),))

    def locate(self, tick: int) -> tuple[int, float]:
        """Bar from 0, and beat within it in quarters from 0."""
        stretch = self._at(tick)
        bars, rest = divmod(tick - stretch.tick, stretch.bar_ticks)
        return stretch.bar + bars, rest / TICKS_PER_QUARTER

    def line_before(self, tick: int) -> int:
        """The bar line at `tick`, or the last one before it."""
        stretch = self._at(tick)
        return tick - (tick - stretch.tick) % stretch.bar_ticks

    def line_after(self, tick: int) -> int:
        """The bar line at `tick`, or the first one after it."""
        before = self.line_before(tick)
        return before if before == tick else before + self._at(tick).bar_ticks

    def beat_after(self, tick: int) -> int:
        """The beat at `tick`, or the first one after it."""
        line = self.line_before(tick)
        beat = line - (line - tick) // TICKS_PER_QUARTER * TICKS_PER_QUARTER
        return min(beat, self.line_after(tick))

    def line_of(self, tick: int, quantum: str) -> int:
        """The first beat, bar line, phrase or section at or after `tick`."""
        if quantum not in ("bar", *EVERY_BARS):
            return self.beat_after(tick)
        line = self.line_after(tick)
        while self.locate(line)[0] % EVERY_BARS.get(quantum, 1):
            line = self.line_after(line + 1)
        return line

    def ticks_of_bar(self, tick: int) -> int:
        """How long the bar at `tick` is."""
        return self._at(tick).bar_ticks

    def changed(self, tick: int, bar_ticks: int) -> "Bars":
        """The same with bars of another length from the first line at or after `tick`."""
        line = self.line_after(tick)
        kept = tuple(stretch for stretch in self.stretches if stretch.tick < line)
        if kept and kept[-1].bar_ticks == bar_ticks:
            return Bars(kept)
        return Bars((*kept, Stretch(line, self.locate(line)[0], bar_ticks)))

    def since(self, tick: int) -> "Bars":
        """The same without the stretches that had ended before `tick`."""
        return Bars(self.stretches[self.stretches.index(self._at(tick)) :])

    def _at(self, tick: int) -> Stretch:
        index = bisect_right(self.stretches, tick, key=lambda stretch: stretch.tick) - 1
        return self.stretches[max(index, 0)]
