"""The sizes that a synthesizer is drawn for, and the arrays that go into its units.

Both renderings (kernel and graph) read exactly the arrays that ports declare, so parity is a plain comparison. Values
that move (envelopes, pitch, gain) are known at knots every `KNOT_FRAMES` and straight lines between them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KNOT_FRAMES = 32  # 0.67 ms: straight lines this short are envelopes to the ear, and 17 knots are cheap to compute
SEGMENT_FRAMES = 64  # filter coefficients hold this long; 1.3 ms steps of a smoothed cutoff are inaudible
# The state-variable filter's coefficients hold this long, pitch is straight this long: 2.7 ms of a cutoff that an
# envelope moves, of a vibrato or a glide, are smooth to the ear, and each such stretch costs a graph a filter.
STRETCH_FRAMES = 128
HELD_S = -1e6  # `off_age` of a note that is still held: far before any release
BLOCK_S = 512 / 48000  # what a block lasts about, at any rate
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 8_000, 192_000  # as far as the units are tested
_COARSE, _FINE, _FINE_BELOW_HZ = 128, 64, 24_000  # what the frames of a block are a multiple of
_MOST_FRAMES = 2048


def block_frames(sample_rate_hz: int) -> int:
    """Frames of a block at any rate: as near to 10.67 ms as the units allow."""
    step = _FINE if sample_rate_hz < _FINE_BELOW_HZ else _COARSE
    return min(max(round(sample_rate_hz * BLOCK_S / step), 1) * step, _MOST_FRAMES)


@dataclass(frozen=True)
class Layout:
    """The sizes of one voice or effect."""

    lanes: int = 32
    block_frames: int = 512
    sample_rate_hz: int = 48000

    @property
    def knots(self) -> int:
        """Knots of a block, both ends included."""
        return self.block_frames // KNOT_FRAMES + 1

    @property
    def segments(self) -> int:
        """Stretches of constant filter coefficients in a block."""
        return self.block_frames // SEGMENT_FRAMES

    @property
    def apart(self) -> int:
        """Samples between the taps of a short filter: about 21 us at any rate, so that it sounds alike at any rate."""
        return max(1, round(self.sample_rate_hz / 48000))

    @property
    def stretch_frames(self) -> int:
        """Length of a stretch of a constant cutoff and straight pitch; half as long where blocks are odd."""
        return STRETCH_FRAMES if self.block_frames % STRETCH_FRAMES == 0 else STRETCH_FRAMES // 2

    @property
    def stretches(self) -> int:
        """Such stretches in a block."""
        return self.block_frames // self.stretch_frames

    def shape(self, dims: "Iterable[Dim]") -> tuple[int, ...]:
        """Dimensions in numbers: ("lanes", "frames") → (32, 512). A function tells its own from the layout."""
        sizes = {"lanes": self.lanes, "frames": self.block_frames, "knots": self.knots, "any": 1}
        return tuple(sizes[dim] if isinstance(dim, str) else dim(self) if callable(dim) else dim for dim in dims)


_LINE_BYTES = 64  # of the widest processor's cache and registers


def aligned(shape: "int | tuple[int, ...]", dtype: type = np.float32) -> NDArray:
    """Zeros that begin where a line of the cache does: sixteen numbers at once that lie in two lines are two reads."""
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    room = np.zeros(count + _LINE_BYTES, np.uint8)
    first = -room.ctypes.data % _LINE_BYTES
    return room[first : first + count].view(dtype).reshape(shape)


Dim = str | int | Callable[[Layout], int]


@dataclass(frozen=True)
class Port:
    """One array that goes into a unit. `kind` says what half a block of it means:

    constant (the same), clock (seconds at block start), keep (1 after the first block), start (0 after the first
    block; `prepare` may give "NAME.per_frame", what it advances by, or "NAME.turn", how it turns, until a note that
    begins inside a block), frames and knots (the last axis is time), ramp (the last axis is the value at block start
    and at block end), cross (the first axis is what held before the block and what holds after it; the unit fades from
    one to the other), mix (the first half of the rows at block start, the second their change over the block), shared
    (one array for all units).
    Dimensions of 1 are there so that a graph needs no reshaping. An `optional` signal may be left unwired.
    """

    name: str
    dims: "tuple[Dim, ...]"
    low: float
    high: float
    kind: str = "constant"
    dtype: type = np.float32
    optional: bool = False


def stored(dims: Sequence[Dim]) -> tuple[Dim, ...]:
    """The order in which an array lies in memory: lanes first, so that the first n lanes are one piece of it."""
    return ("lanes", *(dim for dim in dims if dim != "lanes")) if "lanes" in dims else tuple(dims)


def lanes_axis(dims: Sequence[Dim]) -> int:
    """Where the lanes are among a unit's own dimensions; 0 where there are none."""
    return dims.index("lanes") if "lanes" in dims else 0


def _ports(*ports: Port) -> dict[str, Port]:
    return {port.name: port for port in ports}


# What the allocator tells every unit of a voice about each lane.
CLOCKS = _ports(
    Port("keep", ("lanes", 1), 0.0, 1.0, "keep"),  # 0 in the block where a note starts: states begin again
    Port("age", ("lanes", 1), -0.01, 2.0, "clock"),  # seconds since the note began, at block start
    Port("off_age", ("lanes", 1), -2.0, 0.3, "clock"),  # seconds since it was let go
    Port("pitch_age", ("lanes", 1), -0.01, 2.0, "clock"),  # seconds since its pitch was chosen (legato: not its onset)
    Port("brightness", ("lanes", 1), -2.0, 2.0),  # octaves up or down, the part's knob
)
TABLES = Port("tables", ("any",), -1.0, 1.0, "shared")  # all periods end to end, each with one guard sample
RISES = "rises"  # from each sample of the tables to the next, for graphs: 4 bytes a sample save two nodes of a block


def rises(tables: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far each sample of the tables is below the next; the last is a guard sample, behind which is nothing."""
    return np.diff(tables, append=tables[-1:])
