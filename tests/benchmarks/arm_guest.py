"""What `arm.py` has a board's processor do: read notes and compose notes, on the five libraries of a board.

    python arm_guest.py FOLDER JOB        FOLDER: graphs/int8, graphs/fp32, rows.npy; the result goes to FOLDER/JOB.json

A job that counts marks its way with the rare system call getsid, which the emulator's plugin answers with its counts;
`marks` in the result names the stretch that ended at each mark.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gen_core.director.composer import Composer, Request
from gen_core.playback.model import GRAPHS, GraphModel
from gen_core.sequence import vocabulary as v
from gen_core.sequence.layout import HEADS, TRUNK
from gen_core.sequence.rules import PartRule, Rules

EIGHT = Rules(  # flute, violin, horn, strings, piano, guitar, bass, percussion
    (
        PartRule(73, 60, 96, 1), PartRule(40, 55, 90, 2), PartRule(60, 50, 80, 1), PartRule(48, 48, 84, 4),
        PartRule(0, 36, 84, 5), PartRule(27, 40, 76, 3), PartRule(33, 28, 55, 1), PartRule(v.DRUM_PROGRAM),
    )
)  # fmt: skip
DENSE = {"bpm": 80.0, "density": 0.9, "energy": 0.8}  # about 32 notes a second
FREE = Rules((PartRule(80, 60, 96, 1), PartRule(48, 45, 84, 4), PartRule(33, 28, 55, 1), PartRule(v.DRUM_PROGRAM)))
FREE_SEEDS, FREE_BARS = 20, 16
WARM, COUNTED = 4, 12  # notes that are read
WARM_BARS, COUNTED_BARS = 1, 3
_WIDTHS = {"trunk": len(TRUNK), **{field: len(HEADS[field]) for field in v.FIELDS[1:]}}
Model = Any


def mark() -> None:
    """A point at which the emulator prints its counts."""
    os.getsid(0)


class Marked:
    """A StepModel that marks where a graph begins and ends."""

    def __init__(self, model: GraphModel) -> None:
        self.model, self.marks = model, []
        self.start = model.start

    def stretch(self, name: str) -> None:
        """What ran since the last mark was `name`."""
        mark()
        self.marks.append(name)

    def trunk(self, *given: Any) -> Any:
        self.stretch("between")
        result = self.model.trunk(*given)
        self.stretch("trunk")
        return result

    def head(self, field: str, *given: Any) -> Any:
        self.stretch("between")
        result = self.model.head(field, *given)
        self.stretch(field)
        return result


def open_model(folder: Path, kind: str) -> GraphModel:
    """The graphs that lie in FOLDER/graphs."""
    return GraphModel({name: (folder / "graphs" / kind / f"{name}.onnx").read_bytes() for name in GRAPHS})


def read(model: Model, rows: Any) -> list[float]:
    """Nats of each field, summed over `rows` (events, columns of every input and then the event): teacher-forced."""
    state, nats = model.start(1), dict.fromkeys(v.FIELDS, 0.0)
    ends = np.cumsum(list(_WIDTHS.values())).tolist()
    inputs = {name: slice(end - width, end) for (name, width), end in zip(_WIDTHS.items(), ends, strict=True)}
    for row in rows[:, None]:
        event = dict(zip(v.FIELDS, row[0, ends[-1] :].tolist(), strict=False))
        h, logits, state = model.trunk(row[:, inputs["trunk"]], state)
        nats["delta"] += _nats(logits[0], event["delta"])
        for field in v.FIELDS[1:] if event["delta"] != v.BAR else ():
            nats[field] += _nats(model.head(field, h, row[:, inputs[field]])[0], event[field])
    return list(nats.values())


def _nats(logits: Any, target: int) -> float:
    wide = logits.astype(np.float64) - logits.max()
    return float(np.log(np.exp(wide).sum()) - wide[target])


def compose(model: Model, rules: Rules, bars: int, seed: int, **wishes: float) -> list[list[tuple[int, ...]]]:
    """Notes of each bar, drawn freely."""
    composer = Composer(model, Request(rules, seed, **wishes))
    return [[tuple(note) for note in composer.compose_bar()] for _ in range(bars)]


def job_graphs(folder: Path) -> dict[str, Any]:
    """Marks around every graph, both kinds, over the same notes."""
    rows, result = np.load(folder / "rows.npy"), {}
    notes = rows[rows[:, sum(_WIDTHS.values())] != v.BAR]
    for kind in ("int8", "fp32"):
        model = Marked(open_model(folder, kind))
        read(model.model, notes[:WARM])
        model.stretch(f"{kind} opening")
        read(model, notes[WARM : WARM + COUNTED])
        result[kind] = model.marks
    return {"marks": [f"{kind} {name}".strip() for kind, names in result.items() for name in names]}


def job_dense(folder: Path) -> dict[str, Any]:
    """Marks around every graph while eight parts are composed."""
    model = Marked(open_model(folder, "int8"))
    composer = Composer(model, Request(EIGHT, 1, **DENSE))
    for _ in range(WARM_BARS):
        composer.compose_bar()
    model.stretch("opening")
    model.marks = ["opening"] * (len(model.marks))
    notes = sum(len(composer.compose_bar()) for _ in range(COUNTED_BARS))
    model.stretch("between")
    return {"marks": model.marks, "notes": notes, "quarters": 4 * COUNTED_BARS}


def job_nats(folder: Path) -> dict[str, Any]:
    """Every row read once."""
    return {"nats": read(open_model(folder, "int8"), np.load(folder / "rows.npy"))}


def job_free(folder: Path) -> dict[str, Any]:
    """The same bars from every seed."""
    model = open_model(folder, "int8")
    return {"seeds": [compose(model, FREE, FREE_BARS, seed) for seed in range(FREE_SEEDS)]}


JOBS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "graphs": job_graphs, "dense": job_dense, "nats": job_nats, "free": job_free,
}  # fmt: skip

if __name__ == "__main__":
    where, what = Path(sys.argv[1]), sys.argv[2]
    (where / f"{what}.json").write_text(json.dumps(JOBS[what](where)), encoding="utf-8")
