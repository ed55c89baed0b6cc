"""The synthesizer as one ONNX graph, a block a run, and what the book's manifest says about it."""

from collections.abc import Sequence
from typing import Any

from export.graph import GraphBuilder
from gen_core.synth import rack
from gen_core.synth.layout import RISES, TABLES, Dim, Layout, stored
from gen_core.synth.plan import Plan
from gen_core.synth.units.mixer import BUSES


def synth_model(plan: Plan) -> Any:
    """The whole plan as an onnx model: `Plan.ports` and `state.*` in; `audio` (frames, 2), `bus` and `next.*` out."""
    g = GraphBuilder("limonaire-synth")
    given = {name: _input(g, plan, name) for name in plan.ports if name in _read(plan)}
    given |= {RISES: _input(g, plan, TABLES.name, RISES)} if TABLES.name in given else {}
    declared = {name: (item, _shape(name, item.dims, layout)) for name, item, layout in plan.states()}
    state = {name: g.input(f"state.{name}", shape, item.dtype) for name, (item, shape) in declared.items()}
    audio, bus, moved = rack.draw(g, plan, given, state)
    g.output("audio", g.transpose(audio, (1, 0)), (plan.block_frames, 2))
    g.output("bus", bus, (len(BUSES), plan.block_frames))
    for name, value in moved.items():
        g.output(f"next.{name}", value, declared[name][1])
    return g.model()


def _read(plan: Plan) -> set[str]:
    """Ports that the graph asks for: no tables where nothing reads any."""
    slots = [slot for wires, _ in plan.voices.values() for slot in wires.slots]
    tables = any(port.kind == "shared" for slot in slots for port in slot.unit.inputs)
    return set(plan.ports) - (set() if tables else {"tables"})


def _input(g: GraphBuilder, plan: Plan, name: str, called: str = "") -> Any:
    port, layout = plan.ports[name]
    shape = ["table_frames"] if port.kind == "shared" else _shape(name, port.dims, layout)
    return g.input(called or name, shape, port.dtype)


def _shape(name: str, dims: Sequence[Dim], layout: Layout) -> list[int | str]:
    """Sizes, lanes first: as many as the engine binds."""
    shape: list[int | str] = list(layout.shape(stored(dims)))
    return [f"{name.split('.')[0]}_lanes", *shape[1:]] if "lanes" in dims else shape


def synth_graph(plan: Plan) -> bytes:
    """The graph as bytes, for the book."""
    return bytes(synth_model(plan).SerializeToString())


def manifest_entry(plan: Plan, graph: str = "synth/synth.onnx") -> dict[str, Any]:
    """The manifest's "synth"."""
    return {"graph": graph, **plan.to_manifest()}
