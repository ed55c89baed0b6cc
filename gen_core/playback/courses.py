"""Parameters on their way: from where they are to where they are to be, along their own curve, from a landing on.

A course of beats or bars is counted in ticks and follows the tempo; one of seconds is counted in frames. What has
steps, a choice or a whole number, changes half way.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gen_core.spec.param import Param

_LEAST = 0.002  # of a parameter's range: what moves less is not composed anew


@dataclass
class Course:
    """One parameter on its way. `start` is the tick of its landing; it lasts `ticks` or `frames`, or is a step."""

    param: Param
    begin: float
    goal: float
    start: int
    ticks: int = 0
    frames: int = 0
    began: int | None = None  # the frame at which it landed
    told: float | None = None  # the last value that the composer was given
    next_tick: int = 0  # where the composer is to be given the next one

    def __post_init__(self) -> None:
        self.next_tick = self.start

    def at(self, tick: int, frame: int) -> float:
        """The value at a tick that sounds at a frame."""
        return self.param.between(self.begin, self.goal, self._share(tick, frame))

    def land(self, frame: int) -> None:
        """The renderer has come to its landing."""
        self.began = frame if self.began is None else self.began

    def ended(self, tick: int, frame: int) -> bool:
        """Whether it has arrived there."""
        return self._share(tick, frame) >= 1.0

    def _share(self, tick: int, frame: int) -> float:
        if tick < self.start:
            return 0.0
        if self.frames:
            return 0.0 if self.began is None else min((frame - self.began) / self.frames, 1.0)
        return min((tick - self.start) / self.ticks, 1.0) if self.ticks else 1.0


class Courses:
    """All parameters on their way, the last word for each. Changed under the performance's lock, read by any thread."""

    def __init__(self) -> None:
        self._by_id: dict[str, Course] = {}  # replaced whole

    def put(self, course: Course) -> None:
        """Begin a course; one of the same parameter ends where it is."""
        self._by_id = {**self._by_id, course.param.id: course}

    def drop(self, param_id: str) -> None:
        """This parameter is on no course any more."""
        self._by_id = {name: course for name, course in self._by_id.items() if name != param_id}

    def get(self, param_id: str) -> Course | None:
        """The course of a parameter, if it is on one."""
        return self._by_id.get(param_id)

    def __iter__(self) -> Iterator[Course]:
        return iter(self._by_id.values())

    def __bool__(self) -> bool:
        return bool(self._by_id)


def worth_composing(param: Param, before: float | None, value: float) -> bool:
    """Whether a control has moved so far that the music should be composed anew."""
    if before is None or param.kind != "float":
        return before != value
    return abs(param.to_unit(value) - param.to_unit(before)) >= _LEAST
