"""A parameter, declared once, where it lives.

It is set, sent and saved in its unit; whoever wants 0..1, as a knob does, finds both conversions here. The declaration
is packed into the book, repeated by the board and learned by the host; nothing else in the house repeats its numbers.
"""

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gen_core.spec.errors import UsageError, VerificationError

CURVES = ("linear", "exponential")
KINDS = ("float", "int", "choice")


@dataclass(frozen=True, kw_only=True)
class Param:
    """One thing that can be set. `low`, `high`, `default` are in `unit`; a choice counts its `choices` from 0."""

    id: str  # lower case, words joined by "_", levels by ".": "level.drums"
    low: float
    high: float
    default: float
    unit: str = ""
    curve: str = "linear"  # how 0..1 maps to low..high; exponential needs low > 0
    kind: str = "float"
    choices: tuple[str, ...] = ()
    glide_s: float = 0.0  # a step is spread over this many seconds, so that nothing clicks
    quantum: str = "now"  # when a change lands: now, beat, bar, phrase, section
    help: str = ""

    def __post_init__(self) -> None:
        assert self.curve in CURVES and self.kind in KINDS, self.id
        assert self.low <= self.default <= self.high, self.id
        assert self.curve == "linear" or self.low > 0, self.id
        assert self.kind != "choice" or self.high == len(self.choices) - 1, self.id

    def check(self, value: float) -> float:
        """Return `value` as this parameter holds it, or raise UsageError if it is no number or out of range."""
        if not math.isfinite(value):
            raise UsageError(f"{self.id} cannot be {value}", f"give a number from {self.low:.9g} to {self.high:.9g}")
        if not self.low <= value <= self.high:
            unit = f" {self.unit}" if self.unit else ""
            raise UsageError(f"{self.id} {value:.9g} is out of range", f"give {self.low:.9g} to {self.high:.9g}{unit}")
        return float(value) if self.kind == "float" else float(round(value))

    def clamp(self, value: float) -> float:
        """The nearest value in range; for streams, where a bit may have flipped on the way. NaN raises UsageError."""
        if math.isnan(value):
            raise UsageError(f"{self.id} cannot be nan", f"give a number from {self.low:.9g} to {self.high:.9g}")
        return self.check(min(max(value, self.low), self.high))

    def parse(self, text: str) -> float:
        """Read what a person typed: a number in the unit, or the name of a choice."""
        if text in self.choices:
            return float(self.choices.index(text))
        try:
            return self.check(float(text))
        except ValueError as error:
            if isinstance(error, UsageError) and not self.choices:
                raise
            wanted = ", ".join(self.choices) if self.choices else f"a number from {self.low:.9g} to {self.high:.9g}"
            raise UsageError(f"{self.id} cannot be {text!r}", f"give {wanted}") from None

    def spoken(self, value: float) -> str:
        """The value as a person reads it."""
        if self.choices:
            return self.choices[int(value)]
        return f"{value:.9g} {self.unit}".rstrip()  # a seed has eight digits

    def to_unit(self, value: float) -> float:
        """Value in its unit → 0..1."""
        if self.high == self.low:
            return 0.0
        if self.curve == "exponential":
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def from_unit(self, position: float) -> float:
        """0..1 → value in its unit."""
        if self.curve == "exponential":
            return self.low * (self.high / self.low) ** position
        return self.low + position * (self.high - self.low)

    def between(self, start: float, goal: float, share: float) -> float:
        """The value after a share 0..1 of the way: along the curve, or, where there are steps, half way."""
        if self.kind != "float":
            return start if share < 0.5 else goal
        if share in (0.0, 1.0):
            return goal if share else start
        here, there = self.to_unit(start), self.to_unit(goal)
        return self.clamp(self.from_unit(here + (there - here) * share))

    def to_dict(self) -> dict[str, Any]:
        """The declaration as plain data, for manifest and wire."""
        return asdict(self) | {"choices": list(self.choices)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Param":
        """The declaration from plain data; keys that this version does not know are ignored.

        Raises VerificationError where a key is missing or the declaration contradicts itself.
        """
        known = {key: data[key] for key in cls.__dataclass_fields__ if key in data}
        try:
            return cls(**known | {"choices": tuple(known.get("choices", ()))})
        except (AssertionError, TypeError):
            cause = f"the declaration of the parameter {data.get('id')!r} cannot be read"
            raise VerificationError(cause, "update with `pip install --upgrade limonaire`") from None


def find(params: Mapping[str, Param], param_id: str) -> Param:
    """The parameter of that name, or UsageError with the nearest names."""
    if param_id in params:
        return params[param_id]
    raise UsageError(f"there is no parameter {param_id!r}", suggestion(param_id, params) or "see `limonaire params`")


def suggestion(word: str, words: Iterable[str]) -> str:
    """`did you mean …?` with up to three near names, or nothing."""
    near = difflib.get_close_matches(word, list(words), n=3, cutoff=0.5)
    return f"did you mean {', '.join(near)}?" if near else ""
