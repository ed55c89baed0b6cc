"""How well wishes are followed, and how much one moves the others.

Each performance asks for one wish alone, something new every 8 bars. Followed: Spearman's rank correlation between what
was asked for and what came. Moved: the slope of every feature over what was asked for, as the change that a wish going
from 0.2 to 0.8 brings, in interquartile ranges of the corpus, with its standard error. Features are read from the
finished notes.
"""

import random
import sys
import tomllib
import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from export.model import DEFAULT, model_graphs
from gen_core.director.composer import Composer, Request
from gen_core.director.director import Ensemble
from gen_core.playback.model import GraphModel
from gen_core.sequence import vocabulary as v
from gen_core.sequence.features import FEATURES, Notes, bar_features
from gen_core.sequence.rules import Rules
from gen_core.sequence.wishes import IQR
from gen_core.spec.note import Note
from gen_core.spec.time import TICKS_PER_STEP
from tests.benchmarks.frame import Figure, main

ENSEMBLES = ("fairground", "chamber", "salon")
SEEDS, LEAD_BARS, SPANS, BARS = 3, 16, 12, 8
SHARED = {  # pairs that share their definition, so that one cannot be asked for without moving the other
    "density": ("energy", "polyphony", "brightness"),
    "energy": ("density",),
    "register": ("brightness",),
    "brightness": ("register",),
    "polyphony": ("density", "energy"),
}


class Spans(NamedTuple):
    """One performance: what each span asked for (spans,), and every feature of it (spans, features)."""

    asked: NDArray[np.float64]
    came: NDArray[np.float64]


def run() -> list[Figure]:
    """Rank correlations, then the matrix of movements."""
    declared = tomllib.loads((DEFAULT / "book.toml").read_text(encoding="utf-8"))["ensembles"]
    rules = {name: Rules(Ensemble.from_manifest(name, declared[name]).rules) for name in ENSEMBLES}
    model = GraphModel(model_graphs())
    played = {
        (name, wish): [perform(model, rules[name], wish, seed) for seed in range(SEEDS)]
        for name in ENSEMBLES
        for wish in FEATURES
    }
    followed = [Figure(f"{name}: {wish}", rank(spans, wish), "rho") for (name, wish), spans in played.items()]
    return followed + [figure for wish in FEATURES for figure in moved(wish, played)]


def perform(model: GraphModel, rules: Rules, wish: str, seed: int) -> Spans:
    """A lead in which nothing is asked for, then the spans."""
    chance = random.Random(100 * seed + FEATURES.index(wish))
    composer = Composer(model, Request(rules, seed))
    asked = [(place + chance.random()) / SPANS for place in range(SPANS)]  # all of 0..1, in any order
    chance.shuffle(asked)
    notes: list[Note] = []
    edges = [0]

    def play(bars: int) -> None:
        for _ in range(bars):
            notes.extend(composer.compose_bar())
            edges.append(composer.composed_until // TICKS_PER_STEP)

    play(LEAD_BARS)
    for value in asked:
        composer.ask(Request(rules, seed, **{wish: value}))
        play(BARS)
    features = bar_features(columns(notes, rules), np.diff(edges))
    table = np.stack([features[name][LEAD_BARS:].reshape(SPANS, BARS) for name in FEATURES], axis=2)
    with warnings.catch_warnings():  # a span may have nothing to say about a feature
        warnings.simplefilter("ignore", RuntimeWarning)
        return Spans(np.array(asked), np.nanmean(table, axis=1))


def columns(notes: list[Note], rules: Rules) -> Notes:
    """Finished notes as the columns that features are read from."""
    drums = [rules.parts[note.part].program == v.DRUM_PROGRAM for note in notes]
    pitch = [v.pitch_class_of_key(note.pitch, drum) for note, drum in zip(notes, drums, strict=True)]
    onset = [round(note.tick / TICKS_PER_STEP) for note in notes]
    steps = [note.duration // TICKS_PER_STEP for note in notes]
    return Notes(*(np.array(column, np.int64) for column in (onset, pitch, steps, [note.velocity for note in notes])))


def rank(performances: list[Spans], wish: str) -> float:
    """Spearman's rho over all spans."""
    asked = np.concatenate([spans.asked for spans in performances])
    came = np.concatenate([spans.came[:, FEATURES.index(wish)] for spans in performances])
    return float(spearmanr(asked, came, nan_policy="omit").statistic)


def moved(wish: str, played: dict[tuple[str, str], list[Spans]]) -> list[Figure]:
    """One row of the matrix, over all ensembles."""
    performances = [spans for (_, asked), of in played.items() if asked == wish for spans in of]
    figures = []
    for place, name in enumerate(FEATURES):
        asked, came = (
            np.concatenate([column - np.nanmean(column) for column in columns])
            for columns in zip(*((spans.asked, spans.came[:, place]) for spans in performances), strict=True)
        )
        known = ~np.isnan(came)
        asked, came = asked[known], came[known]
        slope = asked @ came / (asked @ asked)
        error = np.std(came - slope * asked) / np.sqrt(asked @ asked)
        note = "itself" if name == wish else "shares its definition" if name in SHARED.get(wish, ()) else ""
        move = 0.6 / IQR[name] * np.array([slope, error])
        figures.append(Figure(f"{wish} 0.2 to 0.8: {name}", float(move[0]), "IQR", f"± {move[1]:.2f} {note}".rstrip()))
    return figures


if __name__ == "__main__":
    sys.exit(main({"wishes": run}))
