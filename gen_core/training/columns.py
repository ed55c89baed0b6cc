"""Pieces to training rows: every column of the network's inputs, event by event, through the sampler's own Context.

Computed once a corpus: 6.4 million events took 140 s on two cores.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gen_core.score.grid import Piece
from gen_core.sequence import vocabulary as v
from gen_core.sequence.context import Context
from gen_core.sequence.layout import HEADS, TRUNK, Column
from gen_core.sequence.vocabulary import Event
from gen_core.training.features import bar_features, bar_wishes

INPUTS: dict[str, tuple[Column, ...]] = {"trunk": TRUNK, **{name: HEADS[name] for name in v.FIELDS[1:]}}
_WIDTHS = [len(columns) for columns in INPUTS.values()]
_ENDS = np.cumsum(_WIDTHS)
SLICES = {name: slice(int(end) - width, int(end)) for name, end, width in zip(INPUTS, _ENDS, _WIDTHS, strict=True)}
TARGETS = slice(int(_ENDS[-1]), int(_ENDS[-1]) + len(v.FIELDS))
MEAN_KEY = (
    TARGETS.stop
)  # mean pitched key of the bar, 0 where there is none: so that `register` follows a transposition
WIDTH = MEAN_KEY + 1

_KINDS_IN_ORDER = [kind for columns in INPUTS.values() for _, kind in columns]
PITCH_COLUMNS = np.array(
    [i for i, kind in enumerate(_KINDS_IN_ORDER) if kind == "pitch"] + [TARGETS.start + v.FIELDS.index("pitch")]
)
WISH_COLUMNS = np.array([i for i, kind in enumerate(_KINDS_IN_ORDER) if kind == "wish"])


@dataclass(frozen=True)
class Rows:
    """Rows (n, WIDTH) int16 of many pieces, one after another; piece i is starts[i]:starts[i + 1]."""

    table: NDArray[np.int16]
    starts: NDArray[np.int64]


def piece_rows(piece: Piece) -> NDArray[np.int16]:
    """Rows (events - 1, WIDTH) of one piece: all but the first bar line, which is given."""
    context = Context(piece.programs)
    wishes = bar_wishes(piece.events, piece.bar_steps).tolist()
    register = np.nan_to_num(bar_features(piece.events, piece.bar_steps)["register"]).round().astype(int).tolist()
    steps = piece.bar_steps.tolist()
    tempos = [v.tempo_class(bpm) for bpm in piece.bar_bpm.tolist()]
    rows = np.zeros((len(piece.events) - 1, WIDTH), np.int16)
    context.start_bar(steps[0], tempos[0], tuple(wishes[0]))
    bar = 0
    for row, fields in zip(rows, piece.events[1:].tolist(), strict=True):
        event = Event(*fields)
        trunk = context.trunk()
        if event.delta == v.BAR:
            row[: len(trunk)] = trunk
            row[TARGETS] = fields
            row[MEAN_KEY] = register[bar]
            bar += 1
            context.start_bar(steps[bar], tempos[bar], tuple(wishes[bar]))
            continue
        row[:] = [*trunk, *head_columns(context, event), *fields, register[bar]]
        context.push(event)
    return rows


def head_columns(context: Context, event: Event) -> list[int]:
    """Columns of the five conditional heads for a note that is about to happen."""
    delta, part, pitch, duration, velocity, _ = event
    return [
        *context.part_columns(delta),
        *context.pitch_columns(delta, part),
        *context.duration_columns(delta, part, pitch),
        *context.velocity_columns(delta, part, pitch, duration),
        *context.micro_columns(delta, part, pitch, velocity),
    ]


def make_rows(pieces: Sequence[Piece], workers: int = 1) -> Rows:
    """Rows of all pieces."""
    if workers > 1:
        with ProcessPoolExecutor(workers) as pool:
            tables = list(pool.map(piece_rows, pieces, chunksize=16))
    else:
        tables = [piece_rows(piece) for piece in pieces]
    starts = np.concatenate([[0], np.cumsum([len(table) for table in tables])])
    return Rows(np.concatenate(tables), starts)


def transpose(rows: NDArray[np.int16], semitones: NDArray[np.int64]) -> None:
    """Move the pitched classes of rows (n, WIDTH) by semitones (n,), in place. Percussion and "none" stay."""
    pitches = rows[:, PITCH_COLUMNS]
    moved = np.clip(pitches + semitones[:, None], 0, v.PITCHES - 1)
    rows[:, PITCH_COLUMNS] = np.where(pitches < v.PITCHES, moved, pitches)
