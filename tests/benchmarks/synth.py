"""The synthesizer: speed of both renderings with every lane sounding, nodes, start-up, parity a patch."""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from export import parity
from export.synth import synth_graph
from gen_core.playback.graph_engine import GraphEngine
from gen_core.playback.synth import Engine
from gen_core.synth import patches
from gen_core.synth.kernel_engine import KernelEngine
from tests.benchmarks.frame import Figure, main, medians
from tests.benchmarks.synth_plans import DRY, EXACT, MASTERED, Case, alone, drawn, nodes

AUDIO_S, ROUNDS = 0.64, 9  # of sound a run
LANES = 32
START = """
import json, sys
from pathlib import Path
from gen_core.synth.plan import Plan
plan = Plan.from_manifest(json.loads(Path(sys.argv[2]).read_text()))
"""
START_GRAPH = START + """
from gen_core.playback.graph_engine import GraphEngine
engine = GraphEngine(Path(sys.argv[1]).read_bytes(), plan)
engine.process()
"""
START_KERNEL = START + """
from gen_core.synth.kernel_engine import KernelEngine
engine = KernelEngine(plan)
for name, array in engine.inputs.items():
    if name.endswith(".on"):
        array[:] = True
engine.process()
"""


def run() -> list[Figure]:
    """Everything about the synthesizer."""
    return [*speed(512), *speed(256), *structure(), *start_up(), *agreement()]


def speed(block_frames: int) -> list[Figure]:
    """Kernel and graph in turns, every lane of the exact voice sounding, without and with reverb."""
    effects = {"dry": DRY, "wet": MASTERED}
    cases = {name: alone(EXACT, "exact", LANES, block_frames, these) for name, these in effects.items()}
    jobs = {}
    for name, case in cases.items():
        jobs[f"kernel, {name}"] = blocks_of(case, KernelEngine(case.plan))
        jobs[f"graph, {name}"] = blocks_of(case, GraphEngine(drawn(case), case.plan))
    took = medians(jobs, ROUNDS)
    note = f"{LANES} voices, blocks of {block_frames}"
    figures = [Figure(f"{name}, {block_frames}", AUDIO_S / took[name], "x real time", note) for name in took]
    for name in cases:
        each = 1e9 * took[f"kernel, {name}"] / (AUDIO_S * 48000 * LANES)
        figures.append(Figure(f"kernel, {name}, {block_frames}", each, "ns", "a voice and sample"))
        cost = took[f"graph, {name}"] / took[f"kernel, {name}"]
        figures.append(Figure(f"graph / kernel, {name}, {block_frames}", cost, "x cost", "interleaved"))
    return figures


def blocks_of(case: Case, engine: Engine) -> Callable[[], object]:
    """A job: `AUDIO_S` of blocks by the engine alone, half a second into the notes."""
    synth = case.held(engine)
    rate, frames = case.plan.sample_rate_hz, case.plan.block_frames
    for _ in range(round(0.5 * rate / frames)):
        synth.render_block()
    return lambda: [engine.process() for _ in range(round(AUDIO_S * rate / frames))]


def structure() -> list[Figure]:
    """How large the graphs are: the exact voice with reverb and limiter, and everything that comes with the synth."""
    figures = []
    for frames in (256, 512):
        figures.append(Figure(f"nodes, exact, {frames}", nodes(drawn(alone(EXACT, "exact", LANES, frames)))))
    whole = synth_graph(patches.plan_for(patches.rows()))
    return [*figures, Figure("nodes, everything", nodes(whole)), Figure("graph file", len(whole) / 1024, "KiB")]


def start_up() -> list[Figure]:
    """CPU seconds from the start of an interpreter to the first block."""
    case = alone(EXACT, "exact", LANES, 512)
    with tempfile.TemporaryDirectory(prefix="limonaire-bench-") as folder:
        graph, plan = Path(folder, "synth.onnx"), Path(folder, "plan.json")
        graph.write_bytes(drawn(case))
        plan.write_text(json.dumps(case.plan.to_manifest()), encoding="utf-8")
        cold = started(START_KERNEL, graph, plan, NUMBA_CACHE_DIR=folder)
        return [
            Figure("start of the graph", started(START_GRAPH, graph, plan), "s"),
            Figure("start of the kernel", started(START_KERNEL, graph, plan, NUMBA_CACHE_DIR=folder), "s", "compiled"),
            Figure("start of the kernel, cold", cold, "s", "compiles first"),
        ]


def agreement() -> list[Figure]:
    """Graph against kernels over a phrase of 1.4 s, every patch and every piece of the kit, the worst first."""
    rows = patches.rows()
    plan = patches.plan_for(rows)
    decibels = parity.patch_parity(plan, synth_graph(plan), rows)
    ordered = sorted(decibels.items(), key=lambda pair: pair[1])
    return [Figure(f"parity {name}", value, "dB") for name, value in ordered]


def started(code: str, *arguments: Path, **environment: str) -> float:
    """CPU seconds of a fresh interpreter that runs `code`."""
    command: Sequence[str] = [sys.executable, "-c", code, *map(str, arguments)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"} | environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    sys.exit(main({"synth": run}))
