"""Rows to batches: every line of a batch reads one piece after another, and the state is carried on as in playing.

What may be told is told only now and then, so that the network can do with any part of it: wishes, style, chords, the
end, a memory of what was played, and notes that are known beforehand.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gen_core.sequence import vocabulary as v
from gen_core.sequence.context import span_classes
from gen_core.training.columns import (
    COLUMN_NONE,
    GIVEN_COLUMNS,
    MATCH_COLUMNS,
    NOW,
    NOW_RANGE,
    PITCH_COLUMNS,
    TARGETS,
    WISH_COLUMNS,
    Rows,
    columns_of,
    transpose,
)

LONGEST_VISIT = 3072  # events read of one piece before the next is drawn: a symphony shall not fill the hour
LOOK_AHEAD = 256  # events in which given notes are looked for
NO_WISHES, WISH_LEFT_OUT = 0.5, 0.25  # chance that all wishes are left out, and of each wish otherwise
LEFT_OUT = {("style",): 0.3, ("chord", "chord_next"): 0.65, ("left",): 0.5}  # chances, a stretch
NO_MEMORY = 0.15  # chance of a stretch without the match index, as where `repeat` is 0
SOME_GIVEN = 0.2  # chance of a visit in which some parts are known beforehand
_LEFT_OUT = [(columns_of(*sections), chance) for sections, chance in LEFT_OUT.items()]


@dataclass
class Streams:
    """`batch` lines through `rows`; pieces are drawn by weight, transposed by -5 … +6 semitones."""

    rows: Rows
    weights: NDArray[np.float64]
    batch: int
    seed: int
    rng: np.random.Generator = field(init=False)
    at: NDArray[np.int64] = field(init=False)
    end: NDArray[np.int64] = field(init=False)
    shift: NDArray[np.int64] = field(init=False)
    known: NDArray[np.bool_] = field(init=False)  # (batch, parts): parts that are known beforehand

    MOVING = ("rng", "at", "end", "shift", "known")  # what a checkpoint keeps

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.at, self.end, self.shift = (np.zeros(self.batch, np.int64) for _ in range(3))
        self.known = np.zeros((self.batch, v.MAX_PARTS), bool)

    def next(self, length: int) -> tuple[NDArray[np.int16], NDArray[np.bool_], NDArray[np.bool_]]:
        """Rows (length, batch, WIDTH), where a piece begins, and which events were given; both (length, batch)."""
        table = np.empty((length, self.batch, self.rows.table.shape[1]), np.int16)
        begins, given = np.zeros((2, length, self.batch), bool)
        for line in range(self.batch):
            filled = 0
            while filled < length:
                if self.at[line] == self.end[line]:
                    self._draw(line)
                    begins[filled, line] = True
                count = min(length - filled, int(self.end[line] - self.at[line]))
                ahead = self.rows.table[self.at[line] : min(self.at[line] + count + LOOK_AHEAD, self.end[line])].copy()
                given[filled : filled + count, line] = tell_given(ahead, self.known[line])[:count]
                part = ahead[:count]
                self._vary(part, int(self.shift[line]))
                table[filled : filled + count, line] = part
                self.at[line] += count
                filled += count
        return table, begins, given

    def _draw(self, line: int) -> None:
        piece = self.rng.choice(len(self.weights), p=self.weights)
        first, last = self.rows.starts[piece], self.rows.starts[piece + 1]
        if last - first > LONGEST_VISIT:
            first += self.rng.integers(0, (last - first) - LONGEST_VISIT + 1)
            last = first + LONGEST_VISIT
        keys = self.rows.table[first:last, PITCH_COLUMNS[-1]]
        pitched = keys[(keys < v.PITCHES) & (keys > 0)]
        low, high = (int(pitched.min()), int(pitched.max())) if len(pitched) else (64, 64)
        self.at[line], self.end[line] = first, last
        self.shift[line] = self.rng.integers(max(-5, -low), min(6, v.PITCHES - 1 - high) + 1)
        self.known[line] = self.rng.random() < SOME_GIVEN
        self.known[line] &= self.rng.random(v.MAX_PARTS) < self.rng.random()

    def _vary(self, rows: NDArray[np.int16], shift: int) -> None:
        """Leave out what need not be told, and transpose."""
        all_wishes = self.rng.random() < NO_WISHES
        out = [WISH_COLUMNS[self.rng.random(len(WISH_COLUMNS)) < (1.0 if all_wishes else WISH_LEFT_OUT)]]
        out += [columns for columns, chance in _LEFT_OUT if self.rng.random() < chance]
        silent = np.concatenate(out)
        rows[:, silent] = COLUMN_NONE[silent]
        if self.rng.random() < NO_MEMORY:
            forget(rows)
        transpose(rows, np.full(len(rows), shift))


def forget(rows: NDArray[np.int16]) -> None:
    """Rows (n, WIDTH) as they are without the match index, in place."""
    rows[:, MATCH_COLUMNS] = COLUMN_NONE[MATCH_COLUMNS]
    lengths = columns_of("match_length")
    rows[:, lengths] = 0  # class 0 of a length is "no match"


def tell_given(rows: NDArray[np.int16], known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill in the columns of the next two notes of the `known` parts (parts,); returns which rows are such notes. (n,)

    A row's own event counts as the next one where it is known: it will surely come.
    """
    targets = rows[:, TARGETS].astype(np.int64)
    given = (targets[:, 0] != v.BAR) & known[targets[:, 1]]
    if not given.any():
        return given
    places = np.flatnonzero(given)
    now = rows[:, NOW].astype(np.int64)
    onset = now + np.where(given, targets[:, 0], 0)
    following = np.searchsorted(places, np.arange(len(rows)))
    for rank in (0, 1):
        columns = GIVEN_COLUMNS[3 * rank : 3 * rank + 3]
        there = np.flatnonzero(following + rank < len(places))
        note = places[following[there] + rank]
        span = span_classes((onset[note] - now[there]) % NOW_RANGE)
        rows[there[:, None], columns] = np.stack([span, targets[note, 1], targets[note, 2]], axis=1)
    return given


def piece_weights(rows: Rows, sources: list[str], shares: dict[str, float]) -> NDArray[np.float64]:
    """Chance of each piece, such that a source's events are heard by its share and, within it, all equally often."""
    length = np.diff(rows.starts).astype(np.float64)
    visit = np.minimum(length, LONGEST_VISIT)
    names = np.array(sources)
    weights = np.zeros(len(length))
    for source in sorted(set(sources)):
        mine = names == source
        weights[mine] = shares.get(source, 1.0) * length[mine] / length[mine].sum() / visit[mine]
    return weights / weights.sum()
