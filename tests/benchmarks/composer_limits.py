"""Where a note's time in the graphs goes: what a run costs, what a node costs, what the products cost.

int8 reads a quarter of fp32's bytes, but only the products get cheaper by it; runs and nodes cost both the same.
"""

import itertools
from collections.abc import Callable

import numpy as np

from export.graph import GraphBuilder
from export.model import WEIGHTS, read_weights
from export.quantise import quantise
from gen_core.playback.model import BoundGraph, GraphModel
from gen_core.playback.sessions import session
from gen_core.sequence import vocabulary as v
from gen_core.sequence.layout import HEADS, TRUNK
from host_tools.output import hushed
from tests.benchmarks.frame import Figure, medians

RUNS, ROUNDS = 40, 15
NODES = 60  # of a chain of the cheapest nodes
NOTE_RUNS = 6


def limits(int8: GraphModel, fp32: GraphModel) -> list[Figure]:
    """CPU microseconds of parts of a note, all interleaved."""
    jobs: dict[str, Callable[[], object]] = {"run": chain(1), "nodes": chain(NODES)}
    for kind, model in (("int8", int8), ("fp32", fp32)):
        jobs |= {f"{kind} trunk": trunk(model), f"{kind} heads": heads(model)}
        jobs[f"{kind} products"] = products(kind == "int8")
    took = {name: s / RUNS * 1e6 for name, s in medians({n: many(job) for n, job in jobs.items()}, ROUNDS).items()}
    node = (took["nodes"] - took["run"]) / (NODES - 1)
    notes = {kind: took[f"{kind} trunk"] + took[f"{kind} heads"] for kind in ("int8", "fp32")}
    fp32_products = f"fp32: {took['fp32 products'] - took['run']:.1f}"
    return [
        Figure("six graphs, int8", notes["int8"] / 1e3, "ms", "the goal is 0.6 at most"),
        Figure("six graphs, fp32", notes["fp32"] / 1e3, "ms"),
        Figure("six graphs, fp32 / int8", notes["fp32"] / notes["int8"], "x cost", "the goal was 3"),
        Figure("  trunk, int8", took["int8 trunk"], "us", f"fp32: {took['fp32 trunk']:.1f}"),
        Figure("  five heads, int8", took["int8 heads"], "us", f"fp32: {took['fp32 heads']:.1f}"),
        Figure("  a run of one node", took["run"], "us", f"{NOTE_RUNS} of them a note, int8 and fp32 alike"),
        Figure("  a node more", node, "us", "int8 and fp32 alike"),
        Figure("  the trunk's products alone, int8", took["int8 products"] - took["run"], "us", fp32_products),
    ]


def many(job: Callable[[], object]) -> Callable[[], None]:
    """The job RUNS times, for one takes less than a clock's tick."""

    def work() -> None:
        for _ in itertools.repeat(None, RUNS):
            job()

    return work


def chain(nodes: int) -> Callable[[], object]:
    """A graph of so many small nodes, one after another."""
    g = GraphBuilder("chain")
    x = g.input("x", (1, 16))
    for _ in range(nodes):
        x = g.unary("Relu", x)
    g.output("y", x, (1, 16))
    return BoundGraph(session(g.model().SerializeToString()))


def trunk(model: GraphModel) -> Callable[[], object]:
    """One step of the trunk."""
    columns, state = [[0] * len(TRUNK)], model.start(1) + 0.5
    return lambda: model.trunk(columns, state)


def heads(model: GraphModel) -> Callable[[], object]:
    """The five heads of a note."""
    h = model.trunk([[0] * len(TRUNK)], model.start(1))[0]
    columns = {field: [[0] * len(HEADS[field])] for field in v.FIELDS[1:]}
    return lambda: [model.head(field, h, given) for field, given in columns.items()]


def products(int8: bool) -> Callable[[], object]:
    """The trunk's matrices, each multiplied by a vector, and nothing else."""
    g, weights = GraphBuilder("products"), read_weights(WEIGHTS)
    names = [n for n in weights if n.startswith(("blocks.", "heads.delta.")) and weights[n].ndim == 2]
    vectors = {size: g.input(f"x{size}", (1, size)) for size in {weights[name].shape[1] for name in names}}
    for number, name in enumerate(names):
        rows, size = weights[name].shape
        g.output(f"y{number}", vectors[size] @ g.constant(weights[name].T), (1, rows))
    model = g.model()
    with hushed():
        drawn = quantise(model) if int8 else model
    run = BoundGraph(session(drawn.SerializeToString()))
    given = {f"x{size}": np.linspace(-1, 1, size, dtype=np.float32)[None] for size in vectors}
    return lambda: run(**given)
