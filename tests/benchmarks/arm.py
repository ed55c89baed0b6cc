"""Composer and synthesizer on a Pi Zero's processor, emulated: instructions a note and a block; is it the same music?

Instructions are counted, not timed, so other work on the machine changes nothing; they say nothing of memory, in which
int8 needs a quarter of what fp32 does. Needs Debian's qemu-user and the root that `tests/tools/arm-root.sh` makes, in
$LIMONAIRE_ARM_ROOT or .tools/arm-root. LIMONAIRE_ARM_JOBS chooses some of graphs, dense, nats, synth, free: the last
takes minutes, since emulation is about thirty times slower.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export.model import model_graphs
from gen_core.score.grid import encode
from gen_core.training.columns import TARGETS, piece_rows
from host_tools.output import hushed
from tests.benchmarks import arm_guest, synth_guest, synth_plans
from tests.benchmarks.frame import Figure, main
from tests.fixtures import tunes

ROOT = Path(__file__).resolve().parents[2]
COUNT_SH = ROOT / "tests/tools/arm-count.sh"
CPU = "cortex-a53"
PI_ZERO_RATE = 0.4e9  # instructions a second on one core of a Pi Zero 2 W: 1 GHz, and 0.4 of them a cycle, by estimate
RATE = 32.0  # notes a second, the dense texture that must be composed twice as fast as it plays
COUNT = re.compile(r"^COUNT mark all=(\d+)", re.MULTILINE)
MEGA = 1e6
ENSEMBLE = (
    ("organ", [79]),
    ("trumpet_rank", [67, 72]),
    ("recorder", [60, 64, 67, 71]),
    ("bass_pipes", [36]),
    ("fairground", [36, 38, 42, 49]),
)
GOALS = {
    "exact 256": "the goal is 200 nodes, 1.6 M",
    "exact 512": "no goal",
    "spectral 512": "the goal is 80 nodes, 1.4 M",
    "ensemble 512": "the goal is 2x real time",
}


def missing() -> str:
    """What is not there, or nothing."""
    if not (arm_root() / "usr/bin/python3.11").exists():
        return f"no arm64 root in {arm_root()}: run tests/tools/arm-root.sh as root"
    tools = [tool for tool in ("qemu-aarch64", "unshare", "gcc") if shutil.which(tool) is None]
    return f"{tools[0]} is not installed: apt-get install qemu-user util-linux gcc" if tools else ""


def arm_root() -> Path:
    """Where the emulated board's files lie."""
    return Path(os.environ.get("LIMONAIRE_ARM_ROOT") or ROOT / ".tools/arm-root")


def run() -> list[Figure]:
    """Everything, or one figure that says why there is nothing."""
    if why := missing():
        return [Figure("skipped", 0, "", why)]
    chosen = os.environ.get("LIMONAIRE_ARM_JOBS", "graphs,dense,nats,synth,free").split(",")
    with tempfile.TemporaryDirectory(prefix="limonaire-arm-") as folder, hushed():
        prepare(Path(folder))
        return [figure for job in chosen for figure in REPORTS[job](Path(folder))]


def prepare(folder: Path) -> None:
    """The default model's graphs, both kinds, and rows of the fixtures' tunes."""
    for kind in ("int8", "fp32"):
        (folder / "graphs" / kind).mkdir(parents=True)
        for name, graph in model_graphs(int8=kind == "int8").items():
            (folder / "graphs" / kind / f"{name}.onnx").write_bytes(graph)
    rows = np.concatenate([piece_rows(encode(make())) for make in tunes.ALL.values()])
    np.save(folder / "rows.npy", rows[:, : TARGETS.stop].astype(np.int32))


def emulate(
    folder: Path, job: str, *options: str, guest: str = arm_guest.__file__
) -> tuple[dict[str, Any], dict[str, list[int]]]:
    """Run a job of a guest script on the emulated board: its result, and instructions by the name of the stretch."""
    command = [str(COUNT_SH), *options, str(arm_root()), CPU, guest, str(folder), job]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the emulated board failed at {job!r}: {done.stderr[-800:]}")
    result = json.loads((folder / f"{job}.json").read_text(encoding="utf-8"))
    counts, before = defaultdict(list), 0
    for name, at in zip(result.pop("marks", []), map(int, COUNT.findall(done.stderr)), strict=True):
        counts[name].append(at - before)
        before = at
    return result, counts


def report_graphs(folder: Path) -> list[Figure]:
    """Instructions of a note's six runs, each graph apart, int8 and fp32."""
    _, counts = emulate(folder, "graphs")
    note = {k: {g: statistics.median(counts[f"{k} {g}"]) for g in arm_guest.GRAPHS} for k in ("int8", "fp32")}
    whole = {kind: sum(graphs.values()) / MEGA for kind, graphs in note.items()}
    return [
        Figure("a whole note, int8", whole["int8"], "M instructions", f"{CPU}; the goal is 3 at most"),
        Figure("a whole note, fp32", whole["fp32"], "M instructions", "same graphs, same notes"),
        *(
            Figure(f"  {graph}", note["int8"][graph] / 1e3, "k instructions", f"fp32: {note['fp32'][graph] / 1e3:.0f}")
            for graph in arm_guest.GRAPHS
        ),
    ]


def report_dense(folder: Path) -> list[Figure]:
    """Eight parts through the Composer: instructions a note, graphs and Python apart."""
    result, counts = emulate(folder, "dense")
    notes, python = result["notes"], sum(counts["between"])
    graphs = sum(sum(counts[graph]) for graph in arm_guest.GRAPHS)
    each = (graphs + python) / notes
    rate = notes / result["quarters"] * arm_guest.DENSE["bpm"] / 60
    here = f"at {RATE:.0f} notes/s (here {rate:.1f}), estimate"
    return [
        Figure("dense, eight parts", each / MEGA, "M instructions", f"a note of {notes}; the goal is 6.25 at most"),
        Figure("  graphs", graphs / notes / MEGA, "M instructions", "bar lines included"),
        Figure("  draws, masks, context", python / notes / MEGA, "M instructions", "Python and numpy"),
        Figure("  speed", PI_ZERO_RATE / RATE / each, "x real time", here),
    ]


def report_nats(folder: Path) -> list[Figure]:
    """Does the board's processor read the same pieces as this one does?"""
    result, _ = emulate(folder, "nats", "--plain")
    here, there = sum(arm_guest.job_nats(folder)["nats"]), sum(result["nats"])
    off = abs(there / here - 1) * 100
    return [Figure("nats, here and there", off, "% apart", f"{here:.4f} and {there:.4f}; the goal is 0.1 at most")]


def report_free(folder: Path) -> list[Figure]:
    """In which bar does music from the same seed first differ?"""
    here, there = arm_guest.job_free(folder)["seeds"], emulate(folder, "free", "--plain")[0]["seeds"]
    firsts = [first_difference(a, b) for a, b in zip(here, there, strict=True)]
    same = sum(first == arm_guest.FREE_BARS for first in firsts)
    note = f"of {len(firsts)} seeds over {arm_guest.FREE_BARS} bars; {same} never differ; {min(firsts)} is the first"
    return [Figure("same bars from the same seed", statistics.median(firsts), "bars (median)", note)]


def report_synth(folder: Path) -> list[Figure]:
    """Instructions of a block: the exact voice, the spectral voice, a whole ensemble."""
    cases = {
        "exact 256": synth_plans.alone(synth_plans.EXACT, "exact", 32, 256),
        "exact 512": synth_plans.alone(synth_plans.EXACT, "exact", 32, 512),
        "spectral 512": synth_plans.alone(synth_plans.SPECTRAL, "spectral", 16, 512),
        "ensemble 512": synth_plans.ensemble(ENSEMBLE),
    }
    (folder / "synth").mkdir(exist_ok=True)
    for name, case in cases.items():
        (folder / "synth" / f"{name}.json").write_text(json.dumps(case.described(), default=list), encoding="utf-8")
        (folder / "synth" / f"{name}.onnx").write_bytes(synth_plans.drawn(case))
    _, counts = emulate(folder, "synth", guest=synth_guest.__file__)
    figures = []
    for name, case in cases.items():
        graph, whole = (statistics.median(counts[f"{name} {kind}"]) / MEGA for kind in ("graph", "voices"))
        audio_s = case.plan.block_frames / case.plan.sample_rate_hz
        count = synth_plans.nodes((folder / "synth" / f"{name}.onnx").read_bytes())
        figures += [
            Figure(f"{name}, graph", graph, "M instructions", f"a block; {count} nodes; {GOALS[name]}"),
            Figure(f"{name}, with its voices", whole, "M instructions", "Python and numpy around it"),
            Figure(f"{name}, speed", PI_ZERO_RATE * audio_s / whole / MEGA, "x real time", "one core, estimate"),
        ]
    return figures


def first_difference(here: Sequence[Sequence], there: Sequence[Sequence]) -> int:
    """Number of the first bar that differs; the number of bars where none does."""
    pairs = enumerate(zip(here, there, strict=True))
    return next((bar for bar, (a, b) in pairs if [list(n) for n in a] != [list(n) for n in b]), len(here))


REPORTS: dict[str, Callable[[Path], list[Figure]]] = {
    "graphs": report_graphs, "dense": report_dense, "nats": report_nats, "synth": report_synth, "free": report_free,
}  # fmt: skip

if __name__ == "__main__":
    sys.exit(main({"arm": run}))
