"""A plan by the book's ONNX graph. Inputs and state are bound once, by address; a block is one run."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.playback.sessions import session
from gen_core.spec.errors import VerificationError
from gen_core.synth.layout import RISES, rises
from gen_core.synth.plan import Plan
from gen_core.synth.unit import Arrays
from gen_core.synth.units.mixer import BUSES

_LANE_STEP = 2  # binding anew costs a tenth of a block, a lane too many a twentieth of one, block after block


class GraphEngine:
    """Blocks out of `inputs`, which whoever plays writes. One thread at a time.

    graph: the book's synth.onnx; plan: what it was drawn from. VerificationError where they do not belong together.
    """

    def __init__(self, graph: bytes, plan: Plan) -> None:
        self.plan = plan
        self.inputs = plan.inputs()
        self._session = session(graph)
        self._audio = np.zeros((plan.block_frames, 2), np.float32)
        self.bus = np.zeros((len(BUSES), plan.block_frames), np.float32)  # the last block before any effect
        self._check()
        first = plan.start()
        rings = {name for name, item, _ in plan.states() if item.ring}
        second = {name: array if name in rings else array.copy() for name, array in first.items()}
        self._states = (first, second)
        self._turn = 0
        self._counts = self._wanted()
        self._bind()

    def _check(self) -> None:
        """Every input that is no state must be a value that we can give."""
        names = {item.name for item in self._session.get_inputs()}
        known = {*self.inputs, RISES} | {f"state.{name}" for name, _, _ in self.plan.states()}
        if unknown := names - known:
            cause = f"the book's synth asks for {', '.join(sorted(unknown))}, which this version cannot give"
            raise VerificationError(cause, "update the board's software")
        self._reads = [name for name in self.inputs if name in names]
        self._rises = rises(self.inputs["tables"]) if RISES in names else None

    def _wanted(self) -> dict[str, int]:
        """How many lanes of each voice must be computed; in pairs, so that it does not change at every note."""
        wanted = {}
        for name, (_, lanes) in self.plan.voices.items():
            rounded = -(-int(self.inputs[f"{name}.count"][0]) // _LANE_STEP) * _LANE_STEP
            wanted[name] = min(max(rounded, _LANE_STEP), lanes)
        return wanted

    def _bind(self) -> None:
        """Two bindings that swap state: what one writes, the other reads. Rings are written in place."""
        self._bindings = [self._session.io_binding(), self._session.io_binding()]
        for voice in ("", *self.plan.voices):
            self._bind_voice(voice)

    def _bind_voice(self, voice: str) -> None:
        """All arrays of a voice, as many of its lanes as are wanted; without a name, all that no voice has."""
        count, voices = self._counts.get(voice), self.plan.voices
        for binding, state, moved in zip(self._bindings, self._states, self._states[::-1], strict=True):
            for name in (name for name in self._reads if _owner(name, voices) == voice):
                _bind_input(binding, name, _lanes(self.inputs[name], name, self.plan, count))
            for name in (name for name in state if _owner(name, voices) == voice):
                _bind_input(binding, f"state.{name}", state[name][:count])
                _bind_output(binding, f"next.{name}", moved[name][:count])
            if not voice and self._rises is not None:
                _bind_input(binding, RISES, self._rises)
            if not voice:
                _bind_output(binding, "audio", self._audio)
                _bind_output(binding, "bus", self.bus)

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
        if self._rises is not None:
            self._rises = rises(self.inputs["tables"])
        self._bind()

    def process(self) -> NDArray[np.float32]:
        """One block (block_frames, 2) from `inputs`."""
        wanted = self._wanted()
        for voice in (name for name, count in wanted.items() if count != self._counts[name]):
            self._counts[voice] = wanted[voice]
            self._bind_voice(voice)
        self._session.run_with_iobinding(self._bindings[self._turn])
        self._turn = 1 - self._turn
        return self._audio.copy()


def _owner(name: str, voices: Mapping[str, Any]) -> str:
    """The voice that an array belongs to, if any."""
    first = name.split(".")[0]
    return first if first in voices else ""


def _lanes(array: NDArray, name: str, plan: Plan, count: int | None) -> NDArray:
    """The first `count` lanes; all of an array that has none."""
    return array[:count] if "lanes" in plan.ports[name][0].dims else array


def _bind_input(binding: Any, name: str, array: NDArray) -> None:
    binding.bind_input(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)


def _bind_output(binding: Any, name: str, array: NDArray) -> None:
    binding.bind_output(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
