"""The synthesizer as one ONNX graph, a block a run, and what the book's manifest says about it."""

import json
from typing import Any

from export.graph import GraphBuilder
from gen_core.playback.layout import LANES, Layout
from gen_core.synth import voice


def synth_model(layout: Layout) -> Any:
    """The whole voice as an onnx model: lane values and `state.*` in, `audio` (frames, 2) and `next.*` out."""
    g = GraphBuilder("limonaire-synth")
    lanes = {name: g.input(name, _shape(name, layout), LANES[name].dtype) for name in voice.lane_names()}
    declared = {name: item for name, _, item in voice.states()}
    state = {name: g.input(f"state.{name}", layout.shape(item.dims), item.dtype) for name, item in declared.items()}
    audio, moved = voice.draw(g, layout, lanes, state)
    across = g.transpose(g.reshape(audio, (2, layout.block_frames)), (1, 0))
    g.output("audio", across, (layout.block_frames, 2))
    for name, value in moved.items():
        g.output(f"next.{name}", value, layout.shape(declared[name].dims))
    return g.model({"limonaire.synth": json.dumps(manifest_entry(layout))})


def _shape(name: str, layout: Layout) -> list[int | str]:
    return ["table_frames"] if name == "tables" else list(layout.shape(LANES[name].dims))


def synth_graph(lanes: int = 32, block_frames: int = 512, sample_rate_hz: int = 48000) -> bytes:
    """The graph as bytes, for the book."""
    return synth_model(Layout(lanes, block_frames, sample_rate_hz)).SerializeToString()


def manifest_entry(layout: Layout | None = None, graph: str = "synth/synth.onnx") -> dict[str, Any]:
    """The manifest's "synth": sizes, and where state that does not start at 0 starts."""
    layout = layout or Layout()
    return {
        "graph": graph,
        "lanes": layout.lanes,
        "block_frames": layout.block_frames,
        "sample_rate_hz": layout.sample_rate_hz,
        "state": {name: item.start for name, _, item in voice.states() if item.start},
    }
