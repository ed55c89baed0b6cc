"""Rows become batches: what is told now and then is right whenever it is told."""

from dataclasses import replace

import numpy as np
import pytest

from gen_core.score.grid import encode
from gen_core.sequence import vocabulary as v
from gen_core.sequence.context import Context, Given
from gen_core.sequence.vocabulary import Event
from gen_core.training.columns import (
    COLUMN_NONE,
    GIVEN_COLUMNS,
    MATCH_COLUMNS,
    SLICES,
    TARGETS,
    TOLD_COLUMNS,
    BarFacts,
    make_rows,
    piece_rows,
    transpose,
    untold,
)
from gen_core.training.stream import Streams, forget, tell_given
from tests.fixtures import tunes

PIECES = {name: encode(make()) for name, make in tunes.ALL.items()}


@pytest.mark.parametrize("name", PIECES)
@pytest.mark.parametrize("part", [0, 1])
def test_given_notes_are_told_in_training_as_the_context_tells_them_in_playing(name, part):
    piece = PIECES[name]
    rows, known = piece_rows(piece), np.arange(v.MAX_PARTS) == part
    given = tell_given(rows, known)
    assert (given == ((rows[:, TARGETS.start] != v.BAR) & (rows[:, TARGETS.start + 1] == part))).all()
    context, facts = Context(piece.programs), BarFacts.of_piece(piece)
    context.given = all_given(piece, part)
    facts.start(context, 0)
    bar = 0
    for row, fields in zip(rows, piece.events[1:].tolist(), strict=True):
        assert context.trunk() == row[SLICES["trunk"]].tolist()
        if fields[0] == v.BAR:
            bar += 1
            facts.start(context, bar)
        else:
            context.push(Event(*fields))


def all_given(piece, part):
    starts, bar, step, notes = np.concatenate([[0], np.cumsum(piece.bar_steps)]), -1, 0, []
    for fields in piece.events.tolist():
        bar, step = (bar + 1, int(starts[bar + 1])) if fields[0] == v.BAR else (bar, step + fields[0])
        if fields[0] != v.BAR and fields[1] == part:
            notes.append(Given(step, part, fields[2]))
    return tuple(notes)


def test_rows_with_nothing_told_hold_nothing_but_what_was_heard():
    rows = piece_rows(next(iter(PIECES.values())), "game")
    silent = untold(rows)
    assert (silent[:, TOLD_COLUMNS] == COLUMN_NONE[TOLD_COLUMNS]).all()
    heard = np.setdiff1d(np.arange(rows.shape[1]), TOLD_COLUMNS)
    assert (silent[:, heard] == rows[:, heard]).all() and (silent[:, TOLD_COLUMNS] != rows[:, TOLD_COLUMNS]).any()


def test_a_transposed_piece_is_told_as_if_it_had_been_written_so():
    piece = PIECES[next(name for name in PIECES if v.DRUM_PROGRAM not in PIECES[name].programs)]
    events = piece.events.copy()
    events[events[:, 0] != v.BAR, 2] += 3
    moved = piece_rows(piece)
    transpose(moved, np.full(len(moved), 3))
    written = piece_rows(replace(piece, events=events))
    is_note = written[:, TARGETS.start] != v.BAR  # of a bar line the heads are told nothing
    assert (written[is_note, : TARGETS.stop] == moved[is_note, : TARGETS.stop]).all()
    assert (written[:, SLICES["trunk"]] == moved[:, SLICES["trunk"]]).all()


def test_a_stretch_without_memory_has_no_match():
    rows = np.concatenate([piece_rows(piece) for piece in PIECES.values()])
    forget(rows)
    none = COLUMN_NONE[MATCH_COLUMNS]
    assert ((rows[:, MATCH_COLUMNS] == none) | (rows[:, MATCH_COLUMNS] == 0)).all()


def test_a_line_is_now_told_and_now_not():
    rows = make_rows(list(PIECES.values()), 1, ["game"] * len(PIECES))
    streams = Streams(rows, np.full(len(PIECES), 1 / len(PIECES)), 8, seed=5)
    tables = [streams.next(32)[0] for _ in range(30)]
    for columns in (TOLD_COLUMNS[:1], TOLD_COLUMNS[-1:], GIVEN_COLUMNS[:1]):
        told = [bool((table[..., columns] != COLUMN_NONE[columns]).any(axis=0).any()) for table in tables]
        assert any(told)
    assert not all((t[..., TOLD_COLUMNS] != COLUMN_NONE[TOLD_COLUMNS]).any(axis=(0, 2)).all() for t in tables)
