"""What a unit is: a name, sections of parameters, ports, state, and the same block twice, as kernel and as graph."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.param import Param
from gen_core.synth.jit import Kernel as Compiled
from gen_core.synth.layout import Dim, Layout, Port, aligned
from gen_core.synth.waves import WaveTables

Arrays = dict[str, NDArray]
Tensor = Any  # what a builder's operations take and give: a handle with + - * / @ and comparison-free arithmetic
Tensors = dict[str, Tensor]
Row = Mapping[str, Any]  # a checked patch: section → parameter → value


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
    def where(self, condition: Tensor, x: Tensor, y: Any) -> Tensor: ...
    def less(self, x: Tensor, y: Any) -> Tensor: ...
    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor: ...
    def transpose(self, x: Tensor, perm: Sequence[int]) -> Tensor: ...
    def concat(self, xs: Sequence[Any], axis: int) -> Tensor: ...
    def split(self, x: Tensor, sizes: Sequence[int], axis: int) -> list[Tensor]: ...
    def slice(self, x: Tensor, start: int, stop: int, axis: int, step: int = 1) -> Tensor: ...
    def first(self, x: Tensor, sizes: Mapping[int, int]) -> Tensor: ...
    def gather(self, x: Tensor, indices: Tensor, axis: int = 0) -> Tensor: ...
    def gather_elements(self, x: Tensor, indices: Any, axis: int) -> Tensor: ...
    def scatter(self, x: Tensor, indices: Tensor, updates: Tensor) -> Tensor: ...
    def modulo(self, x: Tensor, y: int) -> Tensor: ...
    def convolve(self, x: Tensor, taps: Tensor, apart: int = 1) -> Tensor: ...
    def reduce_sum(self, x: Tensor, axes: Sequence[int]) -> Tensor: ...
    def reduce_max(self, x: Tensor, axes: Sequence[int]) -> Tensor: ...
    def reduce_min(self, x: Tensor, axes: Sequence[int]) -> Tensor: ...
    def shrink(self, x: Tensor, by: float) -> Tensor: ...
    def magnitude(self, x: Tensor) -> Tensor: ...
    def bit_and(self, x: Tensor, y: int) -> Tensor: ...
    def bit_xor(self, x: Tensor, y: Tensor) -> Tensor: ...
    def sounding(self, *xs: Tensor) -> Tensor: ...
    def branch(
        self, condition: Tensor, then: Callable[[], Sequence[Tensor]], otherwise: Callable[[], Sequence[Tensor]]
    ) -> list[Tensor]: ...


_SETTLED = 1e-9  # -180 dB: below the last bit of any converter


def settle(g: Builder, x: Tensor, few: bool = False) -> Tensor:
    """x moved towards zero by 1e-9, or made zero, so that what feeds back on itself comes to rest.

    Without it a tail ends in denormal numbers, which cost a processor a hundred times the time of others; at rest an
    effect is not computed at all. A kernel that feeds back does the same, with `SETTLED`. `few` (less than about 600
    numbers): one node in place of two, of the same result, but thrice the price for each number.
    """
    return g.shrink(x, _SETTLED) if few else x - g.clip(x, -_SETTLED, _SETTLED)


SETTLED = np.float32(_SETTLED)


@dataclass(frozen=True)
class State:
    """One array that a unit carries from block to block, and where it starts.

    ring: large. All that reads it stands before what writes it, by data dependency, so that an engine may bind one
    buffer as its input and its output (where only some rows change, onnxruntime then copies nothing else); and while
    there is sound in it, another state of the unit is not zero, so that an engine that looks for silence need not
    look here.
    """

    name: str
    dims: tuple[Dim, ...]
    start: float = 0.0
    dtype: type = np.float32
    ring: bool = False

    @property
    def sounds(self) -> bool:
        """Is there sound to come while it is not zero? Not counters, and not what may be looked for elsewhere."""
        return self.dtype is np.float32 and not self.ring


@dataclass(frozen=True, kw_only=True)
class Data:
    """A value of a patch that is no number: `check` returns it as the unit wants it, or raises UsageError."""

    id: str
    default: Any
    check: Callable[[Any], Any]
    examples: tuple[Any, ...] = ()  # others that a test may try
    help: str = ""


MIDDLE_VELOCITY = 96  # where a patch sounds as it is written: a firm mezzo-forte


@dataclass(frozen=True)
class NoteOn:
    """What a note says to the units of its voice."""

    key: float  # MIDI key at which it sounds; a drum has one of its own, whatever key was struck
    pitch: int  # the MIDI key that was struck, 0..127
    velocity: int  # 1..127
    layout: Layout
    tables: WaveTables

    @property
    def hertz(self) -> float:
        """The key's frequency, equal temperament, A4 = 440 Hz."""
        return 440.0 * 2.0 ** ((self.key - 69.0) / 12.0)

    @property
    def loud(self) -> float:
        """Velocity as 0..1."""
        return self.velocity / 127.0

    def louder(self, velocity_db: float) -> float:
        """A factor of so many dB between velocity 0 and 127, and 1 at MIDDLE_VELOCITY."""
        return float(10.0 ** (velocity_db * (self.velocity - MIDDLE_VELOCITY) / 127.0 / 20.0))


@dataclass(frozen=True)
class Stage:
    """What the mixer says to an effect."""

    layout: Layout
    bpm: float = 120.0


Kernel = Callable[[Layout, Arrays, Arrays, Arrays], None]  # layout, inputs, state (moved in place), outputs (lent)
Calls = list[tuple[Compiled, tuple]]  # each with its arguments: arrays, numbers, tuples of them
# A graph sees every array as engines store it, lanes first (`layout.stored`), signals of other units too.
Graph = Callable[[Builder, Layout, Mapping[str, Tensor], Mapping[str, Tensor]], tuple[Tensors, Tensors]]
Prepare = Callable[[Row, Any], Mapping[str, Any]]  # (row, NoteOn) for a voice, (row, Stage) for an effect


def called(calls: Callable[[Layout, Arrays, Arrays, Arrays], Calls]) -> Kernel:
    """The kernel that makes these calls, one after another."""

    def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
        for function, arguments in calls(layout, inputs, state, out):
            function(*arguments)

    return kernel


def _nothing(row: Row, at: Any) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A unit's record.

    sections: what a patch may set, by the name of its section. `inputs` are signals that other units give (wired by
    name), `clocks` names what the allocator tells of every lane, `values` are what a note writes into its lane (or the
    mixer into an effect): `prepare` computes them, each in the port's shape without its "lanes"; "NAME.brightness" may
    say by how much (ln) an octave of the part's brightness raises a value.
    `calls`: what a block takes, to be made again for every block as long as the arrays stay where they are; a unit
    that has them can be compiled into one with its neighbours.
    `outputs` are its own signals; `tolerance` is the largest error between renderings. `tempo`: its values follow it.
    Units of one `form` differ in sections and `prepare` only, so their notes share lanes.
    """

    name: str
    sections: Mapping[str, tuple[Param | Data, ...]] = field(default_factory=dict)
    inputs: tuple[Port, ...] = ()
    clocks: tuple[str, ...] = ()
    values: tuple[Port, ...] = ()
    prepare: Prepare = _nothing
    outputs: tuple[Port, ...]
    state: tuple[State, ...] = ()
    kernel: Kernel
    calls: Callable[[Layout, Arrays, Arrays, Arrays], Calls] | None = None
    graph: Graph
    tolerance: float
    form: str = ""
    tempo: bool = False

    def start(self, layout: Layout) -> Arrays:
        """Fresh state, from the declaration."""
        return {item.name: np.full(layout.shape(item.dims), item.start, item.dtype) for item in self.state}

    def room(self, layout: Layout) -> Arrays:
        """Arrays to lend to the kernel for its outputs."""
        return {port.name: aligned(layout.shape(port.dims), port.dtype) for port in self.outputs}

    def defaults(self) -> dict[str, dict[str, Any]]:
        """Every section with its default values."""
        return {name: {item.id: item.default for item in items} for name, items in self.sections.items()}
