"""The counting baseline is a distribution, agrees with a plain reading of its formula, and survives its file."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from gen_core.score.grid import encode
from gen_core.sequence import vocabulary as v
from gen_core.training.baseline import SYMBOLS, Baseline, count, field_view, hashes
from gen_core.training.columns import TARGETS, piece_rows
from tests.fixtures import tunes


@pytest.fixture(scope="module")
def rows():
    return np.concatenate([piece_rows(encode(make())) for make in tunes.ALL.values()])


def plain(field, train, judged):
    """Witten-Bell as one reads it in the paper: dictionaries, one symbol at a time. Probabilities of `judged`."""
    features, symbols = field_view(field, train)
    tables = [defaultdict(Counter) for _ in range(7)]
    for level, contexts in enumerate(hashes(features)):
        for context, symbol in zip(contexts.tolist(), symbols.tolist(), strict=True):
            tables[level][context][symbol] += 1
    features, symbols = field_view(field, judged)
    p = np.full(len(judged), 1 / SYMBOLS[field])
    for level, contexts in enumerate(hashes(features)):
        for i, (context, symbol) in enumerate(zip(contexts.tolist(), symbols.tolist(), strict=True)):
            heard = tables[level].get(context)
            if heard:
                p[i] = (heard[symbol] + len(heard) * p[i]) / (sum(heard.values()) + len(heard))
    return p


def test_it_agrees_with_a_plain_reading_of_the_formula(rows):
    half = len(rows) // 2
    baseline = count(rows[:half])
    judged = rows[half:]
    notes = judged[:, TARGETS.start] != v.BAR
    train_notes = rows[:half][rows[:half][:, TARGETS.start] != v.BAR]
    wanted = -np.log(plain("delta", rows[:half], judged))
    for field in v.FIELDS[1:]:
        wanted[notes] -= np.log(plain(field, train_notes, judged[notes]))
    assert np.allclose(baseline.nats(judged), wanted, rtol=1e-12)


@pytest.mark.parametrize("field", v.FIELDS)
@pytest.mark.parametrize("least", [1, 5])
def test_every_distribution_sums_to_one(rows, field, least):
    baseline = count(rows, least)
    notes = rows[rows[:, TARGETS.start] != v.BAR]
    for row in notes[:: len(notes) // 5]:
        every = np.repeat(row[None], v.SIZES[field], axis=0)
        every[:, TARGETS.start + v.FIELDS.index(field)] = np.arange(v.SIZES[field])
        if field == "pitch":  # symbols that no pitch can be have their share too: intervals out of reach, other coding
            assert baseline._probability(field, every).sum() <= 1 + 1e-9
        else:
            assert baseline._probability(field, every).sum() == pytest.approx(1)


def test_it_survives_its_file(rows, tmp_path):
    baseline = count(rows, 3)
    baseline.save(tmp_path / "table.npz")
    back = Baseline.load(tmp_path / "table.npz")
    assert np.array_equal(back.nats(rows), baseline.nats(rows)) and back.dropped_nats == baseline.dropped_nats


def test_what_it_has_heard_it_foretells_better_than_what_it_has_not(rows):
    heard = piece_rows(encode(tunes.music_box()))
    others = np.concatenate([piece_rows(encode(tunes.ALL[n]())) for n in tunes.ALL if n != "music_box"])
    assert count(rows).nats(heard).sum() < 0.5 * count(others).nats(heard).sum()
