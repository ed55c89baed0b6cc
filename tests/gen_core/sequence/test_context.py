"""The context says the same thing however it got there, and can be taken back."""

import random

import numpy as np
import pytest

from gen_core.score.grid import encode
from gen_core.sequence import vocabulary as v
from gen_core.sequence.context import Context
from gen_core.sequence.layout import HEADS, KINDS, TRUNK
from gen_core.sequence.match import HISTORY, ORDER, Matcher
from gen_core.sequence.vocabulary import Event
from gen_core.training.columns import INPUTS, SLICES, head_columns, piece_rows
from tests.fixtures import tunes


def play(context, piece, events):
    bars = iter(piece.bar_steps.tolist())
    for fields in events:
        event = Event(*fields)
        context.start_bar(next(bars), 2) if event.delta == v.BAR else context.push(event)


@pytest.mark.parametrize("name", tunes.ALL)
def test_every_column_stays_inside_its_kind(name):
    rows = piece_rows(encode(tunes.ALL[name]()))
    for part, columns in INPUTS.items():
        table = rows[:, SLICES[part]]
        for index, (section, kind) in enumerate(columns):
            assert 0 <= table[:, index].min() and table[:, index].max() < KINDS[kind], (part, section)


def test_what_was_taken_back_leaves_no_trace():
    piece = encode(tunes.music_box())
    events = piece.events.tolist()
    straight, detour = Context(piece.programs), Context(piece.programs)
    play(straight, piece, events[:60])
    play(detour, piece, events[:60])
    moment = detour.snapshot()
    for _ in range(30):
        detour.push(Event(3, 0, 70, 5, 20, 2))
    detour.restore(moment)
    for fields in events[60:75]:
        event = Event(*fields)
        if event.delta == v.BAR:
            break
        assert straight.trunk() == detour.trunk()
        assert head_columns(straight, event) == head_columns(detour, event)
        straight.push(event)
        detour.push(event)


def test_a_repetition_is_foretold_and_ever_more_surely():
    piece = encode(tunes.music_box(bars=16))
    context, bars = Context(piece.programs), iter(piece.bar_steps.tolist())
    foretold, length = [], []
    for fields in piece.events.tolist():
        event = Event(*fields)
        foretold.append(context.matcher.predicted is not None and context.matcher.predicted[:3] == event[:3])
        length.append(context.matcher.length_class)
        context.start_bar(next(bars), 2) if event.delta == v.BAR else context.push(event)
    turn = len(foretold) // 4
    assert np.mean(foretold[:turn]) < 0.5 < 0.95 < np.mean(foretold[2 * turn :])
    assert length[-1] == KINDS["match_length"] - 1


def test_the_matcher_rewound_is_the_matcher_that_never_heard():
    rng = random.Random(5)
    tape = [Event(rng.choice((0, 6)), rng.randrange(2), rng.randrange(60, 63)) for _ in range(3 * HISTORY)]
    straight, detour = Matcher(), Matcher()
    for at, event in enumerate(tape):
        straight.push(event)
        if at % 997 == 500:
            mark = detour.mark()
            for other in tape[:40]:
                detour.push(other)
            detour.rewind(mark)
        detour.push(event)
        assert (straight.predicted, straight.length_class) == (detour.predicted, detour.length_class), at


def test_a_month_of_events_needs_no_more_memory_than_an_hour():
    matcher, rng = Matcher(), random.Random(1)
    for _ in range(6 * HISTORY):
        matcher.push(Event(6, 0, rng.randrange(128), rng.randrange(20)))
    assert len(matcher._index) <= 2 * HISTORY + 1
    assert ORDER >= 2


def test_columns_come_in_the_order_of_the_layout():
    context = Context((0, v.DRUM_PROGRAM))
    context.start_bar(96, 3)
    event = Event(0, 1, 130, 5, 20, 2)
    assert len(context.trunk()) == len(TRUNK)
    assert len(head_columns(context, event)) == sum(len(HEADS[field]) for field in v.FIELDS)
