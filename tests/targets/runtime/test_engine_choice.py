"""Who renders on a board: the book's graph, or the kernels where they are asked for and can be had."""

import importlib.util

import pytest

from targets.runtime.board import performance_by
from targets.runtime.log import Log
from targets.runtime.options import BY_KERNELS, PERFORMANCE, Options


@pytest.fixture
def said(monkeypatch):
    words = []
    monkeypatch.setattr(Log, "say", lambda self, line: words.append(line))
    return words


def test_the_graph_plays_unless_kernels_are_asked_for(tmp_path, said):
    assert performance_by(Options(tmp_path), Log()) == PERFORMANCE
    assert performance_by(Options(tmp_path, engine="numba"), Log()) == BY_KERNELS and not said


def test_a_board_without_numba_says_so_and_plays_the_graph(tmp_path, said, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert performance_by(Options(tmp_path, engine="numba"), Log()) == PERFORMANCE
    assert "pip install numba" in said[0]


def test_both_engines_play_the_same_notes_and_nearly_the_same_sound():
    import numpy as np

    from export.book import parts
    from export.parity import snr_db
    from gen_core.playback.performance import Performance, by_kernels

    manifest, files = parts("default", "1.0.0", only=["fairground"])
    played = []
    for perform in (Performance, by_kernels):
        performance = perform(manifest, files, 7)
        blocks = []
        for _ in range(200):
            while performance.compose_ahead():
                pass
            blocks.append(performance.render_block())
        played.append((performance.take_notes(), np.concatenate(blocks)))
    assert played[0][0] == played[1][0] and played[0][0]
    assert snr_db(played[0][1], played[1][1]) > 100.0
