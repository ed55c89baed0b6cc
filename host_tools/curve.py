"""Control curves: values over time, typed as breakpoints or read as lines, given out as points to stream."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gen_core.spec.errors import UsageError

Point = tuple[float, Mapping[str, float]]  # seconds from the start, values by parameter id
RATE_HZ = 20.0  # finer than a controller is heard, and a fifth of what a 115200 baud line carries


def parse(text: str) -> tuple[str, list[tuple[float, float]]]:
    """`energy=0:0.2,15:0.9` → ("energy", [(0.0, 0.2), (15.0, 0.9)]), seconds ascending."""
    name, equals, body = text.partition("=")
    try:
        pairs = [(float(at), float(value)) for at, value in (pair.split(":") for pair in body.split(","))]
    except ValueError:
        pairs = []
    rising = all(a[0] < b[0] for a, b in zip(pairs, pairs[1:], strict=False))
    finite = all(math.isfinite(number) for pair in pairs for number in pair)
    if not (name and equals and pairs and rising and finite and pairs[0][0] >= 0):
        raise UsageError(f"{text!r} is no curve", "write id=seconds:value,seconds:value, such as energy=0:0.2,15:0.9")
    return name, pairs


def value_at(breakpoints: Sequence[tuple[float, float]], at_s: float) -> float:
    """The curve at `at_s` seconds: straight lines between breakpoints, flat before the first and after the last."""
    if at_s <= breakpoints[0][0]:
        return breakpoints[0][1]
    for (start_s, start), (end_s, end) in zip(breakpoints, breakpoints[1:], strict=False):
        if at_s <= end_s:
            return start + (end - start) * (at_s - start_s) / (end_s - start_s)
    return breakpoints[-1][1]


def points(curves: Mapping[str, Sequence[tuple[float, float]]], rate_hz: float = RATE_HZ) -> Iterator[Point]:
    """Every curve sampled `rate_hz` times a second until the last breakpoint; a value is given when it changed."""
    end_s = max(breakpoints[-1][0] for breakpoints in curves.values())
    before: dict[str, float] = {}
    for step in range(math.ceil(end_s * rate_hz) + 1):
        at_s = min(step / rate_hz, end_s)
        now = {name: value_at(breakpoints, at_s) for name, breakpoints in curves.items()}
        changed = {name: value for name, value in now.items() if before.get(name) != value}
        before = now
        if changed:
            yield at_s, changed


def read_lines(lines: Iterable[str]) -> Iterator[tuple[float, str, str]]:
    """Lines of `seconds id value`; empty lines and # comments are skipped. UsageError names the line."""
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            at, name, value = words
            at_s = float(at)
        except ValueError:
            at_s = math.nan
        if not at_s >= 0:
            raise UsageError(f"line {number} is not `seconds id value`: {line.strip()!r}", "mend that line")
        yield at_s, name, value
