"""The longest match: what came next when the same four events were heard before.

A recurrent state of a few KiB cannot remember a theme note for note; an index over what was played can. It is the match
model of context-mixing compressors (Mahoney, "Adaptive weighing of context models", 2005): while the prediction holds,
the pointer walks along and the length grows; the network learns how far to trust each length.
"""

from bisect import bisect_right
from typing import NamedTuple

from gen_core.sequence.vocabulary import Event

ORDER = 4  # events that must agree before a match is believed
REACH = 8192  # events back that a match may lie: about half an hour of a quartet
HISTORY = REACH + 4096  # events kept, so that as many as the difference can be taken back
LENGTH_EDGES = (1, 2, 3, 5, 9, 17, 33)


class Mark(NamedTuple):
    """Where the matcher stood; `Matcher.rewind` returns here."""

    heard: int
    pointer: int
    length: int


class Matcher:
    """An index of the last HISTORY events. `predicted` is what a repetition would bring next, or None."""

    def __init__(self) -> None:
        self._events: list[Event | None] = [None] * HISTORY
        self._index: dict[int, int] = {}  # hash of ORDER events → number of the next
        self._journal: list[tuple[int, int] | None] = [None] * HISTORY
        self._recent: tuple[tuple[int, ...], ...] = ()
        self.count = 0
        self._pointer = -1
        self._length = 0
        self.predicted: Event | None = None
        self.length_class = 0  # 0: no match; 1..7: ever longer

    def push(self, event: Event) -> None:
        """Hear one more event."""
        expected = self.predicted
        if expected is not None and expected[:3] == event[:3]:
            self._pointer, self._length = self._pointer + 1, self._length + 1
        else:
            self._pointer, self._length = -1, 0
        self._events[self.count % HISTORY] = event
        self._recent = (*self._recent[1 - ORDER :], event[:3])
        self._journal[self.count % HISTORY] = None
        self.count += 1
        if len(self._recent) == ORDER:
            self._learn(hash(self._recent))
        self._look()

    def mark(self) -> Mark:
        """A place to `rewind` to."""
        return Mark(self.count, self._pointer, self._length)

    def rewind(self, mark: Mark) -> None:
        """Forget what came after `mark`; at most HISTORY - REACH events ago."""
        while self.count > mark.heard:
            self.count -= 1
            undo = self._journal[self.count % HISTORY]
            if undo is not None:
                key, before = undo
                if before >= 0:
                    self._index[key] = before
                else:
                    self._index.pop(key, None)
        first = max(self.count - ORDER, 0)
        held = (self._events[i % HISTORY] for i in range(first, self.count))
        self._recent = tuple([event[:3] for event in held if event is not None])
        self._pointer, self._length = mark.pointer, mark.length
        self._look()

    def _look(self) -> None:
        """See what the pointer points at."""
        held = self._pointer >= 0
        self.predicted = self._events[self._pointer % HISTORY] if held else None
        self.length_class = bisect_right(LENGTH_EDGES, self._length) if held else 0

    def _learn(self, key: int) -> None:
        before = self._index.get(key, -1)
        if self._pointer < 0 and before > self.count - REACH:
            self._pointer, self._length = before, 1
        self._index[key] = self.count
        self._journal[(self.count - 1) % HISTORY] = (key, before)
        if len(self._index) > 2 * HISTORY:
            self._index = {k: at for k, at in self._index.items() if at > self.count - HISTORY}
