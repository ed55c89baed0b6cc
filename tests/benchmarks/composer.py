"""The composer: CPU milliseconds a note, int8 and fp32 in turns, and its factor of real time on dense music.

Graphs and the rest (draws, masks, context: Python) are shown apart, and of the graphs, what their time is spent on.
"""

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from export.book import parts
from export.model import WEIGHTS, model_graphs, read_weights
from gen_core.director.composer import BAR_TICKS, Composer, Request
from gen_core.director.director import CONTROLS, Director, Ensemble
from gen_core.playback.model import GraphModel
from gen_core.sequence.sampler import StepModel
from gen_core.spec.param import Param
from gen_core.spec.time import ticks_to_seconds
from host_tools.output import hushed
from tests.benchmarks.arm_guest import DENSE as EIGHT_WISHES
from tests.benchmarks.arm_guest import EIGHT
from tests.benchmarks.composer_limits import limits
from tests.benchmarks.frame import Figure, interleaved, main

BARS, ROUNDS = 8, 5
DENSE = {"bpm": 152.0, "density": 1.0, "energy": 1.0}
EIGHT_RATE = 32.0  # notes a second of the eight-part texture
Values = Mapping[str, float]


class Timed:
    """A StepModel that knows how long its graphs took: CPU seconds in `seconds`."""

    def __init__(self, model: StepModel) -> None:
        self.model, self.seconds, self.start = model, 0.0, model.start

    def trunk(self, *given: Any) -> Any:
        return self._timed(self.model.trunk, *given)

    def head(self, *given: Any) -> Any:
        return self._timed(self.model.head, *given)

    def _timed(self, graph: Callable, *given: Any) -> Any:
        began_s = time.thread_time()
        result = graph(*given)
        self.seconds += time.thread_time() - began_s
        return result


class Eight:
    """Eight parts, as dense as they get, through the Composer alone."""

    def __init__(self, model: StepModel) -> None:
        self.model, self.notes = Timed(model), [0]
        self.composer = Composer(self.model, Request(EIGHT, 1, **EIGHT_WISHES))

    def __call__(self) -> None:
        """Compose eight bars."""
        if len(self.notes) == 2:
            self.model.seconds = 0.0  # the first run is not measured
        self.notes.append(sum(len(self.composer.compose_bar()) for _ in range(BARS)))


class Take:
    """A performance that goes on from run to run, and how many notes each run gave."""

    def __init__(self, model: StepModel, manifest: Mapping, wishes: Values) -> None:
        declared = [Param.from_dict(data) for data in manifest["params"]]
        values = {param.id: param.default for param in declared} | {"seed": 7.0} | dict(wishes)
        ensembles = [Ensemble.from_manifest(name, seats) for name, seats in manifest["ensembles"].items()]
        self.director = Director(model, ensembles, {name: values[name] for name in CONTROLS})
        self.seconds = ticks_to_seconds(BARS * BAR_TICKS, values["bpm"])  # of music a run
        self.notes: list[int] = []

    def __call__(self) -> None:
        """Compose eight bars."""
        self.notes.append(sum(len(self.director.compose()) for _ in range(BARS)))
        self.director.forget(self.director.composed_until)


def run() -> list[Figure]:
    """Everything about the composer."""
    with hushed():
        manifest, files = parts("default", "0.1.0")
    graphs = {name: files[path] for name, path in manifest["model"]["graphs"].items()}
    int8, fp32 = GraphModel(graphs), GraphModel(model_graphs(int8=False))
    takes = {
        "int8": Take(int8, manifest, {}),
        "fp32": Take(fp32, manifest, {}),
        "dense": Take(int8, manifest, DENSE),
    }
    eight = Eight(int8)
    times = interleaved(takes | {"eight": eight}, ROUNDS)
    took = {
        name: sum(seconds) / sum(takes[name].notes[1:]) * 1e3 for name, seconds in times.items() if name in takes
    }  # ms
    return [
        Figure("int8", took["int8"], "ms a note", "trunk, five heads, draws, context; bar lines included"),
        Figure("fp32", took["fp32"], "ms a note"),
        Figure("fp32 / int8", took["fp32"] / took["int8"], "x cost", "interleaved"),
        factor("default controls", takes["int8"], times["int8"]),
        factor("dense", takes["dense"], times["dense"]),
        *eight_figures(eight, times["eight"]),
        *limits(int8, fp32),
        Figure("parameters", sum(tensor.size for tensor in read_weights(WEIGHTS).values())),
        Figure("int8 graphs", sum(map(len, graphs.values())) / 1e6, "MB", "unpacked"),
    ]


def factor(name: str, take: Take, times: list[float]) -> Figure:
    """How much faster than the music plays it was composed."""
    rounds = len(times)
    rate = sum(take.notes[1:]) / (rounds * take.seconds)
    return Figure(name, rounds * take.seconds / sum(times), "x real time", f"{rate:.1f} notes a second of music")


def eight_figures(eight: Eight, times: list[float]) -> list[Figure]:
    """A note of the eight-part texture, graphs and the rest apart."""
    notes = sum(eight.notes[2:])
    whole, graphs = sum(times) / notes, eight.model.seconds / notes
    return [
        Figure("dense, eight parts", 1 / EIGHT_RATE / whole, "x real time", f"at {EIGHT_RATE:.0f} notes/s; goal: 20"),
        Figure("  a note", whole * 1e3, "ms"),
        Figure("  graphs", graphs * 1e3, "ms", "bar lines included"),
        Figure("  draws, masks, context", (whole - graphs) * 1e3, "ms", "Python and numpy"),
    ]


if __name__ == "__main__":
    sys.exit(main({"composer": run}))
