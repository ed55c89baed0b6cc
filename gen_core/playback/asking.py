"""Changes on their way to the composer: each is taken in just before it lands, in the order in which they were asked.

`ask` from any thread; the rest belongs to the thread that composes.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from gen_core.director.composer import BAR_TICKS, EARLY_TICKS
from gen_core.director.director import CONTROLS, Change, Director
from gen_core.playback.courses import Course, Courses, worth_composing
from gen_core.playback.measures import Measures
from gen_core.playback.player import Player
from gen_core.spec.time import TICKS_PER_QUARTER

AHEAD_TICKS = 2 * BAR_TICKS
LEAST_MARGIN_S = 0.1  # between asking and landing
MARGIN_BARS = 2.0  # the same in the time that a bar takes to compose: the one in hand, then the one that changes
STREAMING_S = 1.0  # after a change more are to be expected: what is composed far ahead would be thrown away
GATHER_S = 0.05  # before the margin ends: changes of one beat are taken in together, for each taking-in is a rewind
BY_ITSELF = -1  # in place of a frame: what a course asks for on its way


class _Asked(NamedTuple):
    """A change on its way. `frame`: when it was asked for."""

    change: Change
    quantum: str
    frame: int


class Asking:
    """Between whoever sets a control and the director."""

    def __init__(self, director: Director, player: Player, measures: Measures) -> None:
        self._director, self._player, self._measures = director, player, measures
        self._asked: deque[_Asked] = deque()
        self._until = -1  # frame until which changes are to be expected
        self._waiting: list[_Asked] = []  # asked, but their landing is far off

    def ask(self, change: Change, quantum: str, frame: int) -> None:
        """Let a control change at `change.tick`, which `landing` gave for `quantum`."""
        clock = self._player.clock
        self._until = clock.frames + round(STREAMING_S * clock.sample_rate_hz)
        self._asked.append(_Asked(change, quantum, frame))

    def landing(self, quantum: str) -> int:
        """The next beat or line for which there is time to compose."""
        return self._director.bars.line_of(self._player.clock.tick_after(self._margin_s()), quantum)

    def wanted_until(self) -> int:
        """The tick up to which the music should be written by now."""
        clock = self._player.clock
        return clock.tick + AHEAD_TICKS if clock.frames > self._until else self._soon() + TICKS_PER_QUARTER

    def take_in(self, taken_back: Callable[[int], None]) -> None:
        """Tell the director what lands soon; `taken_back(tick)` is told what is to be composed anew.

        The last word counts: what the same control was to become there or later is forgotten.
        """
        while self._asked:
            asked = self._asked.popleft()
            self._waiting = [held for held in self._waiting if not _outdated(held.change, asked.change)] + [asked]
        soon = self._soon()
        due = [asked for asked in self._waiting if asked.change.tick <= soon]
        self._waiting = [asked for asked in self._waiting if asked.change.tick > soon]
        for change, quantum, frame in due:
            if change.tick < self._player.clock.tick:  # taken in too late: what has sounded is not composed again
                change = change._replace(tick=self.landing(quantum))
            tick = self._director.change(change)
            self._player.drop(tick - EARLY_TICKS)
            taken_back(tick)
            if change.id != "bpm" and frame != BY_ITSELF:
                self._measures.lands(change.tick, frame)

    def follow(self, courses: Courses) -> list[Course]:
        """Ask for what parameters on their way come to, from beat to beat. Returns those that have arrived."""
        arrived = []
        for course in courses:
            if course.param.id in CONTROLS:
                self._follow(course)
                if course.param.id != "bpm" and course.told == course.goal:
                    arrived.append(course)
        return arrived

    def _follow(self, course: Course) -> None:
        soon, clock, bars = self._soon(), self._player.clock, self._director.bars
        while course.next_tick <= soon and course.told != course.goal:
            tick, course.next_tick = course.next_tick, bars.beat_after(course.next_tick + 1)
            value = course.at(tick, clock.frames)
            if worth_composing(course.param, course.told, value) or value == course.goal:
                course.told = value
                self.ask(Change(bars.beat_after(tick), course.param.id, value), "beat", BY_ITSELF)

    def _soon(self) -> int:
        return self._player.clock.tick_after(self._margin_s() + GATHER_S)

    def _margin_s(self) -> float:
        return max(LEAST_MARGIN_S, MARGIN_BARS * self._measures.bar_s)


def _outdated(held: Change, asked: Change) -> bool:
    return held.id == asked.id and held.tick >= asked.tick
