"""A figure comes with its uncertainty, and two splits are told apart only where they differ."""

import numpy as np
import pytest

from export.model import BASELINE
from gen_core.training.baseline import Baseline
from gen_core.training.evaluate import evaluate
from gen_core.training.splits import Judged, difference, interval, rates
from tests.fixtures import tunes


def pieces(count, model, baseline, seed, noise=0.2):
    chance = np.random.default_rng(seed)
    hard = chance.normal(0, noise, count)  # a hard piece is hard for everybody
    sizes = chance.integers(50, 500, count)
    return [Judged("a", int(n), n * (model + h), n * (baseline + h)) for n, h in zip(sizes, hard, strict=True)]


def test_the_interval_holds_the_figure_and_narrows_with_more_pieces():
    (few, few_again), (many, many_again) = (rates(pieces(n, 1.0, 1.5, 3)) for n in (20, 500))
    for figure, again in ((few, few_again), (many, many_again)):
        low, high = interval(again[:, 0])
        assert low < figure[0] < high
    assert np.ptp(interval(many_again[:, 0])) < np.ptp(interval(few_again[:, 0])) / 3


def test_a_long_piece_counts_by_its_notes():
    figure, _ = rates([Judged("a", 900, 900.0, 1800.0), Judged("a", 100, 200.0, 400.0)])
    assert figure == pytest.approx([1.1, 2.2])


def test_the_mixture_of_sources_adds_no_doubt():
    judged = [Judged(source, 10, cost, 2 * cost) for source, cost in (("easy", 5.0), ("hard", 50.0)) for _ in range(9)]
    assert interval(rates(judged)[1][:, 0]) == [2.75, 2.75]


def test_pieces_of_equal_cost_leave_no_doubt():
    assert interval(rates([Judged("a", 10, 20.0, 30.0)] * 9)[1][:, 0]) == [2.0, 2.0]


def test_splits_that_differ_in_difficulty_differ_for_counting_as_well():
    report = difference(pieces(200, 1.3, 1.8, 1), pieces(200, 1.0, 1.5, 2))
    assert report["difference"] == pytest.approx(0.3, abs=0.07)
    assert report["baseline_difference"] == pytest.approx(0.3, abs=0.07)
    assert abs(report["beyond_baseline"]) < 1e-3


def test_a_model_fitted_to_one_split_differs_beyond_counting():
    report = difference(pieces(200, 1.3, 1.5, 1), pieces(200, 1.0, 1.5, 2))
    low, high = report["beyond_baseline_interval"]
    assert 0.29 < low <= report["beyond_baseline"] <= high < 0.31


def test_evaluate_gives_both_splits_and_how_far_they_lie_apart(model, tmp_path):
    tunes.write_folder(tmp_path)
    splits = ("valid", "test", "valid", "test")
    lines = [f"{name}.mid,old,{split}" for name, split in zip(tunes.ALL, splits, strict=True)]
    (tmp_path / "manifest.csv").write_text("\n".join(["path,source,split", *lines]))
    baseline = Baseline.load(BASELINE)
    report = evaluate(model, baseline, tmp_path, "test", against="valid")
    alone = evaluate(model, baseline, tmp_path, "valid")
    other = report["against"]
    assert (report["split"], other["split"], report["pieces"], other["pieces"]) == ("test", "valid", 2, 2)
    assert other["nats_per_note"] == alone["nats_per_note"] and other["interval"] == alone["interval"]
    assert other["difference"] == pytest.approx(report["nats_per_note"] - other["nats_per_note"], abs=2e-4)
    wanted = report["baseline_nats_per_note"] - other["baseline_nats_per_note"]
    assert other["baseline_difference"] == pytest.approx(wanted, abs=2e-4)
    assert report["interval"][0] <= report["nats_per_note"] <= report["interval"][1]
