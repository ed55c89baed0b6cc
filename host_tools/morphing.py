"""From one preset to another while the board plays: every parameter along its own curve, choices half way."""

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param, find, suggestion
from gen_core.spec.time import STEPS_PER_QUARTER
from gen_core.theory.meter import Meter, parse_meter
from host_tools import default_book
from host_tools.curve import Point
from host_tools.device import Device, Landed
from host_tools.options import seconds
from targets.protocol import book as books

RATE_HZ = 10.0  # glides on the board smooth what lies between
NOW = "."  # in place of a preset: what is set now
_LEAST = 0.002  # of a parameter's range: what moves less is not sent
_BPM_STEPS = 100

Values = dict[str, float]


def span(text: str) -> tuple[float, str]:
    """How long a morph takes: (8.0, "bars"), (4.0, "beats") or (30.0, "s")."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(bar|beat)s?", text)
    if match and float(match[1]) > 0:
        return float(match[1]), f"{match[2]}s"
    try:
        return seconds(text), "s"
    except UsageError:
        raise UsageError(f"{text!r} is no time for a morph", "give seconds, beats or bars: 30s, 8bars") from None


def morph(device: Device, names: tuple[str, str], over: tuple[float, str], file: Path | None) -> dict[str, Any]:
    """Lead the board from one preset to another. Returns what was done, with the beat on which the end lands.

    What a preset does not set stays as it is now. `file`: the book that the board plays; without it, the default book.
    """
    params = device.params()
    now = {param.id: value for param, value in device.listed_params()}
    start, goal = ends(presets(device, names, file), names, params, now)
    took_s = lasting_s(over, params, start, goal, now)
    sent = device.stream(path(params, start, goal, took_s))
    landed = [device.set(name, goal[name]) for name in sorted(goal)]
    last = max(landed, key=lambda landing: (landing.bar, landing.beat), default=Landed("", 0.0, 0, 0.0))
    return {"params": sorted(goal), "seconds": took_s, "sent": sent + len(landed), "bar": last.bar, "beat": last.beat}


def presets(device: Device, names: tuple[str, str], file: Path | None) -> Mapping[str, Mapping[str, float]]:
    """The presets of the board's book, read from the book's file. UsageError where it is another book."""
    if names == (NOW, NOW):
        return {}
    data = (file or default_book.path()).read_bytes()
    book, playing = books.read(data, None), device.info()["book"] or {}
    if playing.get("hash") != book.image.hash:
        cause = f"the board plays {playing.get('name')} {playing.get('version')}, not {file or 'the default book'}"
        raise UsageError(cause, "give the file of its book with --book")
    found: Mapping[str, Mapping[str, float]] = book.manifest.get("presets", {})
    return found


def ends(
    known: Mapping[str, Mapping[str, float]], names: tuple[str, str], params: Mapping[str, Param], now: Values
) -> tuple[Values, Values]:
    """Where every parameter of either preset begins and ends."""
    for name in names:
        if name != NOW and name not in known:
            hint = suggestion(name, known) or f"it has {', '.join(known) or 'none'}; {NOW} is what is set now"
            raise UsageError(f"the book has no preset {name!r}", hint)
    first, second = ({} if name == NOW else known[name] for name in names)
    moving = [find(params, name) for name in {**first, **second}]
    begin = {p.id: p.check(first.get(p.id, now[p.id])) for p in moving}
    return begin, {p.id: p.check(second.get(p.id, now[p.id])) for p in moving}


def path(
    params: Mapping[str, Param], start: Values, goal: Values, took_s: float, rate_hz: float = RATE_HZ
) -> Iterator[Point]:
    """Points to stream, from the start until just before the goal; only what has moved since it was last given."""
    given: Values = {}
    steps = max(math.ceil(took_s * rate_hz), 1)
    for step in range(steps):
        share = step / steps
        now = {name: params[name].between(start[name], goal[name], share) for name in goal}
        moved = {name: value for name, value in now.items() if _moved(params[name], given.get(name), value)}
        given |= moved
        if moved or step == 0:
            yield share * took_s, moved
    yield took_s, {}


def _moved(param: Param, before: float | None, value: float) -> bool:
    if before is None or param.kind != "float":
        return before != value
    return abs(param.to_unit(value) - param.to_unit(before)) >= _LEAST


def lasting_s(
    over: tuple[float, str], params: Mapping[str, Param], start: Values, goal: Values, now: Values
) -> float:
    """A time in seconds, through a tempo that may move as well and in the metre of now."""
    number, unit = over
    if unit == "s":
        return number
    meter = parse_meter(params["meter"].spoken(now["meter"])) if "meter" in params else Meter()
    quarters = number * (meter.bar_steps if unit == "bars" else meter.beat_steps) / STEPS_PER_QUARTER
    if "bpm" not in params:
        raise UsageError("the board has no tempo to count by", "give the time in seconds: --over 30s")
    tempo, slow, fast = params["bpm"], start.get("bpm", now["bpm"]), goal.get("bpm", now["bpm"])
    on_the_way = (tempo.between(slow, fast, (step + 0.5) / _BPM_STEPS) for step in range(_BPM_STEPS))
    return quarters * 60.0 * _BPM_STEPS / sum(on_the_way)
