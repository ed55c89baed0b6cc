"""From a book's manifest and files to the things that run."""

from collections.abc import Mapping
from typing import Any

from gen_core.playback.graph_engine import GraphEngine
from gen_core.playback.instrument import Instrument
from gen_core.playback.model import GRAPHS, GraphModel
from gen_core.playback.synth import Engine, Synth
from gen_core.spec.errors import VerificationError
from gen_core.synth.kernel_engine import KernelEngine
from gen_core.synth.plan import Plan


def open_model(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> GraphModel:
    """The composer's graphs. Raises VerificationError where one is missing or of another vocabulary."""
    paths = manifest["model"]["graphs"]
    return GraphModel({name: _file(files, str(paths.get(name)), name) for name in GRAPHS})


def open_synth(manifest: Mapping[str, Any], files: Mapping[str, bytes], engine: str = "onnx") -> Synth:
    """The synthesizer behind its voices: the book's graph ("onnx"), or the same plan by kernels ("numba")."""
    entry = manifest["synth"]
    plan = Plan.from_manifest(entry)
    made: Engine = GraphEngine(_file(files, entry["graph"], "synth"), plan) if engine == "onnx" else _kernels(plan)
    return Synth(made, [Instrument(row) for row in manifest["instruments"]])


def _kernels(plan: Plan) -> KernelEngine:
    """Compiled before the first note: seconds the first time, half a second afterwards."""
    engine = KernelEngine(plan)
    engine.warm()
    return engine


def _file(files: Mapping[str, bytes], path: str, what: str) -> bytes:
    if path not in files:
        raise VerificationError(f"the book lacks the graph of its {what} ({path})", "build it again")
    return files[path]
