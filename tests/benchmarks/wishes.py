"""How well wishes are followed: rank correlation between what is asked for and what comes, over spans of 8 bars."""

import random
import sys
import tomllib

import numpy as np
from scipy.stats import spearmanr

from export.model import DEFAULT, model_graphs
from gen_core.director.composer import Composer, Request
from gen_core.director.director import Ensemble
from gen_core.playback.model import GraphModel
from gen_core.sequence.layout import WISHES
from gen_core.sequence.rules import Rules
from gen_core.sequence.vocabulary import DRUM_PROGRAM
from gen_core.spec.note import Note
from tests.benchmarks.frame import Figure, main

ENSEMBLES = ("fairground", "chamber")
SEEDS, SPANS, BARS, QUARTERS_PER_BAR = 4, 10, 8, 4


def run() -> list[Figure]:
    """Spearman's rho of each wish in two ensembles; every span asks for something new."""
    declared = tomllib.loads((DEFAULT / "book.toml").read_text(encoding="utf-8"))["ensembles"]
    model = GraphModel(model_graphs())
    figures = []
    for name in ENSEMBLES:
        rules = Rules(Ensemble.from_manifest(name, declared[name]).rules)
        for wish in WISHES:
            asked, came = zip(*(pair for seed in range(SEEDS) for pair in spans(model, rules, wish, seed)), strict=True)
            rho = float(spearmanr(asked, came, nan_policy="omit").statistic)
            figures.append(Figure(f"{name}: {wish}", rho, "rho", f"{len(asked)} spans of {BARS} bars"))
    return figures


def spans(model: GraphModel, rules: Rules, wish: str, seed: int) -> list[tuple[float, float]]:
    """(asked, came) of the spans of one performance."""
    chance = random.Random(seed)
    composer = Composer(model, Request(rules, seed))
    pairs = []
    for _ in range(SPANS):
        value = chance.random()
        composer.ask(Request(rules, seed, **{wish: value}))
        notes = [note for _ in range(BARS) for note in composer.compose_bar()]
        pairs.append((value, feature(wish, notes, rules)))
    return pairs


def feature(wish: str, notes: list[Note], rules: Rules) -> float:
    """The wish's feature of a span, read from its notes alone."""
    if wish == "density":
        return len(notes) / (BARS * QUARTERS_PER_BAR)
    if wish == "energy":
        return sum((note.velocity / 127) ** 2 for note in notes) / (BARS * QUARTERS_PER_BAR)
    keys = [note.pitch for note in notes if rules.parts[note.part].program != DRUM_PROGRAM]
    return float(np.mean(keys)) if keys else float("nan")


if __name__ == "__main__":
    sys.exit(main({"wishes": run}))
