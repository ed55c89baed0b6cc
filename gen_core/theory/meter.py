"""Metres: how long a bar is, and where its beats fall, on the grid of 24 steps a quarter.

A beat is the note value below the line: a quarter in 3/4, an eighth in 7/8. Where the number above it is 6, 9, 12 …
and the value below an eighth or shorter, three of these are one beat: 6/8 has two (dotted quarters), 12/8 has four.
"""

import re
from dataclasses import dataclass

from gen_core.spec.errors import UsageError
from gen_core.spec.time import STEPS_PER_QUARTER, TICKS_PER_STEP

LONGEST_BAR_STEPS = 192  # what the composer's vocabulary can count to: two bars of 4/4
_WHOLE_STEPS = 4 * STEPS_PER_QUARTER


@dataclass(frozen=True)
class Meter:
    """`numerator` notes of value 1/`denominator` to a bar. UsageError where the grid cannot hold it."""

    numerator: int = 4
    denominator: int = 4

    def __post_init__(self) -> None:
        if self.numerator < 1 or self.denominator < 1 or self.denominator & (self.denominator - 1):
            raise UsageError(f"{self} is no metre", "write notes a bar over a power of two: 3/4, 7/8")
        if _WHOLE_STEPS % self.denominator:
            cause = f"the metre {self} does not fit the grid of {STEPS_PER_QUARTER} steps a quarter"
            raise UsageError(cause, "give notes no shorter than thirty-seconds")
        if self.bar_steps > LONGEST_BAR_STEPS:
            cause = f"a bar of {self} has {self.bar_steps} steps, and the grid holds {LONGEST_BAR_STEPS}"
            raise UsageError(cause, f"give at most {LONGEST_BAR_STEPS // STEPS_PER_QUARTER} quarters a bar")

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator}"

    @property
    def bar_steps(self) -> int:
        """Length of a bar in grid steps."""
        return self.numerator * _WHOLE_STEPS // self.denominator

    @property
    def bar_ticks(self) -> int:
        """Length of a bar in ticks."""
        return self.bar_steps * TICKS_PER_STEP

    @property
    def beat_steps(self) -> int:
        """Length of a beat in grid steps."""
        compound = self.numerator > 3 and self.numerator % 3 == 0 and self.denominator >= 8
        return _WHOLE_STEPS // self.denominator * (3 if compound else 1)


def parse_meter(text: str) -> Meter:
    """`3/4` as it is typed. UsageError where it is no metre, or none that the grid holds."""
    match = re.fullmatch(r"\s*(\d{1,3})\s*/\s*(\d{1,3})\s*", text)
    if not match:
        raise UsageError(f"{text!r} is no metre", "write notes a bar over a power of two: 3/4, 7/8")
    return Meter(int(match[1]), int(match[2]))
