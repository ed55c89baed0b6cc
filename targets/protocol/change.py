"""A change of a parameter as it stands behind `/param/<id>`: value, how long it takes, on what it lands.

    value            a number of any type, a truth value, or the name of a choice
    over             seconds as a number, or "30s", "4beats", "8bars"; may be left out
    quantum          "now", "beat", "bar", "phrase", "section"; may be left out

OSC has no checksum: what is no number is refused, and a number is brought into the declared range.
"""

import math
from typing import Any, NamedTuple

from gen_core.spec import span
from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param


class Change(NamedTuple):
    """What is asked for; `over` and `quantum` are "" where nothing is said of them."""

    value: float
    over: str = ""
    quantum: str = ""


def read(param: Param, args: tuple[Any, ...]) -> Change:
    """The arguments of a message for this parameter. UsageError if they are no change of it."""
    value, over, quantum = args[0], "", ""
    if isinstance(value, str):
        value = param.parse(value)
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise UsageError(f"{param.id} cannot be {value!r}")
    for arg in args[1:3]:
        if arg in span.QUANTA and not quantum:
            quantum = arg
        elif isinstance(arg, str | int | float) and not isinstance(arg, bool) and not over and not quantum:
            over = str(span.parse(arg))
        else:
            raise UsageError(f"{arg!r} is neither a length of time nor a quantum")
    return Change(param.clamp(float(value)), over, quantum)


def arguments(change: Change) -> tuple[Any, ...]:
    """The same as arguments of a message."""
    return (float(change.value), *filter(None, (change.over, change.quantum)))
