"""What `arm.py` has a board's processor do with synthesizers: hold a chord, and count what a block costs.

    python synth_guest.py FOLDER synth

FOLDER/synth/NAME.json and NAME.onnx say what to play; the result goes to FOLDER/synth.json.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from gen_core.playback.graph_engine import GraphEngine
from gen_core.playback.instrument import Instrument
from gen_core.playback.synth import Synth
from gen_core.synth.plan import Plan

WARM, COUNTED = 60, 8  # blocks: settings have arrived


def mark() -> None:
    """A point at which the emulator prints its counts."""
    os.getsid(0)


def held(description: dict[str, Any], graph: bytes) -> Synth:
    """A synthesizer that holds the chords of a description: rows, plan, and notes as [part, instrument, [keys]]."""
    engine = GraphEngine(graph, Plan.from_manifest(description["plan"]))
    synth = Synth(engine, [Instrument(row) for row in description["rows"]])
    for name, value in description["settings"].items():
        synth.desk.set(name, value)
    for part, instrument, keys in description["notes"]:
        synth.assign(part, instrument)
        for key in keys:
            synth.note_on(part, key, 90)
    return synth


def job_synth(folder: Path) -> dict[str, Any]:
    """Marks around blocks of the engine alone, and around blocks with their voices."""
    marks = []
    for path in sorted((folder / "synth").glob("*.json")):
        synth = held(json.loads(path.read_text()), path.with_suffix(".onnx").read_bytes())
        for _ in range(WARM):
            synth.render_block()
        mark()
        marks.append(f"{path.stem} opening")
        for kind, block in (("graph", synth.engine.process), ("voices", synth.render_block)):
            for _ in range(COUNTED):
                block()
                mark()
                marks.append(f"{path.stem} {kind}")
    return {"marks": marks}


if __name__ == "__main__":
    where = Path(sys.argv[1])
    (where / "synth.json").write_text(json.dumps(job_synth(where)), encoding="utf-8")
