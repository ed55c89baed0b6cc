"""How like the corpus is what a model composes of itself: overlap of the distributions of musical features.

For each piece of a split as many bars are composed for the same ensemble, metre and tempo (`imitation`), and both are
described by the features of `qualities`. The overlapped area of two sets is ∫ min(p, q) of their kernel densities (Yang
and Lerch, "On the evaluation of generative models in music", 2020); the bandwidth is Scott's for half a split, the same
for all sets, so that it cannot decide. What people reach against people is the bound: the split is halved by piece and
by source, again and again, and the composed half of A against B is divided by the written half of A against B. Both
comparisons see equally many pieces, the same mixture of sources, and pieces that B does not hold.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.sequence.sampler import StepModel
from gen_core.spec.errors import UsageError
from gen_core.training.columns import SOURCE_STYLES
from gen_core.training.corpus import SPLITS, Item, read_corpus
from gen_core.training.imitation import imitate, seed_of
from gen_core.training.qualities import FEATURES, qualities, window

GOAL = 0.85  # of what people reach against people
BARS, FEWEST_BARS = 16, 4  # of a window; shorter pieces are compared whole, the shortest not at all
FEWEST_PIECES = 4
HALVINGS = 200
GRID = 512  # points at which densities are compared
REACH = 4.0  # bandwidths beyond the outermost value: 0.006 % of a kernel lies outside

Table = NDArray[np.float64]


@dataclass(frozen=True)
class Pairs:
    """Features (pieces, features) of what was written and of what was composed, row for row alike in conditions."""

    sources: tuple[str, ...]
    written: Table
    composed: Table


def likeness(
    model: StepModel,
    folder: Path,
    split: str = "test",
    pieces: int = 0,
    seed: int = 0,
    temperature: float = 1.0,
    after: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Compose for `pieces` pieces of `folder` (0: all of the split) and compare; plain data for JSON.

    `after`: bars that are played, and composed, before those that are compared.
    """
    items, _ = read_corpus(folder, SPLITS if split == "all" else (split,))
    fewest = after + FEWEST_BARS
    chosen = sample([item for item in items if len(item.piece.bar_steps) >= fewest], pieces, seed)
    if len(chosen) < FEWEST_PIECES:
        cause = f"{len(chosen)} pieces of {fewest} bars or more say nothing about likeness"
        raise UsageError(cause, f"take at least {FEWEST_PIECES}, better hundreds")
    pairs = compose_pairs(model, chosen, seed, temperature, after, say)
    report = {"split": split, "seed": seed, "temperature": temperature, "bars": BARS, "after": after}
    return report | compare(pairs, seed)


def sample(items: Sequence[Item], pieces: int, seed: int) -> list[Item]:
    """`pieces` items, every source by its share but at least one, chosen by chance; 0 takes all."""
    if not 0 < pieces < len(items):
        return list(items)
    rng = np.random.default_rng(seed)
    shuffled = [items[i] for i in rng.permutation(len(items))]
    ranked = []
    for source in sorted({item.source for item in items}):
        mine = [item for item in shuffled if item.source == source]
        ranked += [((rank + 0.5 * (rank > 0)) / len(mine), item.name, item) for rank, item in enumerate(mine)]
    return sorted((item for _, _, item in sorted(ranked, key=lambda r: r[:2])[:pieces]), key=lambda item: item.name)


def compose_pairs(
    model: StepModel, items: Sequence[Item], seed: int, temperature: float, after: int, say: Callable[[str], None]
) -> Pairs:
    """BARS bars of every item behind its first `after`, and the same bars composed for its conditions, as features."""
    written, composed = [], []
    for done, item in enumerate(items, start=1):
        bars = min(BARS, len(item.piece.bar_steps) - after)
        style = SOURCE_STYLES.get(item.source, "")
        music = imitate(model, item.piece, after + bars, seed_of(item.name, seed), temperature, style)
        written.append(qualities(window(item.piece, after, bars)))
        composed.append(qualities(window(music, after, bars)))
        if done % 10 == 0:
            say(f"composed for {done} of {len(items)} pieces")
    return Pairs(tuple(item.source for item in items), np.array(written), np.array(composed))


def compare(pairs: Pairs, seed: int = 0, halvings: int = HALVINGS) -> dict[str, Any]:
    """The figures of every feature, and by source how far the composed mean lies from the written one."""
    halves = halve(pairs.sources, halvings, seed)
    figures = {
        name: _figures(pairs.written[:, i], pairs.composed[:, i], halves)
        for i, name in enumerate(FEATURES)
        if np.isfinite(pairs.written[:, i]).sum() >= FEWEST_PIECES
    }
    below = [name for name, figure in figures.items() if figure["ratio"] < GOAL]
    return {
        "pieces": len(pairs.sources),
        "goal": GOAL,
        "features_at_goal": len(figures) - len(below),
        "below_goal": below,
        "features": figures,
        "sources": {source: _shifts(pairs, source) for source in sorted(set(pairs.sources))},
    }


def halve(sources: Sequence[str], halvings: int, seed: int) -> NDArray[np.bool_]:
    """Which pieces are in the half A, (halvings, pieces): half of every source, an odd piece by chance."""
    rng = np.random.default_rng(seed)
    names = np.array(sources)
    halves = np.zeros((halvings, len(names)), bool)
    for source in np.unique(names):
        mine = np.flatnonzero(names == source)
        for row in halves:
            count = (len(mine) + rng.integers(2)) // 2
            row[rng.permutation(mine)[:count]] = True
    return halves


def overlap(a: Table, b: Table, bandwidth: float) -> float:
    """Overlapped area 0..1 of the kernel densities of two samples, on one grid."""
    grid = _grid(np.concatenate([a, b]), bandwidth)
    return float(_area(_kernels(a, grid, bandwidth).mean(axis=0), _kernels(b, grid, bandwidth).mean(axis=0), grid))


def scott(values: Table, count: int) -> float:
    """Scott's bandwidth for `count` values that spread like `values`; above zero where they do not spread."""
    return max(float(values.std(ddof=1)) * count**-0.2, 1e-3)


def _figures(written: Table, composed: Table, halves: NDArray[np.bool_]) -> dict[str, float]:
    """Overlaps of one feature. A row where it does not exist is left out of its set."""
    here, there = np.isfinite(written), np.isfinite(composed)
    bandwidth = scott(written[here], max(int(here.sum()) // 2, 1))
    grid = _grid(np.concatenate([written[here], composed[there]]), bandwidth)
    p = np.where(here[:, None], _kernels(written, grid, bandwidth), 0.0)  # (pieces, GRID)
    q = np.where(there[:, None], _kernels(composed, grid, bandwidth), 0.0)
    other = _density(p, here, ~halves)
    people = _area(_density(p, here, halves), other, grid)
    model = _area(_density(q, there, halves), other, grid)
    whole = _area(_density(p, here, np.ones_like(here)[None]), _density(q, there, np.ones_like(there)[None]), grid)
    low, high = np.percentile(model / people, (5, 95))
    spread = max(float(written[here].std()), 1e-9)
    means = float(written[here].mean()), float(composed[there].mean()) if there.any() else np.nan
    return {
        "ratio": round(float(np.median(model) / np.median(people)), 4),
        "ratio_low": round(float(low), 4),
        "ratio_high": round(float(high), 4),
        "overlap": round(float(whole[0]), 4),
        "people_overlap": round(float(np.median(people)), 4),
        "written_mean": round(means[0], 4),
        "composed_mean": round(means[1], 4),
        "shift": round((means[1] - means[0]) / spread, 3),  # standard deviations of what was written
    }


def _density(kernels: Table, exists: NDArray[np.bool_], chosen: NDArray[np.bool_]) -> Table:
    """Mean kernel of the chosen pieces that have the feature. (sets, GRID)"""
    weight = (chosen & exists).astype(np.float64)
    return np.asarray(weight @ kernels / np.maximum(weight.sum(axis=1, keepdims=True), 1.0))


def _kernels(values: Table, grid: Table, bandwidth: float) -> Table:
    """A Gaussian on every value. (values, GRID)"""
    z = (grid - values[:, None]) / bandwidth
    return np.asarray(np.exp(-0.5 * z * z) / (bandwidth * np.sqrt(2 * np.pi)))


def _grid(values: Table, bandwidth: float) -> Table:
    return np.linspace(values.min() - REACH * bandwidth, values.max() + REACH * bandwidth, GRID)


def _area(p: Table, q: Table, grid: Table) -> Table:
    return np.asarray(np.trapezoid(np.minimum(p, q), grid, axis=-1))


def _shifts(pairs: Pairs, source: str) -> dict[str, float]:
    """Composed minus written mean of each feature in one source, in standard deviations of the whole split."""
    mine = np.array(pairs.sources) == source
    shifts: dict[str, float] = {"pieces": int(mine.sum())}
    for i, name in enumerate(FEATURES):
        written, composed = pairs.written[mine, i], pairs.composed[mine, i]
        both = np.isfinite(written) & np.isfinite(composed)
        if both.any():
            spread = max(float(np.nanstd(pairs.written[:, i])), 1e-9)
            shifts[name] = round(float((composed[both] - written[both]).mean()) / spread, 3)
    return shifts
