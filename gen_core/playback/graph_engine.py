"""A plan by the book's ONNX graph. Inputs and state are bound once, by address; a block is one run."""

from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from gen_core.spec.errors import VerificationError
from gen_core.synth.plan import Plan
from gen_core.synth.unit import Arrays
from gen_core.synth.units.mixer import BUSES


def session_options() -> ort.SessionOptions:
    """One thread (the board's other cores compose), quiet, and no denormals in dying tails."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors; a board's log is no place for remarks on a graph
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return options


class GraphEngine:
    """Blocks out of `inputs`, which whoever plays writes. One thread at a time.

    graph: the book's synth.onnx; plan: what it was drawn from. VerificationError where they do not belong together.
    """

    def __init__(self, graph: bytes, plan: Plan) -> None:
        self.plan = plan
        self.inputs = plan.inputs()
        self._session = ort.InferenceSession(graph, session_options(), providers=["CPUExecutionProvider"])
        self._audio = np.zeros((plan.block_frames, 2), np.float32)
        self.bus = np.zeros((len(BUSES), plan.block_frames), np.float32)  # the last block before any effect
        self._check()
        first = plan.start()
        rings = {name for name, item, _ in plan.states() if item.ring}
        second = {name: array if name in rings else array.copy() for name, array in first.items()}
        self._states = (first, second)
        self._turn = 0
        self._bind()

    def _check(self) -> None:
        """Every input that is no state must be a value that we can give."""
        names = {item.name for item in self._session.get_inputs()}
        known = set(self.inputs) | {f"state.{name}" for name, _, _ in self.plan.states()}
        if unknown := names - known:
            cause = f"the book's synth asks for {', '.join(sorted(unknown))}, which this version cannot give"
            raise VerificationError(cause, "update the board's software")
        self._reads = [name for name in self.inputs if name in names]

    def _bind(self) -> None:
        """Two bindings that swap state: what one writes, the other reads. Rings are written in place."""
        self._bindings = []
        for state, moved in (self._states, self._states[::-1]):
            binding = self._session.io_binding()
            for name in self._reads:
                _bind_input(binding, name, self.inputs[name])
            for name, array in state.items():
                _bind_input(binding, f"state.{name}", array)
            for name, array in moved.items():
                _bind_output(binding, f"next.{name}", array)
            _bind_output(binding, "audio", self._audio)
            _bind_output(binding, "bus", self.bus)
            self._bindings.append(binding)

    def reset(self) -> None:
        """Start again from the declarations."""
        fresh: Arrays = self.plan.start()
        for state in self._states:
            for name, array in fresh.items():
                state[name][...] = array
        self._turn = 0

    def load_tables(self, tables: NDArray[np.float32]) -> None:
        """All oscillator periods end to end, as `waves.WaveTables` makes them."""
        self.inputs["tables"] = np.ascontiguousarray(tables, np.float32)
        self._bind()

    def process(self) -> NDArray[np.float32]:
        """One block (block_frames, 2) from `inputs`."""
        self._session.run_with_iobinding(self._bindings[self._turn])
        self._turn = 1 - self._turn
        return self._audio.copy()


def _bind_input(binding: Any, name: str, array: NDArray) -> None:
    binding.bind_input(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)


def _bind_output(binding: Any, name: str, array: NDArray) -> None:
    binding.bind_output(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
