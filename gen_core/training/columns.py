"""Pieces to training rows: every column of the network's inputs, event by event, through the sampler's own Context.

Computed once a corpus. A row holds the columns of every input, the event that came, and what the stream needs in order
to vary it: `REGISTER` and `BRIGHTNESS` of its bar in eighths of a semitone (0: none), because these wishes follow a
transposition, and `NOW`, the absolute step before the event, modulo 2^15.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gen_core.score.grid import Piece
from gen_core.sequence import vocabulary as v
from gen_core.sequence.context import Context
from gen_core.sequence.features import Notes, Quarters, bar_features
from gen_core.sequence.harmony import CHORDS, NO_CHORD, heard_chords
from gen_core.sequence.layout import HEADS, KINDS, TOLD, TRUNK, WISHES, Column, left_class, style_seats
from gen_core.sequence.styles import STYLES
from gen_core.sequence.vocabulary import Event
from gen_core.sequence.wishes import octiles

INPUTS: dict[str, tuple[Column, ...]] = {"trunk": TRUNK, **{name: HEADS[name] for name in v.FIELDS[1:]}}
_WIDTHS = [len(columns) for columns in INPUTS.values()]
_ENDS = np.cumsum(_WIDTHS)
SLICES = {name: slice(int(end) - width, int(end)) for name, end, width in zip(INPUTS, _ENDS, _WIDTHS, strict=True)}
TARGETS = slice(int(_ENDS[-1]), int(_ENDS[-1]) + len(v.FIELDS))
REGISTER, BRIGHTNESS, NOW, WIDTH = range(TARGETS.stop, TARGETS.stop + 4)
EIGHTHS = 8  # of a semitone, in which REGISTER and BRIGHTNESS are kept
NOW_RANGE = 1 << 15

_COLUMNS = [(name, section, kind) for name, columns in INPUTS.items() for section, kind in columns]
COLUMN_NONE = np.array([KINDS[kind] - 1 for _, _, kind in _COLUMNS], np.int16)  # "nothing" in each column


def columns_of(*sections: str, within: str = "") -> NDArray[np.int64]:
    """Numbers of the columns of these sections, of every input or of one."""
    named = enumerate(_COLUMNS)
    return np.array([i for i, (name, section, _) in named if section in sections and within in ("", name)])


PITCH_COLUMNS = np.array(
    [i for i, (_, _, kind) in enumerate(_COLUMNS) if kind == "pitch"] + [TARGETS.start + v.FIELDS.index("pitch")]
)
CHORD_COLUMNS = np.array([i for i, (_, _, kind) in enumerate(_COLUMNS) if kind == "chord"])
WISH_COLUMNS = columns_of(*WISHES)
TOLD_COLUMNS = columns_of(*TOLD)
MATCH_COLUMNS = columns_of("match", "match_length", "match_delta", "match_part", "match_pitch")
GIVEN_COLUMNS = np.array([i for i, (_, section, _) in enumerate(_COLUMNS) if section.startswith("given")])

SOURCE_STYLES = {  # of the corpus' sources; a piece of another source is told no style
    "jsb_chorales": "chorale", "open_hymnal": "hymn", "pd_carols": "hymn", "pd_songs": "hymn",
    "openscore_lieder": "song", "openscore_quartets": "quartet", "openscore_orchestra": "orchestra", "mutopia": "salon",
    "freedoom_music": "game", "helland_free_music": "game", "groove_drums": "drums",
}  # fmt: skip
assert set(SOURCE_STYLES.values()) == set(STYLES)


@dataclass(frozen=True)
class Rows:
    """Rows (n, WIDTH) int16 of many pieces, one after another; piece i is starts[i]:starts[i + 1]."""

    table: NDArray[np.int16]
    starts: NDArray[np.int64]


@dataclass(frozen=True)
class BarFacts:
    """What is told of each bar of a piece: lists, one entry a bar."""

    steps: list[int]
    tempos: list[int]
    wishes: list[tuple[int, ...]]
    chords: list[tuple[int, ...]]  # of its quarters, then of the next bar's first
    heights: list[tuple[int, int]]  # REGISTER, BRIGHTNESS

    @classmethod
    def of_piece(cls, piece: Piece) -> "BarFacts":
        """Features and chords, heard from the notes."""
        notes = Notes.of_events(piece.events, piece.bar_steps)
        features = bar_features(notes, piece.bar_steps)
        wishes = np.stack([octiles(wish, features[wish]) for wish in WISHES], axis=1).tolist()
        heights = np.stack([features["register"], features["brightness"]], axis=1)
        chords = [*heard_chords(notes, piece.bar_steps).tolist(), NO_CHORD]
        first = np.searchsorted(Quarters.of_bars(piece.bar_steps).bar, np.arange(len(piece.bar_steps) + 1)).tolist()
        return cls(
            piece.bar_steps.tolist(),
            [v.tempo_class(bpm) for bpm in piece.bar_bpm.tolist()],
            [tuple(bar) for bar in wishes],
            [tuple(chords[a : b + 1]) for a, b in zip(first, first[1:], strict=False)],
            [tuple(pair) for pair in (np.nan_to_num(heights) * EIGHTHS).round().astype(int).tolist()],
        )

    def start(self, context: Context, bar: int) -> None:
        """Let `context` begin the bar."""
        left = left_class(len(self.steps) - bar)
        context.start_bar(self.steps[bar], self.tempos[bar], self.wishes[bar], self.chords[bar], left)


def piece_rows(piece: Piece, style: str = "") -> NDArray[np.int16]:
    """Rows (events - 1, WIDTH) of one piece, everything told: all events but the first bar line, which is given."""
    context, facts = Context(piece.programs), BarFacts.of_piece(piece)
    context.style = style_seats({style: 1.0} if style else {})
    rows = np.zeros((len(piece.events) - 1, WIDTH), np.int16)
    facts.start(context, 0)
    bar = 0
    for row, fields in zip(rows, piece.events[1:].tolist(), strict=True):
        event = Event(*fields)
        trunk = context.trunk()
        rest = (*fields, *facts.heights[bar], context.now % NOW_RANGE)
        if event.delta == v.BAR:
            row[: len(trunk)] = trunk
            row[TARGETS.start :] = rest
            bar += 1
            facts.start(context, bar)
            continue
        row[:] = (*trunk, *head_columns(context, event), *rest)
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


def make_rows(pieces: Sequence[Piece], workers: int = 1, styles: Sequence[str] = ()) -> Rows:
    """Rows of all pieces."""
    told = styles or [""] * len(pieces)
    if workers > 1:
        with ProcessPoolExecutor(workers) as pool:
            tables = list(pool.map(piece_rows, pieces, told, chunksize=16))
    else:
        tables = [piece_rows(piece, style) for piece, style in zip(pieces, told, strict=True)]
    starts = np.concatenate([[0], np.cumsum([len(table) for table in tables])])
    return Rows(np.concatenate(tables), starts)


def untold(rows: NDArray[np.int16]) -> NDArray[np.int16]:
    """Rows (…, WIDTH) as they are when nobody asks for anything: no wish, style, chord or end. A copy."""
    rows = rows.copy()
    rows[..., TOLD_COLUMNS] = COLUMN_NONE[TOLD_COLUMNS]
    return rows


def transpose(rows: NDArray[np.int16], semitones: NDArray[np.int64]) -> None:
    """Move the pitched classes of rows (n, WIDTH) by semitones (n,), in place: percussion and "none" stay.

    Register and brightness, the chords that are told and the octiles that are wished for follow.
    """
    pitches = rows[:, PITCH_COLUMNS]
    moved = np.clip(pitches + semitones[:, None], 0, v.PITCHES - 1)
    rows[:, PITCH_COLUMNS] = np.where(pitches < v.PITCHES, moved, pitches)
    chords = rows[:, CHORD_COLUMNS]
    turned = chords - chords % 12 + (chords + semitones[:, None]) % 12
    rows[:, CHORD_COLUMNS] = np.where(chords < CHORDS, turned, chords)
    for wish, kept in (("register", REGISTER), ("brightness", BRIGHTNESS)):
        height = rows[:, kept].astype(np.float64)
        octile = octiles(wish, np.where(height > 0, height / EIGHTHS + semitones, np.nan))
        column = columns_of(wish)[0]
        asked = rows[:, column] != COLUMN_NONE[column]
        rows[:, column] = np.where(asked, octile, rows[:, column])
