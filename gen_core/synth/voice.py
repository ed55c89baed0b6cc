"""The one topology of all instruments: the units of the registry in their order, wired by the names of their ports.

Oscillators and noise → blend → state-variable filter → mixer → reverb → limiter; one envelope for loudness, one to
modulate. An instrument is a row of values for it, so changing instruments loads nothing.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from gen_core.playback.layout import LANES, Layout
from gen_core.synth.registry import UNITS
from gen_core.synth.unit import Arrays, Builder, State, Tensor, Tensors, Unit

OUTPUT = "audio"  # (1, 2, frames)


def states() -> Iterator[tuple[str, Unit, State]]:
    """Every state array of the voice as ("unit.state", unit, declaration)."""
    for unit in UNITS:
        for item in unit.state:
            yield f"{unit.name}.{item.name}", unit, item


def start(layout: Layout) -> Arrays:
    """All state, fresh from the declarations."""
    return {name: np.full(layout.shape(item.dims), item.start, item.dtype) for name, _, item in states()}


def rooms(layout: Layout) -> dict[str, Arrays]:
    """Arrays to lend to the kernels, by unit."""
    return {unit.name: unit.room(layout) for unit in UNITS}


def run(layout: Layout, lanes: Arrays, state: Arrays, room: dict[str, Arrays]) -> Arrays:
    """One block by the kernels. `state` moves on in place. → every signal by name, `audio` among them."""
    signals = dict(lanes)
    for unit in UNITS:
        own = {item.name: state[f"{unit.name}.{item.name}"] for item in unit.state}
        unit.kernel(layout, signals, own, room[unit.name])
        signals.update(room[unit.name])
    return signals


def draw(
    g: Builder, layout: Layout, lanes: Mapping[str, Tensor], state: Mapping[str, Tensor]
) -> tuple[Tensor, Tensors]:
    """The same block on a builder. → audio [1, 2, frames] and the next state by name."""
    signals, moved = dict(lanes), {}
    for unit in UNITS:
        own = {item.name: state[f"{unit.name}.{item.name}"] for item in unit.state}
        outputs, after = unit.graph(g, layout, signals, own)
        signals.update(outputs)
        moved.update({f"{unit.name}.{name}": value for name, value in after.items()})
    return signals[OUTPUT], moved


def lane_names() -> list[str]:
    """The lane values that the voice reads, in the order of the table."""
    read = {port.name for unit in UNITS for port in unit.inputs}
    return [name for name in LANES if name in read]
