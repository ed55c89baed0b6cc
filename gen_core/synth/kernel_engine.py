"""The voice by Numba kernels, behind the interface that the graph engine has too."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gen_core.playback.layout import Layout
from gen_core.synth import voice


class KernelEngine:
    """Blocks out of lane values. One thread at a time."""

    def __init__(self, layout: Layout | None = None) -> None:
        self.layout = layout or Layout()
        self.sample_rate_hz = self.layout.sample_rate_hz
        self.block_frames = self.layout.block_frames
        self.lanes = self.layout.lanes
        self._tables = np.zeros(2, np.float32)
        self._rooms = voice.rooms(self.layout)
        self.reset()

    def reset(self) -> None:
        """Start again from the declarations."""
        self._state = voice.start(self.layout)

    def load_tables(self, tables: NDArray[np.float32]) -> None:
        """All oscillator periods end to end, as `waves.WaveTables` makes them."""
        self._tables = np.ascontiguousarray(tables, np.float32)

    def process(self, lanes: Mapping[str, NDArray]) -> NDArray[np.float32]:
        """One block (block_frames, 2) from the values of `layout.LANES`."""
        signals = voice.run(self.layout, {**lanes, "tables": self._tables}, self._state, self._rooms)
        return np.ascontiguousarray(signals[voice.OUTPUT][0].T)
