"""The canonical form of a raster loses nothing, leaves no choice of time and voice, and is charged exactly once."""

import tarfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_core.sequence import vocabulary as v
from gen_core.spec.errors import UsageError
from gen_core.training import chorales as c
from gen_core.training.chorale_figure import chorale_figure, evaluate_chorales, note_nats, surprise
from gen_core.training.columns import SLICES, TARGETS, transpose
from tests.fixtures import chorales as tunes
from tests.fixtures.models import Uniform

RUNS = st.lists(st.tuples(st.sampled_from([-1, 48, 60, 61, 72]), st.integers(1, 40)), min_size=1, max_size=12)


@st.composite
def rasters(draw):
    """(cells, 4): four voices of runs, cut to the shortest."""
    voices = [[key for key, cells in draw(RUNS) for _ in range(cells)] for _ in range(c.VOICES)]
    length = min(map(len, voices))
    return np.array([voice[:length] for voice in voices], np.int64).T


@given(rasters())
@settings(max_examples=150, deadline=None)
def test_a_raster_comes_back_cell_for_cell(raster):
    assert np.array_equal(c.decode(c.encode(raster)), raster)


@pytest.mark.parametrize("tune", tunes.TUNES)
def test_every_tune_comes_back_cell_for_cell(tune):
    assert np.array_equal(c.decode(c.encode(tunes.raster(tune))), tunes.raster(tune))


@given(rasters())
@settings(max_examples=100, deadline=None)
def test_when_and_where_the_next_event_falls_follows_from_what_sounds(raster):
    piece = c.encode(raster)
    ends, now, bar = [0] * c.VOICES, 0, 0
    bar_ends = np.cumsum(piece.bar_steps)
    for event in piece.events[1:].tolist():
        part = min(range(c.VOICES), key=lambda voice: (ends[voice], voice))
        if ends[part] >= bar_ends[bar]:
            assert event[0] == v.BAR
            now, bar = int(bar_ends[bar]), bar + 1
            continue
        assert event[:2] == [ends[part] - now, part]
        assert event[4:] == [c.VELOCITY, v.MICRO_ZERO]
        now, ends[part] = ends[part], ends[part] + int(v.DURATIONS[event[3]])
    assert min(ends) >= len(raster) * c.CELL_STEPS  # all is said


@given(rasters())
@settings(max_examples=50, deadline=None)
def test_what_comes_is_among_what_the_form_leaves(raster):
    rows = c.chorale_rows([raster]).table
    notes = rows[rows[:, TARGETS.start] != v.BAR]
    keys, durations = c.allowed(notes)
    assert keys[np.arange(len(notes)), notes[:, TARGETS.start + 2]].all()
    assert durations[notes[:, TARGETS.start + 3]].all() and durations.sum() == c.LONGEST


def test_a_key_that_could_have_been_held_is_not_left_and_a_longest_note_may_go_on():
    rows = c.chorale_rows([tunes.raster("long")]).table
    keys, _ = c.allowed(rows)
    steps = {(int(r[TARGETS.start + 1]), int(r[TARGETS.start + 2])): k for r, k in zip(rows, keys, strict=True)}
    assert steps[0, 72][72]  # the soprano's C is cut at 16 cells
    bass = np.flatnonzero((rows[:, TARGETS.start] != v.BAR) & (rows[:, TARGETS.start + 1] == 3))
    assert keys[bass[1], c.REST]  # 16 cells of rest, then one more
    assert not keys[bass[2], c.REST] and keys[bass[2], 60]  # after which it cannot rest on


@given(rasters(), rasters())
@settings(max_examples=50, deadline=None)
def test_what_is_told_says_nothing_of_what_comes(start, rest):
    continued = np.concatenate([start, rest, rest])[: len(start) + len(rest) // c.BAR_CELLS * c.BAR_CELLS]
    whole, more = (c.chorale_rows([raster]).table for raster in (start, continued))  # their upbeats are the same
    shared = min(len(whole), len(more))
    differs = (whole[:shared, TARGETS] != more[:shared, TARGETS]).any(axis=1)
    first = int(np.argmax(differs)) if differs.any() else shared - 1
    assert np.array_equal(whole[: first + 1, SLICES["trunk"]], more[: first + 1, SLICES["trunk"]])


def test_transposing_moves_keys_and_leaves_rests():
    rows = c.chorale_rows([tunes.raster("rests")]).table
    moved = rows.copy()
    transpose(moved, np.full(len(rows), 2))
    sung = np.where(tunes.raster("rests") < 0, -1, tunes.raster("rests") + 2)
    assert np.array_equal(moved[:, : TARGETS.stop], c.chorale_rows([sung]).table[:, : TARGETS.stop])


def test_the_upbeat_is_charged_whatever_it_is():
    costs = {cells % c.BAR_CELLS: c.upbeat_nats(np.zeros((16 + cells, 4), np.int64)) for cells in range(16)}
    assert sum(np.exp(-cost) for cost in costs.values()) == pytest.approx(1)


def test_a_model_that_knows_nothing_pays_for_every_choice_that_the_form_leaves():
    raster = tunes.raster("upbeat")
    nats = note_nats(Uniform(), c.chorale_rows([raster]).table)
    choices = np.exp(nats.sum(axis=1)) / c.LONGEST
    assert choices[:4] == pytest.approx([v.PITCHES + 1] * 4)  # the first note of each voice
    assert choices[4:] == pytest.approx([v.PITCHES] * (len(nats) - 4))  # later, not the same again
    figure = chorale_figure(Uniform(), [raster])
    assert figure["notes"] == 80 and figure["frames"] == 20
    assert figure["nats_per_note"] == pytest.approx((nats.sum() + c.upbeat_nats(raster)) / 80, abs=1e-4)
    assert figure["nats_per_frame"] == pytest.approx(4 * figure["nats_per_note"], abs=4e-4)
    assert sum(figure["fields"].values()) == pytest.approx(figure["nats_per_note"], abs=4e-4)


def test_what_is_left_shares_all_of_the_probability():
    logits, mask = np.random.default_rng(1).normal(size=9).astype(np.float32), np.arange(9) % 2 == 0
    assert sum(np.exp(-surprise(logits, mask, i)) for i in np.flatnonzero(mask)) == pytest.approx(1)


def test_the_data_are_read_from_json_folder_and_archive(tmp_path):
    path = tunes.write(tmp_path)
    with tarfile.open(tmp_path / "jsb_chorales.tar.xz", "w:xz") as archive:
        archive.add(path, f"jsb_chorales/{path.name}")
    for source in (path, tmp_path, tmp_path / "jsb_chorales.tar.xz"):
        read = c.read_chorales(source)
        assert set(read) == {"train", "valid", "test"}
        for raster, tune in zip(read["test"], tunes.TUNES, strict=True):
            assert np.array_equal(raster, tunes.raster(tune))
    path.unlink()
    assert len(c.read_chorales(tmp_path)["train"]) == len(tunes.TUNES)  # the corpus as it is: an archive in a folder
    with pytest.raises(UsageError, match="does not exist"):
        c.read_chorales(tmp_path / "nothing.json")


def test_both_splits_that_judge_are_judged(tmp_path):
    report = evaluate_chorales(Uniform(), tunes.write(tmp_path))
    assert set(report) == {"valid", "test"} and report["valid"] == report["test"]
