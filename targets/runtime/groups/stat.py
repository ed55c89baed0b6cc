"""SMP group 2, statistics: counters by group, as whole numbers."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from targets.protocol import smp
from targets.runtime.machine import Commands, Machine, resident_bytes
from targets.runtime.rejection import Rejection

GROUP = smp.Group.STAT
UNITS = {"_s": ("_us", 1e6), "_ms": ("_us", 1e3), "_rtf": ("_rtf_percent", 1e2)}  # what a whole number would lose


def listing(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{} → {"stat_list": names}."""
    return {"stat_list": list(SOURCES)}


def group(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{"name": text} → {"name", "fields": {name: whole number}}."""
    name = request.get("name")
    if not isinstance(name, str):
        raise Rejection(smp.ReturnCode.EINVAL, "statistics need a name")
    source = SOURCES.get(ALIASES.get(name, name))
    if source is None:
        raise Rejection(smp.StatError.INVALID_GROUP, f"there are no statistics {name!r}", GROUP)
    return {"name": name, "fields": dict(whole(key, value) for key, value in source(machine).items())}


def whole(name: str, value: float) -> tuple[str, int]:
    """A figure as a whole number; the name follows the unit."""
    for ending, (other, factor) in UNITS.items():
        if name.endswith(ending):
            return name.removesuffix(ending) + other, round(value * factor)
    return name, round(value)


def _audio(machine: Machine) -> Mapping[str, float]:
    return machine.engine.stats() | {"frames": machine.engine.sink.frames}


def _smp(machine: Machine) -> Mapping[str, float]:
    names = ("requests", "refused", "denied", "not_supported", "faults", "noise")
    return {name: machine.counts[name] for name in names}


def _board(machine: Machine) -> Mapping[str, float]:
    uptime_s = time.monotonic() - machine.started_s
    return {"uptime_s": uptime_s, "rss_bytes": resident_bytes(), "log_lines": len(machine.log.lines)}


SOURCES: dict[str, Callable[[Machine], Mapping[str, float]]] = {
    "audio": _audio,
    "composer": lambda machine: machine.performance.stats(),
    "osc": lambda machine: machine.osc.stats(),
    "smp": _smp,
    "board": _board,
}
ALIASES = {"smp_svr_stats": "smp"}  # what `smpmgr statistics smp_svr_stats` asks for

COMMANDS: Commands = {
    (smp.StatCommand.LIST, smp.Op.READ): listing,
    (smp.StatCommand.GROUP, smp.Op.READ): group,
}
