"""A plan at work: every voice that sounds, then the effects that all share. Once as kernels, once as a graph.

What does not sound is not computed: a voice without a note is skipped by its `on`, an effect to which nothing is sent
and whose tail has ended is skipped because its input and its state are zero, an insert that changes nothing by the `on`
that it gives itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.synth.jit import chained, jit
from gen_core.synth.layout import RISES, TABLES, Dim, aligned, lanes_axis
from gen_core.synth.plan import INSERTS, SENDS, Plan
from gen_core.synth.unit import Arrays, Builder, Calls, Tensor, Tensors, Unit
from gen_core.synth.units.mixer import BUSES, MIXER, draw_buses, draw_sums
from gen_core.synth.vector import WIDE, load, store
from gen_core.synth.wiring import Slot

OUTPUT, BUS = "audio", "bus"  # (2, frames); (buses, frames): the sum of all voices before any effect
# Which rows of the bus each send hears, and what the inserts hear of each other.
_ROWS = {"drive": (5, 7), "chorus": (4, 5), "echo": (3, 4), "reverb": (2, 3)}
assert BUSES[2:] == ("room", "echo", "chorus", "drive_left", "drive_right")


def _hears(unit: Unit) -> str:
    """The name of an effect's one signal port."""
    (port,) = [port for port in unit.inputs if port.kind == "frames"]
    return port.name


def _gives(unit: Unit) -> str:
    return unit.outputs[0].name


class Kernels:
    """All kernels of a plan, bound to their arrays once; `run` moves the state by one block."""

    def __init__(self, plan: Plan, inputs: Arrays, state: Arrays) -> None:
        self._plan, self._inputs = plan, inputs
        self.bus = aligned((len(BUSES), plan.block_frames))
        self._mix = aligned((2, plan.block_frames))
        self._sources = {name: self._effect(unit, state) for name, unit in plan.sources.items()}
        self._voices = [(inputs[f"{name}.on"], self._voice(name, state)) for name in plan.voices]
        self._heard = {name: self.bus[slice(*rows)] for name, rows in _ROWS.items()}
        self._sends = [self._effect(unit, state) for unit in plan.effect_units if unit.name in SENDS]
        self._inserts = [self._effect(unit, state) for unit in plan.effect_units if unit.name in INSERTS]

    def _voice(self, name: str, state: Arrays) -> list["_Fused | _Step"]:
        """What runs for a block of one voice; those of its steps that can be are one."""
        wires, layout = self._plan.voices[name][0], self._plan.layout(name)
        signals: Arrays = self._common()
        steps = []
        for slot in wires.slots:
            if slot.common:
                continue
            own = {
                item.name: _placed(state[f"{name}.{slot.name}.{item.name}"], item.dims)
                for item in slot.unit.state
            }
            out = slot.unit.room(layout)
            given = _voice_inputs(name, slot, signals, self._inputs, _placed)
            steps.append(_Step(slot.unit, layout, given, own, out))
            signals |= {f"{slot.name}.{key}": array for key, array in out.items()}
        runs: list[_Fused | _Step] = []
        for fuses, some in groupby(steps, lambda step: step.unit.calls is not None):
            these = list(some)
            runs += [_Fused(these)] if fuses else these
        last = runs[-1]
        assert isinstance(last, _Fused)  # the mixer
        last.calls.append((_add, (signals[f"mixer.{BUS}"], self.bus)))
        return runs

    def _common(self) -> Arrays:
        """Signals of the sources that all voices share."""
        return {f"{name}.{key}": array for name, step in self._sources.items() for key, array in step.out.items()}

    def _effect(self, unit: Unit, state: Arrays) -> "_Step":
        """An effect, or a source, with its arrays; the signal that an effect hears is written before each run."""
        layout = self._plan.layout()
        own = {item.name: state[f"{unit.name}.{item.name}"] for item in unit.state}
        given = {port.name: self._inputs[f"{unit.name}.{port.name}"] for port in unit.values}
        return _Step(unit, layout, given, own, unit.room(layout))

    def run(self, skip: bool = True) -> NDArray[np.float32]:
        """One block: (2, frames), to be read before the next. `skip`: what is silent does not run."""
        self.bus[:] = 0.0
        for name, source in self._sources.items():
            if self._inputs[f"{name}.on"][0]:
                source()
        for on, runs in self._voices:
            if on[0]:
                for run in runs:
                    run()
        mix = self._mix
        mix[:] = self.bus[:2]
        for send in self._sends:
            heard = self._heard[send.unit.name]
            if not skip or _sounds(heard) or send.rings_on():
                mix += send.hearing(heard)
        signal = mix
        for insert in self._inserts:
            if "on" not in insert.inputs or insert.inputs["on"][0]:
                signal = insert.hearing(signal)
            else:
                insert.rest()
        return signal


    def load_tables(self) -> None:
        """The array of all periods is another now."""
        for _, runs in self._voices:
            for run in runs:
                run.load_tables(self._inputs["tables"])


@jit
def _add(own: NDArray, bus: NDArray) -> None:
    """The bus of one voice onto that of all, [buses, frames]."""
    for row in range(bus.shape[0]):
        for n in range(0, bus.shape[1], WIDE):
            store(bus[row], n, load(bus[row], n) + load(own[row], n))


@jit
def _sounds(x: NDArray) -> bool:
    """Is any number of x [rows, frames] not zero?"""
    for row in range(x.shape[0]):
        for n in range(x.shape[1]):
            if x[row, n] != 0.0:
                return True
    return False


class _Fused:
    """Steps that run as one compiled call, from the first time on that they are to run."""

    def __init__(self, steps: Sequence["_Step"]) -> None:
        self._steps = steps
        self.calls: Calls = []  # more, behind theirs
        self._run: Callable[[], None] | None = None

    def load_tables(self, tables: NDArray[np.float32]) -> None:
        for step in self._steps:
            step.load_tables(tables)
        self._run = None

    def __call__(self) -> None:
        if self._run is None:
            self._run = chained([call for step in self._steps for call in step.calls()] + self.calls)
        self._run()


class _Step:
    """One unit's kernel with the arrays that it reads and writes."""

    def __init__(self, unit: Unit, layout: Any, inputs: Arrays, state: Arrays, out: Arrays) -> None:
        self.unit, self.layout, self.inputs, self.state, self.out = unit, layout, inputs, state, out
        self._given = out[_gives(unit)]
        self._bound: dict[int, Callable[[], None]] = {}  # by the signal that an effect hears

    def load_tables(self, tables: NDArray[np.float32]) -> None:
        """The one array that is replaced as it grows."""
        if "tables" in self.inputs:
            self.inputs["tables"] = tables

    def calls(self) -> Calls:
        """What it runs, where its unit says so."""
        assert self.unit.calls is not None
        return self.unit.calls(self.layout, self.inputs, self.state, self.out)

    def __call__(self) -> None:
        self.unit.kernel(self.layout, self.inputs, self.state, self.out)

    def rest(self) -> None:
        """Forget: what is switched on again later does not begin with an old sound."""
        for item in self.unit.state:
            self.state[item.name][...] = item.start

    def rings_on(self) -> bool:
        """Is there still sound in its state?"""
        return any(self.state[item.name].any() for item in self.unit.state if item.sounds)

    def hearing(self, signal: NDArray[np.float32]) -> NDArray[np.float32]:
        """The output of an effect for this signal."""
        bound = self._bound.get(id(signal))  # each signal is there as long as this is
        if bound is None:
            self.inputs[_hears(self.unit)] = signal
            bound = self if self.unit.calls is None else self._bound.setdefault(id(signal), chained(self.calls()))
        bound()
        return self._given


def _placed(x: NDArray, dims: Sequence[Dim]) -> NDArray:
    """A view with the lanes where a unit has them."""
    return np.moveaxis(x, 0, lanes_axis(dims))


def _voice_inputs(
    name: str,
    slot: Slot,
    signals: Mapping[str, Any],
    inputs: Mapping[str, Any],
    ordered: Callable[[Any, Sequence[Dim]], Any],
) -> dict[str, Any]:
    """What one slot of a voice reads, by its ports' names. `ordered` moves the lanes from first to their place."""
    heard = {port: signals[source] for port, source in slot.sources.items()}
    heard |= {clock: inputs[f"{name}.{clock}"] for clock in slot.unit.clocks}
    for port in (*slot.unit.values, *slot.unit.inputs):
        if port.kind == "shared":
            heard[port.name] = inputs[port.name]
        elif port.name not in heard and port.name not in slot.sources and not port.optional:
            place = f"{name}.{port.name}" if port.kind == "mix" else f"{name}.{slot.name}.{port.name}"
            heard[port.name] = ordered(inputs[place], port.dims)
    return heard


def draw(
    g: Builder, plan: Plan, inputs: Mapping[str, Tensor], state: Mapping[str, Tensor]
) -> tuple[Tensor, Tensor, Tensors]:
    """One block on a builder → audio [2, frames], bus [buses, frames], the next state by name."""
    moved: Tensors = {}
    common = _draw_sources(g, plan, inputs, state, moved)
    sums = None
    for name in plan.voices:
        sums = _draw_voice(g, plan, name, inputs, state, common, sums, moved)
    bus = draw_buses(g, plan.layout(), sums)
    mix, room, others = g.split(bus, (2, 1, 4), axis=0)
    sends = [unit for unit in plan.effect_units if unit.name in SENDS]
    mix = _draw_rare(g, plan, [unit for unit in sends if unit.name != "reverb"], inputs, state, others, mix, moved)
    reverb = [unit for unit in sends if unit.name == "reverb"]  # a plan may leave it out
    mix = _draw_sends(g, plan, reverb, inputs, state, [room] * len(reverb), mix, moved)
    for unit in plan.effect_units:
        if unit.name in INSERTS:
            given, own = _of(unit, plan, inputs, state)
            mix = _draw_effect(g, plan, unit, given, own, mix, given.get("on"), mix, moved)
    return mix, bus, moved


def _of(
    unit: Unit, plan: Plan, inputs: Mapping[str, Tensor], state: Mapping[str, Tensor]
) -> tuple[Tensors, Tensors]:
    """An effect's own values and state, by their own names."""
    given = {port.name: inputs[f"{unit.name}.{port.name}"] for port in unit.values}
    return given, {item.name: state[f"{unit.name}.{item.name}"] for item in unit.state}


def _sounding(unit: Unit, own: Tensors) -> list[Tensor]:
    """What of an effect's state is not zero while it rings."""
    return [own[item.name] for item in unit.state if item.sounds]


def _draw_sends(
    g: Builder,
    plan: Plan,
    units: Sequence[Unit],
    inputs: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
    rows: Sequence[Tensor],
    mix: Tensor,
    moved: Tensors,
) -> Tensor:
    """The mix, and what effects add to it that each hear rows of their own; each behind a branch."""
    for unit, heard in zip(units, rows, strict=True):
        given, own = _of(unit, plan, inputs, state)
        condition = g.sounding(heard, *_sounding(unit, own))
        mix = mix + _draw_effect(g, plan, unit, given, own, heard, condition, None, moved)
    return mix


def _draw_rare(
    g: Builder,
    plan: Plan,
    units: Sequence[Unit],
    inputs: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
    rows: Tensor,
    mix: Tensor,
    moved: Tensors,
) -> Tensor:
    """Drive, chorus and echo, which most music leaves alone, behind one branch more: one question where all rest."""
    owns = {unit.name: _of(unit, plan, inputs, state)[1] for unit in units}
    held = {f"{name}.{key}": value for name, own in owns.items() for key, value in own.items()}

    def whole() -> list[Tensor]:
        each = dict(zip(("echo", "chorus", "drive"), g.split(rows, (1, 1, 2), axis=0), strict=True))
        after: Tensors = {}
        wet = _draw_sends(g, plan, units, inputs, state, [each[unit.name] for unit in units], mix, after)
        return [wet, *(after[key] for key in held)]

    if not units:
        return mix
    condition = g.sounding(rows, *(one for unit in units for one in _sounding(unit, owns[unit.name])))
    drawn = g.branch(condition, whole, lambda: [mix, *held.values()])
    moved |= dict(zip(held, drawn[1:], strict=True))
    return drawn[0]


def _draw_effect(
    g: Builder,
    plan: Plan,
    unit: Unit,
    given: Tensors,
    state: Tensors,
    heard: Tensor,
    condition: Tensor | None,
    otherwise: Tensor | None,
    moved: Tensors,
) -> Tensor:
    """An effect, behind a branch where it has a condition. `otherwise`: what it gives at rest, if not silence."""

    def whole() -> list[Tensor]:
        out, after = unit.graph(g, plan.layout(), given | {_hears(unit): heard}, state)
        return [out[_gives(unit)], *(after[item.name] for item in unit.state)]

    def rest() -> list[Tensor]:
        if unit.name in SENDS:  # whose state is silence already
            return [g.constant(np.zeros((2, plan.block_frames))), *state.values()]
        fresh = unit.start(plan.layout())
        return [otherwise, *(g.constant(fresh[item.name], item.dtype) for item in unit.state)]

    drawn = g.branch(condition, whole, rest) if condition is not None else whole()
    moved |= {f"{unit.name}.{item.name}": after for item, after in zip(unit.state, drawn[1:], strict=True)}
    return drawn[0]


def _draw_sources(
    g: Builder, plan: Plan, inputs: Mapping[str, Tensor], state: Mapping[str, Tensor], moved: Tensors
) -> Tensors:
    """Signals that all voices share, each behind its `on`, by "slot.signal"."""
    signals: Tensors = {}
    for name, unit in plan.sources.items():
        _draw_source(g, plan, unit, inputs[f"{name}.on"], state, signals, moved)
    return signals


def _draw_source(
    g: Builder, plan: Plan, unit: Unit, on: Tensor, state: Mapping[str, Tensor], signals: Tensors, moved: Tensors
) -> None:
    layout, (port,) = plan.layout(), unit.outputs
    own = {item.name: state[f"{unit.name}.{item.name}"] for item in unit.state}

    def whole() -> list[Tensor]:
        out, after = unit.graph(g, layout, {}, own)
        return [out[port.name], *(after[item.name] for item in unit.state)]

    def rest() -> list[Tensor]:
        return [g.constant(np.zeros(layout.shape(port.dims)), port.dtype), *own.values()]

    drawn = g.branch(on, whole, rest)
    signals[f"{unit.name}.{port.name}"] = drawn[0]
    moved |= {f"{unit.name}.{item.name}": after for item, after in zip(unit.state, drawn[1:], strict=True)}


def _draw_voice(
    g: Builder,
    plan: Plan,
    name: str,
    inputs: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
    common: Tensors,
    sums: Tensor | None,
    moved: Tensors,
) -> Tensor:
    """Sums of the voices so far and of this one, which stands behind its `on`: where it rests, nothing is added."""
    wires, layout = plan.voices[name][0], replace(plan.layout(name), lanes=-1)  # as many as are bound
    slots = [slot for slot in wires.slots if not slot.common]
    held = {(s.name, item.name): state[f"{name}.{s.name}.{item.name}"] for s in slots for item in s.unit.state}

    def whole() -> list[Tensor]:
        signals: Tensors = dict(common)
        after: dict[tuple[str, str], Tensor] = {}
        for slot in slots:
            own = {item.name: held[slot.name, item.name] for item in slot.unit.state}
            given = _voice_inputs(name, slot, signals, inputs, lambda x, dims: x)
            given |= {RISES: inputs[RISES]} if TABLES.name in given else {}
            if slot.unit is MIXER:  # always the last
                own_sums = draw_sums(g, given)
                break
            out, next_state = slot.unit.graph(g, layout, given, own)
            signals |= {f"{slot.name}.{key}": value for key, value in out.items()}
            after |= {(slot.name, key): value for key, value in next_state.items()}
        return [own_sums if sums is None else own_sums + sums, *(after[key] for key in held)]

    def rest() -> list[Tensor]:
        before = g.constant(np.zeros((2 * len(BUSES), plan.block_frames))) if sums is None else sums
        return [before, *held.values()]

    drawn = g.branch(inputs[f"{name}.on"], whole, rest)
    moved |= {f"{name}.{slot}.{item}": value for (slot, item), value in zip(held, drawn[1:], strict=True)}
    return drawn[0]
