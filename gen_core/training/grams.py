"""How much music repeats itself: n-grams of notes that were heard before, whatever the key.

A gram is GRAM notes of one part after one another, each as (interval from the note before, time since it on the grid):
transposition and part do not matter, micro-timing neither. Percussion does not count: a beat may go on. The rate is
the share of grams that occurred earlier in the same hour. Music of people repeats a good deal; a loop repeats
everything, chance nothing.
"""

from collections import deque
from collections.abc import Iterable, Sequence

import numpy as np

from gen_core.sequence import vocabulary as v

GRAM = 8  # notes: two bars of quarters; shorter ones are scales and pedal points, which everybody shares
_EVER_BITS = 26  # of the filter of all hours: 8 MiB, of which a million grams fill a 64th


class Grams:
    """Grams of one hour. `push` notes in the order of their onsets."""

    def __init__(self) -> None:
        self.total = self.repeated = 0
        self._heard: set[int] = set()
        self._tails: dict[int, deque[tuple[int, int]]] = {}
        self._last: dict[int, tuple[int, int]] = {}

    def push(self, part: int, pitch: int, step: int) -> int | None:
        """One more note; returns the gram that it completes, as a number, if it does."""
        before = self._last.get(part)
        self._last[part] = (pitch, step)
        if before is None:
            return None
        tail = self._tails.setdefault(part, deque(maxlen=GRAM))
        # Python hashes -1 as -2, so that intervals must not be negative.
        tail.append((pitch - before[0] + v.PITCHES, step - before[1]))
        if len(tail) < GRAM:
            return None
        gram = hash(tuple(tail))
        self.total += 1
        self.repeated += gram in self._heard
        self._heard.add(gram)
        return gram

    def push_all(self, melody: Iterable[Sequence[int]]) -> None:
        """Notes (part, pitch, step) one after another."""
        for part, pitch, step in melody:
            self.push(part, pitch, step)

    def cut(self) -> None:
        """A new piece begins: no gram reaches across. What was heard is remembered."""
        self._tails.clear()
        self._last.clear()

    def next_hour(self) -> None:
        """Forget what was heard, not what is being played."""
        self.total = self.repeated = 0
        self._heard.clear()

    @property
    def rate(self) -> float:
        """Share of grams that were repetitions; NaN before the first."""
        return self.repeated / self.total if self.total else float("nan")


class Ever:
    """Which grams were heard at any time, in constant memory: one bit each, so that one in 64 may be mistaken."""

    def __init__(self) -> None:
        self._bits = np.full(1 << (_EVER_BITS - 3), 0, np.uint8)  # written, so that all of it is held from the start

    def seen(self, gram: int) -> bool:
        """Whether the gram was here before; from now on it was."""
        place = gram & ((1 << _EVER_BITS) - 1)
        byte, bit = place >> 3, 1 << (place & 7)
        known = bool(self._bits[byte] & bit)
        self._bits[byte] |= np.uint8(bit)
        return known
