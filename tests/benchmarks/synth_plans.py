"""Synthesizers to measure: the exact voice alone, the spectral voice alone, a whole ensemble with kit and effects."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import onnx

from export.model import DEFAULT
from export.synth import synth_graph
from gen_core.playback.instrument import Instrument
from gen_core.playback.synth import Engine, Synth
from gen_core.synth import patches
from gen_core.synth.plan import Plan

EXACT = """
[voice]
units = ["envelope", "pitch", "oscillator", "blend", "svf", "amplifier"]
wires = { "amplifier.signal" = "svf.filtered" }
[oscillator_1]
wave = "saw"
level = 0.5
[oscillator_2]
wave = "saw"
detune_cents = 7.0
level = 0.5
[pitch]
vibrato_semitones = 0.1
[filter]
cutoff_hz = 1800.0
bend_octaves = 2.0
q = 2.0
[mod]
decay_s = 2.0
sustain = 0.3
[mix]
gain_db = -12.0
"""  # two oscillators and a filter at work, no noise
SPECTRAL = """
[voice]
units = ["envelope", "pitch", "oscillator", "blend", "amplifier"]
wires = { "amplifier.signal" = "blend.source" }
[oscillator_1]
wave = "saw"
body = [[600.0, 9.0, 0.5], [1800.0, 6.0, 0.5]]
level = 0.5
[mix]
gain_db = -12.0
"""  # harmonics shaped by a body, no filter
DRY = ("limiter",)
MASTERED = ("reverb", "limiter")


@dataclass(frozen=True)
class Case:
    """Rows, the plan that plays them, and held notes as (part, instrument, keys)."""

    rows: Sequence[Mapping[str, Any]]
    plan: Plan
    notes: Sequence[tuple[int, str, Sequence[int]]]
    settings: Mapping[str, float] = field(default_factory=dict)  # of the effects

    def described(self) -> dict[str, Any]:
        """As plain data."""
        facts = {"rows": list(self.rows), "plan": self.plan.to_manifest(), "settings": dict(self.settings)}
        return facts | {"notes": [list(note) for note in self.notes]}

    def held(self, engine: Engine) -> Synth:
        """A synth that holds the notes."""
        synth = Synth(engine, [Instrument(row) for row in self.rows])
        for name, value in self.settings.items():
            synth.desk.set(name, value)
        for part, instrument, keys in self.notes:
            synth.assign(part, instrument)
            for key in keys:
                synth.note_on(part, key, 90)
        return synth


def alone(text: str, name: str, lanes: int, block_frames: int, effects: Sequence[str] = MASTERED) -> Case:
    """One patch whose every lane sounds."""
    rows = patches.read(text, f"{name}.toml")
    voice = rows[0]["voice"]
    plan = patches.plan_for(rows, effects, block_frames, lanes={voice: lanes})
    return Case(rows, plan, [(0, name, range(40, 40 + lanes))])


def ensemble(parts: Sequence[tuple[str, Sequence[int]]], block_frames: int = 512) -> Case:
    """Instruments of the default book, each holding its keys, mastered as there; kits are struck once. Only they are in
    the graph."""
    rows = patches.needed([name for name, _ in parts])
    notes = [(part, name, keys) for part, (name, keys) in enumerate(parts)]
    settings = tomllib.loads((DEFAULT / "book.toml").read_text(encoding="utf-8"))["mixer"]
    return Case(rows, patches.plan_for(rows, block_frames=block_frames), notes, settings)


def nodes(graph: bytes) -> int:
    """All nodes of a graph, those inside of branches too."""
    return _count(onnx.load_from_string(graph).graph)


def _count(graph: onnx.GraphProto) -> int:
    inner = [attribute.g for node in graph.node for attribute in node.attribute if attribute.g.node]
    return len(graph.node) + sum(_count(one) for one in inner)


def drawn(case: Case) -> bytes:
    """Its graph."""
    return synth_graph(case.plan)
