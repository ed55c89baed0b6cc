"""The book's composer graphs, run by onnxruntime: the StepModel that the sampler draws from."""

from collections.abc import Mapping

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from gen_core.playback.sessions import session
from gen_core.sequence import vocabulary as v
from gen_core.sequence.layout import HEADS, TRUNK
from gen_core.sequence.sampler import Columns
from gen_core.spec.errors import VerificationError

GRAPHS = ("trunk", *v.FIELDS[1:])


class GraphModel:
    """`graphs` are serialised ONNX models by name. Raises VerificationError where they do not fit this vocabulary.

    One event at a time goes through arrays that are bound once, so one thread at a time; what is given back is a copy.
    """

    def __init__(self, graphs: Mapping[str, bytes]) -> None:
        missing = [name for name in GRAPHS if name not in graphs]
        if missing:
            raise VerificationError(f"the model lacks its graph {missing[0]!r}", "build the book again")
        self._sessions = {name: session(graphs[name]) for name in GRAPHS}
        widths = {name: s.get_inputs()[0 if name == "trunk" else 1].shape[1] for name, s in self._sessions.items()}
        wanted = {"trunk": len(TRUNK), **{field: len(HEADS[field]) for field in v.FIELDS[1:]}}
        if widths != wanted:
            wrong = next(name for name in GRAPHS if widths[name] != wanted[name])
            raise VerificationError(
                f"the model's graph {wrong!r} takes {widths[wrong]} columns, this version gives {wanted[wrong]}",
                "build the book again with this version",
            )
        blocks, _, width = self._sessions["trunk"].get_inputs()[1].shape
        self._state_shape = (int(blocks), int(width))
        self._bound = {name: BoundGraph(session) for name, session in self._sessions.items()}

    def start(self, batch: int) -> NDArray[np.float32]:
        """State (blocks, batch, width) at the start of a piece."""
        blocks, width = self._state_shape
        return np.zeros((blocks, batch, width), np.float32)

    def trunk(
        self, columns: Columns, state: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """columns (batch, trunk) → h (batch, width), logits of `delta` (batch, 193), next state."""
        if len(columns) == 1:
            h, delta, after = self._bound["trunk"](columns=columns, state=state)
        else:
            feed = {"columns": np.asarray(columns, np.int32), "state": state}
            h, delta, after = self._sessions["trunk"].run(["h", "delta", "next_state"], feed)
        return h, delta, after

    def head(self, field: str, h: NDArray[np.float32], columns: Columns) -> NDArray[np.float32]:
        """Logits (batch, classes) of `field`, given the columns that name the fields before it."""
        if len(columns) == 1:
            return self._bound[field](h=h, columns=columns)[0]
        feed = {"h": h, "columns": np.asarray(columns, np.int32)}
        logits: NDArray[np.float32] = self._sessions[field].run(["logits"], feed)[0]
        return logits


class BoundGraph:
    """A graph whose inputs and outputs lie still: a run costs two thirds of what it costs to hand arrays over.

    The batch is 1. Called with its inputs by name, gives copies of its outputs in the graph's order.
    """

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session, self._binding = session, session.io_binding()
        self._inputs = {value.name: _still(value) for value in session.get_inputs()}
        self._outputs = {value.name: _still(value) for value in session.get_outputs()}
        for name, array in self._inputs.items():
            self._binding.bind_input(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        for name, array in self._outputs.items():
            self._binding.bind_output(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)

    def __call__(self, **given: Columns | NDArray[np.float32]) -> list[NDArray[np.float32]]:
        for name, value in given.items():
            self._inputs[name][...] = value
        self._session.run_with_iobinding(self._binding)
        return [array.copy() for array in self._outputs.values()]


def _still(value: onnxruntime.NodeArg) -> NDArray:
    """An array for an input or output of a graph; a free dimension is 1."""
    shape = [size if isinstance(size, int) else 1 for size in value.shape]
    return np.zeros(shape, np.int32 if value.type == "tensor(int32)" else np.float32)
