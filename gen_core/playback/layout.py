"""What the allocator hands to an engine, block by block: the one table of lane values.

Both renderings (kernel and graph) read exactly these arrays, so parity is a plain comparison. Values that move
(envelopes, pitch, gain) are known at knots every `KNOT_FRAMES` and straight lines between them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KNOT_FRAMES = 32  # 0.67 ms: straight lines this short are envelopes to the ear, and 17 knots are cheap to compute
SEGMENT_FRAMES = 64  # filter coefficients hold this long; 1.3 ms steps of a smoothed cutoff are inaudible
TABLE_FRAMES = 2048  # one period; linear interpolation of harmonic h errs by (h/2048)^2, so 11 harmonics by -90 dB
HELD_S = -1e6  # `off_age` of a note that is still held: far before any release


@dataclass(frozen=True)
class Layout:
    """The sizes that a graph is drawn for."""

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

    def shape(self, dims: Iterable[str | int]) -> tuple[int, ...]:
        """Named dimensions in numbers: ("lanes", "frames") → (32, 512). A name without a size here is 1."""
        sizes = {"lanes": self.lanes, "frames": self.block_frames, "knots": self.knots, "any": 1}
        return tuple(dim if isinstance(dim, int) else sizes[dim] for dim in dims)


@dataclass(frozen=True)
class Port:
    """One array that goes into a unit. `kind` says what half a block of it means:

    constant (the same), clock (seconds at block start), keep (1 after the first block), start (0 after the first
    block), frames and knots (the last axis is time), mix (first half of the rows: start; second half: change over
    the block), ramp (start and end value). Dimensions of 1 are there so that a graph needs no reshaping.
    """

    name: str
    dims: tuple[str | int, ...]
    low: float
    high: float
    kind: str = "constant"
    dtype: type = np.float32


def _ports(*ports: Port) -> dict[str, Port]:
    return {port.name: port for port in ports}


# Rates are given as 1/s, so that neither rendering divides; log_ means natural logarithm.
LANES = _ports(
    Port("keep", ("lanes", 1), 0.0, 1.0, "keep"),  # 0 in the block where a note starts: states begin again
    Port("age", ("lanes", 1), -0.01, 2.0, "clock"),  # seconds since the note began, at block start
    Port("off_age", ("lanes", 1), -2.0, 0.3, "clock"),  # seconds since it was let go
    Port("increment", (2, "lanes", 1), 1e-4, 0.25, dtype=np.float64),  # periods a sample, two oscillators
    Port("phase_start", (2, "lanes", 1), 0.0, 1.0, "start", np.float64),  # periods, added when a note starts
    Port("table", (2, "lanes", 1), 0, 0, dtype=np.int32),  # where the oscillator's period begins in `tables`
    Port("bend_depth", ("lanes", 1), -36.0, 12.0, dtype=np.float64),  # semitones at the onset, dying away
    Port("bend_rate", ("lanes", 1), 0.5, 200.0, dtype=np.float64),  # 1/s
    Port("vibrato_depth", ("lanes", 1), 0.0, 2.0, dtype=np.float64),  # semitones
    Port("vibrato_rate", ("lanes", 1), 1.0, 60.0, dtype=np.float64),  # radians a second
    Port("vibrato_onset", ("lanes", 1), 0.5, 1000.0, dtype=np.float64),  # 1/s: how fast it swells
    Port("attack", (2, "lanes", 1), 0.0005, 4.0),  # s; envelopes: 0 amplitude, 1 modulation
    Port("attack_rate", (2, "lanes", 1), 0.25, 2000.0),  # 1/attack
    Port("decay_rate", (2, "lanes", 1), 0.2, 1000.0),  # 1/time constant
    Port("sustain", (2, "lanes", 1), 0.0, 1.0),
    Port("release_rate", (2, "lanes", 1), 0.2, 1000.0),  # 1/time constant
    Port("level", (3, "lanes", 1), -1.0, 1.0),  # oscillator 1, oscillator 2, noise
    Port("level_bend", (3, "lanes", 1), -1.0, 1.0),  # the same, times the modulation envelope
    Port("log_cutoff", ("lanes", 1, 1), -6.5, 0.3),  # ln(pi * cutoff / sample rate)
    Port("cutoff_bend", ("lanes", 1, 1), -4.0, 4.0),  # ln, times the modulation envelope
    Port("filter_map", ("lanes", 4, 5), -20.0, 20.0),  # see filter_map()
    Port("mix", (6, "lanes"), -1.0, 1.0, "mix"),  # left, right, send at block start; their change over the block
    Port("volume", (1, 2), 0.0, 2.0, "ramp"),  # at block start, at block end
    Port("tables", ("any",), -1.0, 1.0),  # all periods end to end, each with one guard sample
)


def filter_map(q: float, low: float, band: float, high: float) -> NDArray[np.float32]:
    """[4, 5]: how (1, a1, a2, a3) of a trapezoidal state-variable filter make what a block form of it needs.

    The columns are output weights of the rotated state (u_r, u_i), the direct path (D) and the input weights of the
    rotated state (b_r, b_i); units/svf.py has the derivation. `q` above 0.5 (poles must be a pair), `low`, `band`,
    `high` are the gains of the three outputs; band has its peak at 1. A kernel finds in it the damping k = 1/q
    ([3, 3]) and the plain mixing weights of input, band and low state ([0, 2], [2, 2], [3, 2]).
    """
    k = 1.0 / q
    d = np.sqrt(4.0 - k * k)
    m0, m1, m2 = high, k * (band - high), low - high
    rows = [
        [0.0, 2.0 * m2 / d, m0, 0.0, 0.0],
        [m1, -k * m1 / d, 0.0, 0.0, 0.0],
        [m2, -(2.0 * m1 + k * m2) / d, m1, 2.0, 0.0],
        [0.0, -2.0 * m2 / d, m2, k, d],
    ]
    return np.array(rows, np.float32)


# What a note writes, in the order in which it lies in memory: one column of each array, and no name looked up.
_ENVELOPES = ("attack", "attack_rate", "decay_rate", "sustain", "release_rate")
SINGLES = (*_ENVELOPES, "level", "level_bend", "log_cutoff", "cutoff_bend")
DOUBLES = ("increment", "bend_depth", "bend_rate", "vibrato_depth", "vibrato_rate", "vibrato_onset")


def column(values: Mapping[str, NDArray | float], names: Sequence[str], dtype: type) -> NDArray:
    """The values of a note under `names` as one column of `LaneArrays`."""
    return np.concatenate([np.ravel(values[name]) for name in names]).astype(dtype)


class LaneArrays:
    """All lane arrays but the tables, silent. `arrays` are views by name; a note is written by columns."""

    def __init__(self, layout: Layout) -> None:
        self.arrays: dict[str, NDArray] = {
            name: np.zeros(layout.shape(port.dims), port.dtype) for name, port in LANES.items() if name != "tables"
        }
        self.singles = self._pack(SINGLES, np.float32)  # [rows, lanes]
        self.doubles = self._pack(DOUBLES, np.float64)
        self.arrays["off_age"][:] = HELD_S
        self.arrays["keep"][:] = 1.0

    def _pack(self, names: Sequence[str], dtype: type) -> NDArray:
        lanes = self.arrays["keep"].size
        sizes = [self.arrays[name].size // lanes for name in names]
        block: NDArray = np.zeros((sum(sizes), lanes), dtype)
        for name, size, end in zip(names, sizes, np.cumsum(sizes), strict=True):
            self.arrays[name] = block[end - size : end].reshape(self.arrays[name].shape)
        return block


def empty_lanes(layout: Layout) -> dict[str, NDArray]:
    """All lane arrays but the tables, silent."""
    return LaneArrays(layout).arrays
