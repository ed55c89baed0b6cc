"""How sure a figure is, and whether two splits are equally hard.

Pieces are drawn again with replacement (Efron, "Bootstrap methods: another look at the jackknife", 1979), for notes of
one piece are no independent witnesses; every source keeps its number of pieces, for the mixture is no accident. A
network that was chosen by one split may look worse on the other for two reasons: it was fitted to the first, or the
second is harder. Counting, which was fitted to neither, tells them apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DRAWS, SEED = 2000, 1
CONFIDENCE_PERCENT = (2.5, 97.5)


@dataclass(frozen=True)
class Judged:
    """What one piece cost, in nats: network and counting, dropped notes charged in both."""

    source: str
    notes: int
    model: float
    baseline: float


def rates(judged: Sequence[Judged]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nats per note of network and counting: (2,), and of as many pieces drawn again, (DRAWS, 2)."""
    notes = np.array([piece.notes for piece in judged], np.float64)
    costs = np.array([(piece.model, piece.baseline) for piece in judged])  # (pieces, 2)
    drawn = _draw([piece.source for piece in judged])
    again = np.stack([costs[row].sum(axis=0) / notes[row].sum() for row in drawn])
    return costs.sum(axis=0) / notes.sum(), again


def _draw(sources: Sequence[str]) -> NDArray[np.int64]:
    """Numbers of pieces drawn with replacement, as many of every source as there are. (DRAWS, pieces)"""
    rng, names = np.random.default_rng(SEED), np.array(sources)
    groups = [np.flatnonzero(names == source) for source in np.unique(names)]
    return np.concatenate([rng.choice(group, (DRAWS, len(group))) for group in groups], axis=1)


def interval(draws: NDArray[np.float64]) -> list[float]:
    """Where 95 of 100 draws lie."""
    low, high = np.percentile(draws, CONFIDENCE_PERCENT)
    return [round(float(low), 4), round(float(high), 4)]


def difference(one: Sequence[Judged], other: Sequence[Judged]) -> dict[str, Any]:
    """Nats per note of `one` less those of `other`: network, counting, and what the network differs beyond counting."""
    (here, here_again), (there, there_again) = rates(one), rates(other)
    gap, again = here - there, here_again - there_again
    figures = {"difference": (gap[0], again[:, 0]), "baseline_difference": (gap[1], again[:, 1])}
    figures["beyond_baseline"] = (gap[0] - gap[1], again[:, 0] - again[:, 1])
    report: dict[str, Any] = {}
    for name, (value, draws) in figures.items():
        report[name] = round(float(value), 4)
        report[f"{name}_interval"] = interval(draws)
    return report
