"""The composer: CPU milliseconds a note, int8 and fp32 in turns, and its factor of real time on dense music."""

import sys
from collections.abc import Mapping

from export.book import parts
from export.model import WEIGHTS, model_graphs, read_weights
from gen_core.director.composer import BAR_TICKS
from gen_core.director.director import CONTROLS, Director, Ensemble
from gen_core.playback.model import GraphModel
from gen_core.sequence.sampler import StepModel
from gen_core.spec.param import Param
from gen_core.spec.time import ticks_to_seconds
from host_tools.output import hushed
from tests.benchmarks.frame import Figure, interleaved, main

BARS, ROUNDS = 8, 5
DENSE = {"bpm": 152.0, "density": 1.0, "energy": 1.0}
Values = Mapping[str, float]


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
    times = interleaved(takes, ROUNDS)
    took = {name: sum(seconds) / sum(takes[name].notes[1:]) * 1e3 for name, seconds in times.items()}  # ms a note
    return [
        Figure("int8", took["int8"], "ms a note", "trunk, five heads, draws, context; bar lines included"),
        Figure("fp32", took["fp32"], "ms a note"),
        Figure("fp32 / int8", took["fp32"] / took["int8"], "x cost", "interleaved"),
        factor("default controls", takes["int8"], times["int8"]),
        factor("dense", takes["dense"], times["dense"]),
        Figure("parameters", sum(tensor.size for tensor in read_weights(WEIGHTS).values())),
        Figure("int8 graphs", sum(map(len, graphs.values())) / 1e6, "MB", "unpacked"),
    ]


def factor(name: str, take: Take, times: list[float]) -> Figure:
    """How much faster than the music plays it was composed."""
    rounds = len(times)
    rate = sum(take.notes[1:]) / (rounds * take.seconds)
    return Figure(name, rounds * take.seconds / sum(times), "x real time", f"{rate:.1f} notes a second of music")


if __name__ == "__main__":
    sys.exit(main({"composer": run}))
