"""What a unit is: a name, parameters, ports, state, and the same block twice, as kernel and as graph."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gen_core.playback.layout import Layout, Port
from gen_core.spec.param import Param

Arrays = dict[str, NDArray]
Tensor = Any  # what a builder's operations take and give: a handle with + - * / @ and comparison-free arithmetic
Tensors = dict[str, Tensor]


class Builder(Protocol):
    """The pencil that a unit's graph function draws with; `export/graph.py` has the real one.

    Tensors know + - * / and @ among themselves and with numpy arrays or numbers.
    """

    def constant(self, value: Any, dtype: Any = np.float32) -> Tensor: ...
    def unary(self, op: str, x: Tensor) -> Tensor: ...
    def minimum(self, x: Tensor, y: Any) -> Tensor: ...
    def maximum(self, x: Tensor, y: Any) -> Tensor: ...
    def clip(self, x: Tensor, low: float, high: float) -> Tensor: ...
    def cast(self, x: Tensor, dtype: Any) -> Tensor: ...
    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor: ...
    def concat(self, xs: Sequence[Any], axis: int) -> Tensor: ...
    def split(self, x: Tensor, sizes: Sequence[int], axis: int) -> list[Tensor]: ...
    def slice(self, x: Tensor, start: int, stop: int, axis: int, step: int = 1) -> Tensor: ...
    def gather_elements(self, x: Tensor, indices: Any, axis: int) -> Tensor: ...
    def reduce_sum(self, x: Tensor, axes: Sequence[int]) -> Tensor: ...
    def reduce_max(self, x: Tensor, axes: Sequence[int]) -> Tensor: ...
    def reduce_min(self, x: Tensor, axes: Sequence[int]) -> Tensor: ...
    def bit_and(self, x: Tensor, y: int) -> Tensor: ...
    def bit_xor(self, x: Tensor, y: Tensor) -> Tensor: ...


_SETTLED = 1e-15  # -300 dB


def settle(g: Builder, x: Tensor) -> Tensor:
    """x moved towards zero by 1e-15, or made zero, so that what feeds back on itself comes to rest.

    Without it a tail ends in denormal numbers, which cost a processor a hundred times the time of others.
    """
    return x - g.clip(x, -_SETTLED, _SETTLED)


@dataclass(frozen=True)
class State:
    """One array that a unit carries from block to block, and where it starts."""

    name: str
    dims: tuple[str | int, ...]
    start: float = 0.0
    dtype: type = np.float32


Kernel = Callable[[Layout, Arrays, Arrays, Arrays], None]  # layout, inputs, state (moved in place), outputs (lent)
Graph = Callable[[Builder, Layout, Mapping[str, Tensor], Mapping[str, Tensor]], tuple[Tensors, Tensors]]


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A unit's record. `outputs` gives the dimensions of each; `tolerance` is the largest error between renderings."""

    name: str
    params: tuple[Param, ...]
    inputs: tuple[Port, ...]
    outputs: dict[str, tuple[str | int, ...]]
    state: tuple[State, ...]
    kernel: Kernel
    graph: Graph
    tolerance: float

    def start(self, layout: Layout) -> Arrays:
        """Fresh state, from the declaration."""
        return {item.name: np.full(layout.shape(item.dims), item.start, item.dtype) for item in self.state}

    def room(self, layout: Layout) -> Arrays:
        """Arrays to lend to the kernel for its outputs."""
        return {name: np.zeros(layout.shape(dims), np.float32) for name, dims in self.outputs.items()}
