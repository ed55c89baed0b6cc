"""How long a change takes, as people type it: seconds, beats or bars; and on what it may land."""

import math
import re
from typing import NamedTuple

from gen_core.spec.errors import UsageError

QUANTA = ("now", "beat", "bar", "phrase", "section")
MOST_S = 24 * 3600.0
MOST_BEATS = 100_000.0
_WRITTEN = re.compile(r"(\d+(?:\.\d+)?)\s*(s|beats?|bars?)?")


class Span(NamedTuple):
    """A length of time. `unit` is s, beats (quarters) or bars."""

    number: float
    unit: str

    def __str__(self) -> str:
        return f"{self.number:.9g}{self.unit}"


NONE = Span(0.0, "s")


def parse(text: str | float) -> Span:
    """`8bars`, `4beats`, `30s`; a number is seconds, nothing is no time at all. UsageError for anything else."""
    if text == "":
        return NONE
    match = _WRITTEN.fullmatch(text.strip()) if isinstance(text, str) else None
    number = float(match[1]) if match else text if isinstance(text, int | float) else math.nan
    unit = "s" if not match or match[2] in (None, "s") else f"{match[2].rstrip('s')}s"
    if not 0.0 <= number <= (MOST_S if unit == "s" else MOST_BEATS):
        raise UsageError(f"{text!r} is no length of time", "give seconds, beats or bars: 30s, 4beats, 8bars")
    return Span(number, unit)
