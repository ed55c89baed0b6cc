"""From a book's manifest and files to the things that run."""

from collections.abc import Mapping
from typing import Any

from gen_core.playback.graph_engine import GraphEngine
from gen_core.playback.instrument import Instrument
from gen_core.playback.model import GRAPHS, GraphModel
from gen_core.playback.synth import Synth
from gen_core.spec.errors import VerificationError
from gen_core.synth.plan import Plan


def open_model(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> GraphModel:
    """The composer's graphs. Raises VerificationError where one is missing or of another vocabulary."""
    paths = manifest["model"]["graphs"]
    return GraphModel({name: _file(files, str(paths.get(name)), name) for name in GRAPHS})


def open_synth(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> Synth:
    """The synthesizer's graph behind its voices."""
    entry = manifest["synth"]
    engine = GraphEngine(_file(files, entry["graph"], "synth"), Plan.from_manifest(entry))
    return Synth(engine, [Instrument(row) for row in manifest["instruments"]])


def _file(files: Mapping[str, bytes], path: str, what: str) -> bytes:
    if path not in files:
        raise VerificationError(f"the book lacks the graph of its {what} ({path})", "build it again")
    return files[path]
