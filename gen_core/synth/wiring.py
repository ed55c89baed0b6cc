"""Which units make a voice, and who listens to whom: a topology, as data.

    units = ["envelope", "pitch", "oscillator", "svf", "amplifier"]
    [wires]
    "amplifier.signal" = "svf.filtered"

A unit is named once; where its port has the name of another unit's signal, the wire need not be written. A *form* may
stand for a unit ("modes"): which unit of that form plays is then the patch's choice, and their notes share lanes.
Every voice ends in the signal `voice`, which the mixer takes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gen_core.spec.errors import UsageError
from gen_core.spec.param import suggestion
from gen_core.synth.layout import CLOCKS, Port
from gen_core.synth.registry import BY_NAME, UNITS
from gen_core.synth.unit import Unit
from gen_core.synth.units.mixer import MIXER

_GIVEN = ("shared", "mix")  # ports that no unit feeds
FORMS: dict[str, tuple[Unit, ...]] = {
    form: tuple(unit for unit in UNITS if unit.form == form) for form in dict.fromkeys(u.form for u in UNITS) if form
}


@dataclass(frozen=True)
class Slot:
    """One unit in its place. `sources`: the signal that each port hears, as "slot.signal"."""

    name: str  # of the unit, or of the form
    unit: Unit
    sources: Mapping[str, str]

    @property
    def common(self) -> bool:
        """Hears nothing and knows no note, so one is enough for all voices."""
        return not (self.unit.inputs or self.unit.values or self.unit.clocks)

    @property
    def choices(self) -> tuple[Unit, ...]:
        """The units that may stand here."""
        return FORMS.get(self.name, (self.unit,))


@dataclass(frozen=True)
class Wiring:
    """Slots in an order in which each hears only what stands before it; the mixer is the last."""

    slots: tuple[Slot, ...]

    @cached_property
    def values(self) -> dict[str, Port]:
        """What a note writes, by "slot.port"."""
        return {f"{slot.name}.{port.name}": port for slot in self.slots for port in slot.unit.values}

    @cached_property
    def clocks(self) -> dict[str, Port]:
        """What the allocator tells, by name; all of it, used or not, is small."""
        used = {name for slot in self.slots for name in slot.unit.clocks}
        return {name: port for name, port in CLOCKS.items() if name in used}

    def data(self) -> dict[str, Any]:
        """As plain data, every wire written: equal for equal topologies."""
        wires = {f"{slot.name}.{port}": source for slot in self.slots[:-1] for port, source in slot.sources.items()}
        return {"units": [slot.name for slot in self.slots[:-1]], "wires": dict(sorted(wires.items()))}


def wiring(data: Mapping[str, Any], where: str = "voice") -> Wiring:
    """Read and check a topology. UsageError names the unit, the port and what could be done."""
    names, wires = list(data.get("units", ())), dict(data.get("wires", {}))
    units = {name: _unit(name, where) for name in names}
    if len(units) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UsageError(f"{where}: {twice} is named twice", "name each unit once")
    units[MIXER.name] = MIXER
    _check_wires(wires, units, where)
    sources = {name: _sources(name, units, wires, where) for name in units}
    order = _sorted(sources, where)
    return Wiring(tuple(Slot(name, units[name], sources[name]) for name in order))


def _unit(name: str, where: str) -> Unit:
    """The unit, or the first of a form."""
    if name in FORMS:
        return FORMS[name][0]
    if name in BY_NAME:
        unit = BY_NAME[name]
        return unit
    known = [*BY_NAME, *FORMS]
    raise UsageError(f"{where}: there is no unit {name!r}", suggestion(name, known) or f"use {', '.join(known)}")


def _check_wires(wires: Mapping[str, str], units: Mapping[str, Unit], where: str) -> None:
    """Both ends of every written wire exist."""
    ends = {f"{name}.{port.name}": port.dims for name, unit in units.items() for port in unit.inputs}
    signals = {f"{name}.{port.name}": port.dims for name, unit in units.items() for port in unit.outputs}
    for port, source in wires.items():
        if port not in ends:
            raise UsageError(f"{where}: nothing listens at {port!r}", suggestion(port, ends) or "remove the wire")
        if source not in signals:
            hint = suggestion(str(source), signals) or f"there are {', '.join(sorted(signals))}"
            raise UsageError(f"{where}: nothing gives {source!r} for {port}", hint)
        if ends[port] != signals[source]:
            shapes = [" x ".join(map(str, dims)) for dims in (ends[port], signals[source])]
            raise UsageError(f"{where}: {port} wants {shapes[0]}, {source} gives {shapes[1]}", "wire another signal")


def _sources(name: str, units: Mapping[str, Unit], wires: Mapping[str, str], where: str) -> dict[str, str]:
    """Where each port of a unit hears its signal: by wire, or by name."""
    found = {}
    for port in units[name].inputs:
        if port.kind in _GIVEN:
            continue
        givers = [other for other, unit in units.items() if port.name in {out.name for out in unit.outputs}]
        if f"{name}.{port.name}" in wires:
            found[port.name] = wires[f"{name}.{port.name}"]
        elif len(givers) == 1:
            found[port.name] = f"{givers[0]}.{port.name}"
        elif not port.optional:
            why = f"{' and '.join(givers)} both give it" if givers else "no unit here gives it"
            raise UsageError(f"{where}: {name}.{port.name} is not wired: {why}", _wire_hint(name, port, units))
    return found


def _wire_hint(name: str, port: Port, units: Mapping[str, Unit]) -> str:
    """The wires that would fit."""
    fitting = [
        f'"{name}.{port.name}" = "{other}.{out.name}"'
        for other, unit in units.items()
        for out in unit.outputs
        if other != name and (out.kind, out.dims) == (port.kind, port.dims)
    ]
    return f"write under [wires] {' or '.join(fitting[:3])}" if fitting else f"add a unit that gives {port.name}"


def _sorted(sources: Mapping[str, Mapping[str, str]], where: str) -> list[str]:
    """Names so that each stands behind those it hears; the first that can go goes first."""
    waits = {name: {source.split(".")[0] for source in ports.values()} for name, ports in sources.items()}
    order: list[str] = []
    while len(order) < len(waits):
        ready = [name for name in waits if name not in order and waits[name] <= set(order)]
        if not ready:
            loop = _loop(waits, order)
            raise UsageError(f"{where}: the wires form a loop: {' hears '.join(loop)}", "a patch cannot feed back")
        order.append(ready[0])
    return order


def _loop(waits: Mapping[str, set[str]], done: Sequence[str]) -> list[str]:
    """One loop among the units that cannot go, its first name once more at its end."""
    path = [next(name for name in waits if name not in done)]
    while path[-1] not in path[:-1]:
        path.append(min(waits[path[-1]] - set(done)))
    return path[path.index(path[-1]) :]
