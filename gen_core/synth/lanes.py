"""Arrays of lane values: what ports declare, written a note (one lane) at a time."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.synth.layout import Layout, Port
from gen_core.synth.unit import Arrays


def empty(ports: Iterable[Port], layout: Layout) -> Arrays:
    """Zeros for every port that is not shared."""
    return {port.name: np.zeros(layout.shape(port.dims), port.dtype) for port in ports if port.kind != "shared"}


def place(port: Port, array: NDArray, lane: int) -> NDArray:
    """The part of a port's array that belongs to one lane, as a view; all of it where the port has no lanes."""
    if "lanes" not in port.dims:
        return array
    return np.moveaxis(array, port.dims.index("lanes"), 0)[lane]


def write(ports: Iterable[Port], arrays: Arrays, lane: int, values: Mapping[str, Any]) -> None:
    """Write what `prepare` gave for one note."""
    for port in ports:
        view = place(port, arrays[port.name], lane)
        view[...] = np.reshape(values[port.name], view.shape)
