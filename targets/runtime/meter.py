"""How loud it is, for who watches: peak and RMS of both channels since the last look."""

import math

import numpy as np
from numpy.typing import NDArray

from targets.runtime.vitals import FLOOR_DB

MOST_BLOCKS = 200  # 2 s: who looks less often has gone


class Meter:
    """The audio thread calls `note` for each block (some 7 µs, nothing until somebody has looked once); one looks."""

    def __init__(self) -> None:
        self._watched = False
        self._blocks: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []  # peaks and mean squares, (2,) each

    def note(self, block: NDArray[np.float32]) -> None:
        """A block of -1..1, (frames, 2)."""
        if self._watched and len(self._blocks) < MOST_BLOCKS:
            channels = np.ascontiguousarray(block.T)  # a fourth of what a look across pairs takes
            squares = np.einsum("cn,cn->c", channels, channels) / len(block)
            self._blocks.append((np.abs(channels).max(axis=1), squares))

    def look(self) -> tuple[float, float, float, float]:
        """Peak left and right, RMS left and right, dBFS, since the last look; silence at the first one."""
        blocks, self._blocks, self._watched = self._blocks, [], True
        if not blocks:
            return (FLOOR_DB,) * 4
        peaks, squares = (np.stack(column) for column in zip(*blocks, strict=True))
        levels = [*peaks.max(axis=0), *np.sqrt(squares.mean(axis=0))]
        left, right, rms_left, rms_right = (_db(float(level)) for level in levels)
        return left, right, rms_left, rms_right

    def rest(self) -> None:
        """Nobody looks any more."""
        self._watched, self._blocks = False, []


def _db(level: float) -> float:
    return max(FLOOR_DB, 20.0 * math.log10(level)) if level > 0.0 and math.isfinite(level) else FLOOR_DB
