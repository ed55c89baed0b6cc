"""Signs of life of the sound: how loud the last second was, how long it has been silent, how many blocks came late."""

import math
import time
from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FLOOR_DB = -120.0  # what silence is told as
SILENCE = 10.0 ** (-90.0 / 20.0)  # a peak below this is lost in 16 bits
WINDOW_S = 1.0


class Vitals:
    """The audio thread calls `note` for each block (some 5 µs); any thread reads."""

    def __init__(self, block_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: deque[tuple[float, bool]] = deque(maxlen=max(1, round(WINDOW_S / block_s)))  # (peak, late)
        self._block_s: float | None = None  # when the last block went out
        self._sound_s = clock()  # when there was sound last; before the first, when counting began
        self.heard = False  # there was sound at least once

    def note(self, block: NDArray[np.float32], late: bool) -> None:
        """A block of -1..1 went to the sink; `late`: after its time."""
        peak = max(float(block.max()), -float(block.min()))
        self._block_s = self._clock()
        if peak >= SILENCE:
            self.heard, self._sound_s = True, self._block_s
        self._last.append((peak if math.isfinite(peak) else 0.0, late))

    @property
    def peak_db(self) -> float:
        """The highest sample of the last second, dBFS."""
        peak = max((peak for peak, _ in tuple(self._last)), default=0.0)
        return max(FLOOR_DB, 20.0 * math.log10(peak)) if peak > 0.0 else FLOOR_DB

    @property
    def late_share(self) -> float:
        """Of the blocks of the last second, how many came late, 0..1."""
        last = tuple(self._last)  # a copy in one step: the audio thread goes on appending
        return sum(late for _, late in last) / len(last) if last else 0.0

    @property
    def silent_s(self) -> float:
        """For how long there has been nothing to hear."""
        return self._clock() - self._sound_s

    @property
    def stalled_s(self) -> float:
        """Seconds since the last block; 0 before the first."""
        return 0.0 if self._block_s is None else self._clock() - self._block_s
