"""The synthesizer: real-time factor of both renderings with every lane sounding, nodes, start-up, parity a patch."""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from export import parity
from export.synth import manifest_entry, synth_graph
from gen_core.playback.graph_engine import GraphEngine
from gen_core.playback.instrument import Instrument, Instruments
from gen_core.playback.synth import Engine, Synth
from gen_core.playback.voices import Start, Voices
from gen_core.synth import patches
from gen_core.synth.kernel_engine import KernelEngine
from tests.benchmarks.frame import Figure, main, medians

BLOCKS, ROUNDS = 60, 9  # 0.64 s of sound a run
PATCH = "strings"  # both oscillators, filter and vibrato at work
CHORD = range(40, 68)  # 28 held notes: as many as sound before the weakest make room
START_GRAPH = """
import json, sys
from gen_core.playback.graph_engine import GraphEngine
from gen_core.playback.layout import empty_lanes
engine = GraphEngine(open(sys.argv[1], "rb").read(), json.loads(sys.argv[2]))
engine.process(empty_lanes(engine.layout))
"""
START_KERNEL = """
from gen_core.synth.kernel_engine import KernelEngine
from gen_core.playback.layout import empty_lanes
engine = KernelEngine()
engine.process(empty_lanes(engine.layout))
"""


def run() -> list[Figure]:
    """Everything about the synthesizer."""
    graph = synth_graph()
    return [*speed(graph), *structure(graph), *start_up(graph), *agreement(graph)]


def speed(graph: bytes) -> list[Figure]:
    """Kernel and graph in turns with 32 lanes sounding; then the graph behind its voices, 28 notes held."""
    kernel, drawn = KernelEngine(), GraphEngine(graph, manifest_entry())
    synth = held_synth(GraphEngine(graph, manifest_entry()))
    jobs = {"kernel": blocks_of(kernel), "graph": blocks_of(drawn), "synth": lambda: [_block(synth) for _ in _times()]}
    took = medians(jobs, ROUNDS)
    audio_s = BLOCKS * kernel.block_frames / kernel.sample_rate_hz
    factors = {name: audio_s / seconds for name, seconds in took.items()}
    return [
        Figure("kernel, 32 voices", factors["kernel"], "x real time", "Numba, engine alone"),
        Figure("graph, 32 voices", factors["graph"], "x real time", "onnxruntime, engine alone"),
        Figure("graph / kernel", took["graph"] / took["kernel"], "x cost", "interleaved"),
        Figure("synth, 28 notes", factors["synth"], "x real time", "the graph behind its voices, as a board runs it"),
        Figure("a block of the graph", 1e3 * took["graph"] / BLOCKS, "ms", f"of {1e3 * audio_s / BLOCKS:.1f}"),
    ]


def structure(graph: bytes) -> list[Figure]:
    """How large the graph is."""
    nodes = len(onnx.load_from_string(graph).graph.node)
    return [Figure("nodes", nodes), Figure("graph file", len(graph) / 1024, "KiB")]


def start_up(graph: bytes) -> list[Figure]:
    """CPU seconds from the start of an interpreter to the first block."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "synth.onnx")
        path.write_bytes(graph)
        cold = started(START_KERNEL, NUMBA_CACHE_DIR=folder)
        return [
            Figure("start of the graph", started(START_GRAPH, str(path), json.dumps(manifest_entry())), "s"),
            Figure("start of the kernel", started(START_KERNEL, NUMBA_CACHE_DIR=folder), "s", "compiled before"),
            Figure("start of the kernel, cold", cold, "s", "compiles first"),
        ]


def agreement(graph: bytes) -> list[Figure]:
    """Graph against kernels over a phrase of 1.4 s, every patch and every piece of the kit, the worst first."""
    decibels = parity.patch_parity(graph, manifest_entry(), patches.rows())
    ordered = sorted(decibels.items(), key=lambda pair: pair[1])
    return [Figure(f"parity {name}", value, "dB") for name, value in ordered]


def blocks_of(engine: Engine) -> Callable[[], object]:
    """A job: `BLOCKS` blocks with every lane sounding."""
    lanes = sounding_lanes(engine)
    return lambda: [engine.process(lanes) for _ in _times()]


def sounding_lanes(engine: Engine) -> dict[str, NDArray]:
    """Lane values of a chord of 32 notes, half a second after their onset."""
    instruments = Instruments([Instrument(row) for row in patches.rows()])
    instrument = instruments.find(PATCH)
    engine.load_tables(instruments.tables.flat)
    voices = Voices(engine.layout)
    for pitch in range(40, 40 + engine.lanes):
        sound = instruments.sound(instrument, pitch, 90, engine.sample_rate_hz)
        voices.note_on(Start(0, pitch, 0, sound, instrument.phases))
    lanes = voices.begin_block(np.full(16, 0.1))
    engine.process(lanes)
    lanes["keep"][:], lanes["phase_start"][:], lanes["age"][:] = 1.0, 0.0, 0.5
    return lanes


def held_synth(engine: Engine) -> Synth:
    """A synth that holds a chord of 28 notes."""
    synth = Synth(engine, [Instrument(row) for row in patches.rows()])
    synth.assign(0, PATCH)
    for pitch in CHORD:
        synth.note_on(0, pitch, 90)
    return synth


def started(code: str, *arguments: str, **environment: str) -> float:
    """CPU seconds of a fresh interpreter that runs `code`."""
    command = [sys.executable, "-c", code, *arguments]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"} | environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _times() -> range:
    return range(BLOCKS)


def _block(synth: Synth) -> NDArray[np.float32]:
    return synth.render_block()


if __name__ == "__main__":
    sys.exit(main({"synth": run}))
