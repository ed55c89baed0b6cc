"""The voice by the book's ONNX graph. Inputs and state are bound once, by address; a block is one run."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.playback.layout import LANES, Layout, empty_lanes
from gen_core.playback.sessions import session
from gen_core.spec.errors import VerificationError

_DTYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}


class GraphEngine:
    """Blocks out of lane values. One thread at a time.

    graph: the book's synth.onnx; manifest_synth: the manifest's "synth" entry (sizes; starting state that is not 0).
    """

    def __init__(self, graph: bytes, manifest_synth: Mapping[str, Any]) -> None:
        sizes = {key: int(manifest_synth[key]) for key in ("lanes", "block_frames", "sample_rate_hz")}
        self.layout = Layout(**sizes)
        self.sample_rate_hz = self.layout.sample_rate_hz
        self.block_frames = self.layout.block_frames
        self.lanes = self.layout.lanes
        self._starts = dict(manifest_synth.get("state", {}))
        self._session = session(graph)
        self._inputs: dict[str, NDArray] = empty_lanes(self.layout) | {"tables": np.zeros(2, np.float32)}
        self._audio = np.zeros((self.block_frames, 2), np.float32)
        self._check()
        self._states = [self._fresh(), self._fresh()]
        self._turn = 0
        self._bind()

    def _check(self) -> None:
        """Every input that is no state must be a lane value that we can give."""
        names = {item.name: item for item in self._session.get_inputs()}
        unknown = [name for name in names if name not in LANES and not name.startswith("state.")]
        if unknown:
            cause = f"the book's synth asks for {', '.join(sorted(unknown))}, which this version cannot give"
            raise VerificationError(cause, "update the board's software")
        self._reads = [name for name in LANES if name in names]
        self._state_inputs = [item for name, item in names.items() if name.startswith("state.")]

    def _bind(self) -> None:
        """Two bindings that swap state: what one writes, the other reads."""
        pair = self._states
        self._bindings = []
        for index in (0, 1):
            binding = self._session.io_binding()
            for name in self._reads:
                _bind_input(binding, name, self._inputs[name])
            for name, array in pair[index].items():
                _bind_input(binding, name, array)
            for name, array in pair[1 - index].items():
                _bind_output(binding, name.replace("state.", "next.", 1), array)
            _bind_output(binding, "audio", self._audio)
            self._bindings.append(binding)

    def _fresh(self) -> dict[str, NDArray]:
        return {
            item.name: np.full(item.shape, self._starts.get(item.name.removeprefix("state."), 0), _DTYPES[item.type])
            for item in self._state_inputs
        }

    def reset(self) -> None:
        """Start again from the declarations."""
        for arrays in self._states:
            for name, fresh in self._fresh().items():
                arrays[name][...] = fresh
        self._turn = 0

    def load_tables(self, tables: NDArray[np.float32]) -> None:
        """All oscillator periods end to end, as `waves.WaveTables` makes them."""
        self._inputs["tables"] = np.ascontiguousarray(tables, np.float32)
        self._bind()

    def process(self, lanes: Mapping[str, NDArray]) -> NDArray[np.float32]:
        """One block (block_frames, 2) from the values of `layout.LANES`.

        Arrays are bound by address: give the same ones again, with new values in them, and nothing is copied.
        """
        changed = [name for name in self._reads if name != "tables" and lanes[name] is not self._inputs[name]]
        if changed:
            self._inputs |= {name: np.require(lanes[name], LANES[name].dtype, "C") for name in changed}
            self._bind()
        self._session.run_with_iobinding(self._bindings[self._turn])
        self._turn = 1 - self._turn
        return self._audio.copy()


def _bind_input(binding: Any, name: str, array: NDArray) -> None:
    binding.bind_input(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)


def _bind_output(binding: Any, name: str, array: NDArray) -> None:
    binding.bind_output(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
