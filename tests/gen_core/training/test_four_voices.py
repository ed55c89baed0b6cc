"""Pieces of four parts become rasters; others are left out."""

from dataclasses import replace

import numpy as np
import pytest

from gen_core.score.grid import encode as on_grid
from gen_core.spec.errors import UsageError
from gen_core.training import chorales as c
from gen_core.training.four_voices import EXCERPT, corpus_rasters, four_voices
from tests.fixtures import chorales, tunes


def test_a_chorale_as_notes_is_the_same_raster_again():
    raster = chorales.raster("upbeat")
    (again,) = four_voices(c.encode(raster))
    assert np.array_equal(again, raster)


def test_long_pieces_are_cut_and_the_excerpts_follow_each_other():
    raster = np.tile(chorales.raster("upbeat")[4:], (100, 1))
    excerpts = four_voices(c.encode(raster))
    assert [len(excerpt) for excerpt in excerpts] == [EXCERPT, 1600 - EXCERPT]
    assert np.array_equal(np.concatenate(excerpts), raster)


def test_pieces_of_other_ensembles_triplets_and_silence_are_left_out():
    piece = c.encode(chorales.raster("upbeat"))
    assert not four_voices(replace(piece, programs=(52,) * 5))
    assert not four_voices(replace(piece, programs=(52, 52, 52, 128)))
    events = piece.events.copy()
    events[2:6, 0] = 4  # a sixth of a quarter later
    assert not four_voices(replace(piece, events=events))
    for make in tunes.ALL.values():
        for raster in four_voices(on_grid(make())):
            assert raster.shape[1] == c.VOICES and (raster >= 0).any(axis=0).all()


def test_of_a_corpus_only_the_training_split_is_heard(tmp_path):
    tunes.write_folder(tmp_path)
    lines = [f"{name}.mid,old,test,CC0" for name in sorted(tunes.ALL)]
    (tmp_path / "manifest.csv").write_text("\n".join(["path,source,split,licence", *lines]))
    with pytest.raises(UsageError, match="in the split train"):
        corpus_rasters(tmp_path)
