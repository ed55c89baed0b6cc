"""A plan by Numba kernels, behind the interface that the graph engine has too."""

import numpy as np
from numpy.typing import NDArray

from gen_core.synth.jit import jit
from gen_core.synth.plan import Plan
from gen_core.synth.rack import Kernels


@jit
def _side_by_side(sides: NDArray, audio: NDArray) -> None:
    """[2, frames] → [frames, 2]."""
    for n in range(audio.shape[0]):
        audio[n, 0], audio[n, 1] = sides[0, n], sides[1, n]


class KernelEngine:
    """Blocks out of `inputs`, which whoever plays writes. One thread at a time."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.inputs = plan.inputs()
        self.reset()

    def reset(self) -> None:
        """Start again from the declarations."""
        self._kernels = Kernels(self.plan, self.inputs, self.plan.start())

    def warm(self) -> None:
        """Compile every kernel now, or load what was compiled before, so that no block has to wait for it."""
        switches = [array for name, array in self.inputs.items() if name.endswith(".on")]
        before = [switch.copy() for switch in switches]
        for switch in switches:
            switch[...] = True
        self._kernels.run(skip=False)
        for switch, value in zip(switches, before, strict=True):
            switch[...] = value
        self.reset()

    def load_tables(self, tables: NDArray[np.float32]) -> None:
        """All oscillator periods end to end, as `waves.WaveTables` makes them."""
        self.inputs["tables"] = np.ascontiguousarray(tables, np.float32)
        self._kernels.load_tables()

    @property
    def bus(self) -> NDArray[np.float32]:
        """(buses, frames): the last block before any effect."""
        return self._kernels.bus

    def process(self) -> NDArray[np.float32]:
        """One block (block_frames, 2) from `inputs`."""
        audio = np.empty((self.plan.block_frames, 2), np.float32)
        _side_by_side(self._kernels.run(), audio)
        return audio
