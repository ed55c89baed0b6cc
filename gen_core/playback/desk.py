"""The effects' settings: what is asked for, what they are gliding through, and the values that they read."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.param import Param, find
from gen_core.synth.layout import Port
from gen_core.synth.plan import Plan
from gen_core.synth.unit import Arrays, Stage

GLIDE_S = 0.06  # a setting is 63 % there after this long
_ARRIVED = 1e-3  # of its range: then it jumps
_MOVING = ("ramp", "cross")  # kinds of ports that go, over a block, from one value to another


def params(plan: Plan) -> dict[str, Param]:
    """Every number of every effect as "section.param"."""
    sections = {name: items for unit in plan.effect_units for name, items in unit.sections.items()}
    return {f"{name}.{p.id}": p for name, items in sections.items() for p in items if isinstance(p, Param)}


class Desk:
    """Writes the effects' values into an engine's `inputs`. `set` from any thread, `begin_block` from the audio's."""

    def __init__(self, plan: Plan, inputs: Arrays) -> None:
        self.plan, self._inputs = plan, inputs
        self.params = params(plan)
        self._wanted = {name: param.default for name, param in self.params.items()}
        self._now = dict(self._wanted)
        self._bpm = self._bpm_wanted = 120.0
        self._moving = self._ramps = False
        self._share = 1.0 - np.exp(-plan.block_frames / (plan.sample_rate_hz * GLIDE_S))
        self._prepare([unit.name for unit in plan.effect_units], first=True)

    def set(self, name: str, value: float) -> None:
        """Ask for a setting, by "section.param" in its unit. UsageError names the nearest, or the range."""
        self._wanted[name] = find(self.params, name).check(value)
        self._moving = True

    def set_bpm(self, bpm: float) -> None:
        """Quarters a minute, for what follows the tempo."""
        self._bpm_wanted = bpm

    def begin_block(self, volume: tuple[float, float]) -> None:
        """Glide on. `volume`: master gain at block start and end, linear."""
        if self._moving or self._ramps or self._bpm != self._bpm_wanted:
            self._glide()
        self._inputs["limiter.volume"][0] = volume  # last: a limiter that is prepared anew writes a volume of its own

    def _glide(self) -> None:
        """One block on for all that moves."""
        self._moving = False  # before the look: any thread may set more
        moving = {name for name, wanted in self._wanted.items() if self._now[name] != wanted}
        self._moving |= bool(moving)
        for name in moving:
            self._step(name)
        units = {unit.name for unit in self.plan.effect_units for s in unit.sections if any(
            name.startswith(f"{s}.") for name in moving)}  # fmt: skip
        if self._bpm != self._bpm_wanted:
            self._bpm = self._bpm_wanted
            units |= {unit.name for unit in self.plan.effect_units if unit.tempo}
        self._end_ramps()
        self._ramps = bool(units)
        if units:
            self._prepare(sorted(units))

    def _step(self, name: str) -> None:
        """One block towards what is wanted, on the scale of the parameter's own curve."""
        param, wanted = self.params[name], self._wanted[name]
        here, there = param.to_unit(self._now[name]), param.to_unit(wanted)
        here += (there - here) * self._share
        self._now[name] = wanted if abs(there - here) < _ARRIVED or param.kind != "float" else param.from_unit(here)

    def _row(self) -> dict[str, dict[str, Any]]:
        row: dict[str, dict[str, Any]] = {}
        for unit in self.plan.effect_units:
            row |= unit.defaults()
        for name, value in self._now.items():
            section, _, key = name.partition(".")
            row[section][key] = value
        return row

    def _prepare(self, names: list[str], first: bool = False) -> None:
        """Compute the values of these effects; ramps run from where they were."""
        row, stage = self._row(), Stage(self.plan.layout(), self._bpm)
        for unit in self.plan.effect_units:
            if unit.name in names:
                self._write(unit.values, unit.name, unit.prepare(row, stage), first)

    def _write(self, ports: Any, unit: str, values: Mapping[str, Any], first: bool) -> None:
        for port in ports:
            array = self._inputs[f"{unit}.{port.name}"]
            before = _end(port, array).copy()
            array[...] = np.reshape(values[port.name], array.shape)
            if port.kind in _MOVING and not first:
                _begin(port, array)[...] = before

    def _end_ramps(self) -> None:
        """What arrived in the last block stays there."""
        for unit in self.plan.effect_units:
            for port in unit.values:
                if port.kind in _MOVING:
                    array = self._inputs[f"{unit.name}.{port.name}"]
                    _begin(port, array)[...] = _end(port, array)


def _begin(port: Port, array: NDArray) -> NDArray:
    """What holds at a block's start, as a view."""
    return array[0] if port.kind == "cross" else array[..., 0]


def _end(port: Port, array: NDArray) -> NDArray:
    """What holds at its end."""
    return array[-1] if port.kind == "cross" else array[..., -1]
