"""MIDI clock, both ways: a tempo read from ticks that jitter, and ticks made from where the board is.

There are 24 ticks a quarter. Both ends count quarters; what they play lies on the same beats when the fractions of
their counts agree.
"""

from collections import deque
from typing import NamedTuple

TICKS = 24  # a quarter
CLOCK, START, CONTINUE, STOP = 0xF8, 0xFA, 0xFB, 0xFC
SLOWEST_BPM, FASTEST_BPM = 20.0, 400.0  # beyond it is no music but a fault
_WINDOW = 2 * TICKS  # a jitter of 1 ms then moves the tempo by 0.03 bpm at 120
_ENOUGH = TICKS // 2
_PULL, _LARGEST_PULL = 0.25, 0.05  # of the distance a quarter; at most 5 % of the tempo, which is no jolt
_GAP_S = 60.0 / SLOWEST_BPM / TICKS * 2


class Place(NamedTuple):
    """Where the board was at a moment of our clock: quarters from its start, and how fast they pass."""

    at_s: float
    quarters: float
    bpm: float

    def quarters_at(self, now_s: float) -> float:
        """Where it is now, at that tempo."""
        return self.quarters + (now_s - self.at_s) * self.bpm / 60.0


class Follower:
    """Reads a tempo from the ticks of another machine, and pulls the board's beats onto its own."""

    def __init__(self) -> None:
        self._times_s: deque[float] = deque(maxlen=_WINDOW)
        self._count = 0  # ticks since its start
        self._phase_known = False  # only after a start: ticks alone say how fast, not where

    def feed(self, status: int, at_s: float) -> None:
        """Take one real-time message; others are passed over."""
        if status in (START, CONTINUE, STOP):
            self._times_s.clear()
            self._count = -1  # the tick after a start is the first of the beat
            self._phase_known = status == START
        elif status == CLOCK:
            if self._times_s and not 0 < at_s - self._times_s[-1] < _GAP_S:
                self._times_s.clear()
            self._times_s.append(at_s)
            self._count += 1

    def tempo(self, place: Place | None = None) -> float | None:
        """The bpm to set now, None while there are too few ticks. With the board's place, a little more or less of it
        until the beats agree."""
        if len(self._times_s) < _ENOUGH:
            return None
        bpm = 60.0 / (TICKS * self._interval_s())
        if not SLOWEST_BPM <= bpm <= FASTEST_BPM:
            return None
        return bpm * (1.0 + self._pull(place)) if place and self._phase_known else bpm

    def _interval_s(self) -> float:
        """Slope of a line through the times: the jitter of single ticks averages out."""
        count = len(self._times_s)
        middle, mean_s = (count - 1) / 2, sum(self._times_s) / count
        rise = sum((index - middle) * (at_s - mean_s) for index, at_s in enumerate(self._times_s))
        return rise / (count * (count * count - 1) / 12)

    def _pull(self, place: Place) -> float:
        ahead = (place.quarters_at(self._times_s[-1]) - self._count / TICKS + 0.5) % 1.0 - 0.5
        return min(max(-_PULL * ahead, -_LARGEST_PULL), _LARGEST_PULL)


class Ticker:
    """Gives out ticks as the board goes on. A jump back is waited out; a jump ahead of a quarter is not made up for."""

    def __init__(self) -> None:
        self._given: int | None = None

    def due(self, quarters: float) -> list[bytes]:
        """The messages that are due when the board has come to `quarters`: at first a start, on a beat."""
        wanted = int(quarters * TICKS)
        if self._given is None:
            if wanted % TICKS:
                return []
            self._given = wanted
            return [bytes([START]), bytes([CLOCK])]
        count, self._given = wanted - self._given, max(wanted, self._given)
        return [bytes([CLOCK])] * (count if 0 < count <= TICKS else 0)
