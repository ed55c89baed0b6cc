"""Bars that come back: what was played, kept bar by bar, and the event that a bar under recall would bring next.

The match index finds a repetition once it has begun; a recall begins one on purpose. It is followed by time, not by
count: whatever was played instead, the next event that is offered is the first of the old bar that lies ahead.
"""

from typing import NamedTuple

from gen_core.sequence import vocabulary as v
from gen_core.sequence.vocabulary import Event

KEPT = 40  # bars that can be recalled: five sections of eight
LENGTH_CLASS = 5  # how long a match the network believes a recall to be (Matcher.length_class)


class Played(NamedTuple):
    """An event at its place: steps behind the bar line."""

    position: int
    event: Event


class Bars(NamedTuple):
    """The last KEPT bars, the present one last, and the number of the present one. Immutable: a moment keeps it."""

    number: int = -1
    bars: tuple[tuple[Played, ...], ...] = ()

    def begin(self) -> "Bars":
        """A bar line."""
        return Bars(self.number + 1, (*self.bars[1 - KEPT :], ()))

    def add(self, position: int, event: Event) -> "Bars":
        """An event in the present bar."""
        return Bars(self.number, (*self.bars[:-1], (*self.bars[-1], Played(position, event))))

    def get(self, number: int) -> tuple[Played, ...] | None:
        """The events of bar `number`, or None where it is forgotten or still to come."""
        at = number - self.number + len(self.bars) - 1
        return self.bars[at] if 0 <= at < len(self.bars) - 1 else None


def offered(recalled: tuple[Played, ...], position: int, last: Event) -> Event:
    """What the recalled bar brings after `position`, of whose onset `last` was the latest event.

    `delta` is counted from `position`; a bar line where nothing is left.
    """
    begun = (last.part, last.pitch) if last.delta != v.BAR else (-1, -1)
    for place, event in recalled:
        if place > position or (place == position and (event.part, event.pitch) > begun):
            return event._replace(delta=place - position)
    return v.BAR_LINE
