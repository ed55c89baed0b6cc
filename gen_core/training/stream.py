"""Rows to batches: every line of a batch reads one piece after another, and the state is carried on as in playing."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gen_core.sequence import vocabulary as v
from gen_core.sequence.layout import KINDS
from gen_core.training.columns import MEAN_KEY, PITCH_COLUMNS, WISH_COLUMNS, Rows, transpose
from gen_core.training.features import octiles

REGISTER = 2  # index among the wishes
LONGEST_VISIT = 3072  # events read of one piece before the next is drawn: a symphony shall not fill the hour


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

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.at, self.end, self.shift = (np.zeros(self.batch, np.int64) for _ in range(3))

    def next(self, length: int) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
        """Rows (length, batch, WIDTH) and where a piece begins (length, batch)."""
        table = np.empty((length, self.batch, self.rows.table.shape[1]), np.int16)
        begins = np.zeros((length, self.batch), bool)
        for line in range(self.batch):
            filled = 0
            while filled < length:
                if self.at[line] == self.end[line]:
                    self._draw(line)
                    begins[filled, line] = True
                count = min(length - filled, int(self.end[line] - self.at[line]))
                part = self.rows.table[self.at[line] : self.at[line] + count].copy()
                self._vary(part, int(self.shift[line]))
                table[filled : filled + count, line] = part
                self.at[line] += count
                filled += count
        return table, begins

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

    def _vary(self, rows: NDArray[np.int16], shift: int) -> None:
        """Transpose, let `register` follow, and leave out wishes: all of them half of the time, else one in four."""
        transpose(rows, np.full(len(rows), shift))
        mean = rows[:, MEAN_KEY].astype(np.float64)
        register = octiles("register", np.where(mean > 0, mean + shift, np.nan))
        rows[:, WISH_COLUMNS[REGISTER]] = register
        left_out = self.rng.random(len(WISH_COLUMNS)) < (1.0 if self.rng.random() < 0.5 else 0.25)
        rows[:, WISH_COLUMNS[left_out]] = KINDS["wish"] - 1


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
