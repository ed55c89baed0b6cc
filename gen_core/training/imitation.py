"""Music made to be compared: for a piece of the corpus, as many bars for the same ensemble, metre and tempo.

Nothing of the piece's notes is given, no wish, no chord and no end: what comes out shall be like the corpus of itself.
Given is what a user gives, who seats an ensemble: a style where the source has one, the programs in their order, for
each part the range of keys and the largest chord that the whole piece asks of it, the length of every bar, its tempo.
"""

import hashlib

import numpy as np

from gen_core.score.grid import GridLoss, Piece
from gen_core.sequence import vocabulary as v
from gen_core.sequence.context import Context
from gen_core.sequence.layout import style_seats
from gen_core.sequence.rules import PartRule, Rules
from gen_core.sequence.sampler import Manner, Sampler, StepModel
from gen_core.sequence.vocabulary import Event


def imitate(model: StepModel, piece: Piece, bars: int, seed: int, temperature: float = 1.0, style: str = "") -> Piece:
    """`bars` bars of new music under the conditions of `piece`, from its first bar line on."""
    sampler = Sampler(model, begin(piece, style))
    manner = Manner(seats(piece), seed, temperature)
    events: list[Event] = []
    for bar in range(bars):
        begin_bar(sampler.context, piece, bar)
        events.append(v.BAR_LINE)
        while (event := sampler.next(manner)).delta != v.BAR:
            events.append(event)
    notes = len(events) - bars
    table = np.array(events, np.int16)
    return Piece(piece.programs, table, piece.bar_steps[:bars], piece.bar_bpm[:bars], GridLoss(notes, 0, 0, 0))


def begin(piece: Piece, style: str = "") -> Context:
    """The one place where a piece becomes the context of its imitation. `style`: one of layout.STYLES, or none."""
    context = Context(piece.programs)
    context.style = style_seats({style: 1.0} if style else {})
    return context


def begin_bar(context: Context, piece: Piece, bar: int) -> None:
    """The one place where a bar of the piece becomes what its imitation is told: length and tempo class."""
    context.start_bar(int(piece.bar_steps[bar]), v.tempo_class(float(piece.bar_bpm[bar])))


def seats(piece: Piece) -> Rules:
    """Who plays, and what each part of the whole piece may be asked: its range, its largest chord."""
    notes = piece.events[piece.events[:, 0] != v.BAR].astype(np.int64)
    rules = []
    for part, program in enumerate(piece.programs):
        keys = notes[notes[:, 1] == part, 2]
        keys = keys[keys < v.PITCHES]
        low, high = (int(keys.min()), int(keys.max())) if len(keys) else (0, 127)
        rules.append(PartRule(program, low, high, _largest_chord(piece, part)))
    return Rules(tuple(rules))


def _largest_chord(piece: Piece, part: int) -> int:
    """Most notes that the part strikes at one onset."""
    delta, parts = piece.events[:, 0], piece.events[:, 1]
    moment = np.cumsum(delta != 0)  # a new moment wherever time passes or a bar begins
    mine = moment[(parts == part) & (delta != v.BAR)]
    return int(np.unique(mine, return_counts=True)[1].max()) if len(mine) else 1


def seed_of(name: str, seed: int) -> int:
    """A seed of its own for every piece, whatever is compared beside it."""
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:6], "big")
