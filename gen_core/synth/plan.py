"""What one synthesizer is made of: its voices, how many lanes each has, its effects, rate and block.

The graph is drawn from a plan, the kernels run by it, and the book's manifest carries it, so that the board knows what
to write where. Arrays are named "voice.slot.port", "voice.clock" and "effect.port"; state has `state.` before it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gen_core.synth.layout import CLOCKS, HELD_S, TABLES, Layout, Port, aligned, stored
from gen_core.synth.registry import BY_NAME
from gen_core.synth.unit import Arrays, State, Unit
from gen_core.synth.units.mixer import MIX
from gen_core.synth.wiring import Wiring, wiring

ON = Port("on", (1,), 0, 1, dtype=np.bool_)  # does anything sound on this voice?
SENDS = ("drive", "chorus", "echo", "reverb")  # effects that hear a bus and are added; silent, they do not run
INSERTS = ("equalizer", "compressor", "limiter")  # what the whole sum goes through, in this order
EFFECTS = tuple(name for name in SENDS + INSERTS if name in BY_NAME)


@dataclass(frozen=True)
class Plan:
    """`voices`: name → (wiring, lanes). `effects` in the order of EFFECTS; the limiter is always there."""

    voices: Mapping[str, tuple[Wiring, int]]
    effects: tuple[str, ...] = EFFECTS
    block_frames: int = 512
    sample_rate_hz: int = 48000

    def layout(self, voice: str = "") -> Layout:
        """Sizes of a voice, or of an effect."""
        lanes = self.voices[voice][1] if voice else 1
        return Layout(lanes, self.block_frames, self.sample_rate_hz)

    @cached_property
    def ports(self) -> dict[str, tuple[Port, Layout]]:
        """Everything that is written from outside, by name."""
        found = {"tables": (TABLES, self.layout())}
        for name, (wires, _) in self.voices.items():
            all_ports = {**wires.values, **wires.clocks, "mix": MIX, "on": ON}
            found |= {f"{name}.{port}": (declared, self.layout(name)) for port, declared in all_ports.items()}
        found |= {f"{name}.on": (ON, self.layout()) for name in self.sources}
        for unit in self.effect_units:
            found |= {f"{unit.name}.{port.name}": (port, self.layout()) for port in unit.values}
        return found

    @cached_property
    def sources(self) -> dict[str, Unit]:
        """Units that all voices share, by name."""
        return {s.name: s.unit for wires, _ in self.voices.values() for s in wires.slots if s.common}

    @cached_property
    def effect_units(self) -> tuple[Unit, ...]:
        """The effects' records, in order."""
        return tuple(BY_NAME[name] for name in EFFECTS if name in self.effects)

    def states(self) -> Iterator[tuple[str, State, Layout]]:
        """Every state array by name, with its declaration and the sizes it is made for."""
        for name, (wires, _) in self.voices.items():
            for slot in wires.slots:
                if not slot.common:
                    yield from ((f"{name}.{slot.name}.{s.name}", s, self.layout(name)) for s in slot.unit.state)
        for unit in (*self.sources.values(), *self.effect_units):
            yield from ((f"{unit.name}.{item.name}", item, self.layout()) for item in unit.state)

    @cached_property
    def ranges(self) -> dict[str, slice]:
        """Which of all lanes, counted through all voices, belong to each voice."""
        ends = np.cumsum([count for _, count in self.voices.values()]).tolist()
        return {name: slice(end - self.voices[name][1], end) for name, end in zip(self.voices, ends, strict=True)}

    def inputs(self) -> Arrays:
        """Fresh arrays for all ports, lanes first: nothing sounds.

        A clock's own name holds all lanes, of which voices have views; "voice.count" is how many lanes, counted from
        the first, need be computed.
        """
        made: Arrays = {"tables": np.zeros(2, np.float32)}
        for name, (port, layout) in self.ports.items():
            if port is not TABLES:
                made[name] = aligned(layout.shape(stored(port.dims)), port.dtype)
        made |= {f"{name}.count": np.full(1, count) for name, (_, count) in self.voices.items()}
        total = sum(count for _, count in self.voices.values())
        for clock, port in CLOCKS.items():
            made[clock] = np.full((total, 1), {"off_age": HELD_S, "keep": 1.0}.get(clock, 0.0), port.dtype)
            made |= {f"{voice}.{clock}": made[clock][lanes] for voice, lanes in self.ranges.items()}
        return made

    def start(self) -> Arrays:
        """Fresh state, from the declarations, lanes first."""
        shapes = {name: (layout.shape(stored(item.dims)), item) for name, item, layout in self.states()}
        made = {name: aligned(shape, item.dtype) for name, (shape, item) in shapes.items()}
        for name, (_, item) in shapes.items():
            made[name][...] = item.start
        return made

    def to_manifest(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "block_frames": self.block_frames,
            "sample_rate_hz": self.sample_rate_hz,
            "voices": {name: wires.data() | {"lanes": count} for name, (wires, count) in self.voices.items()},
            "effects": list(self.effects),
        }

    @classmethod
    def from_manifest(cls, data: Mapping[str, Any]) -> "Plan":
        """From plain data. UsageError where a unit is not known here."""
        voices = {name: (wiring(entry, name), int(entry["lanes"])) for name, entry in data["voices"].items()}
        return cls(voices, tuple(data["effects"]), int(data["block_frames"]), int(data["sample_rate_hz"]))
