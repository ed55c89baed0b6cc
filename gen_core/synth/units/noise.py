"""White noise, one stream for all voices, split into eight bands an octave apart: every voice colours its own.

What one hears: breath, snare wires, cymbals. Drum machines share one noise source among their voices as well; here
its bands are shared too, so that a filter for noise is eight gains, one small matrix product for all voices.

Sample n is a hash of n, so a block can begin anywhere, and look back without remembering:
    x = n m mod 2^32, x = x (x / 2^16) mod 2^32, x = x (x + x / 2^15) mod 2^32;  y = x / 2^31
with signed integers that wrap and divisions that round towards zero: products alone, for a graph has no cheap exclusive
or. One product leaves products of three and of four samples correlated (by 0.1 to 0.2); after two, whatever was
measured is as with a library's generator: over 8 s the largest autocorrelations of samples, signs and squares (0.008),
the largest line of the spectrum, the histogram, products of three and of four. The multiplier: C. Wellons, "Prospecting
for hash functions" (2018); products with oneself as in B. Widynski, "Squares: a fast counter-based RNG" (2020).
The counter repeats after 2^32 samples (24 h at 48 kHz).

Bands: between low passes (sinc under a Hann window, two zeros either side, so an octave of slope each) at a quarter
of the rate, an eighth, … down to 1/256: 12 kHz, 6, 3, 1.5 kHz, 750, 375 and 188 Hz at 48 kHz. Their sum is the white
noise again, to -62 dB. For a block: rows of 32 samples beside their neighbours are the whole input
of the four upper bands, one matrix product. The four lower ones see every eighth sample of a low-passed row, a
sixth of the products; their matrix also interpolates, by least squares over white noise, which no aliasing beats.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.param import Param
from gen_core.synth.jit import jit
from gen_core.synth.layout import KNOT_FRAMES, Layout, Port
from gen_core.synth.unit import Arrays, Builder, State, Tensor, Tensors, Unit

_MULTIPLIER = 0x7FEB352D
_SHIFTS = (16, 15)
_SCALE = np.float32(2.0**-31)

BANDS = 8
_ROW = KNOT_FRAMES
_UPPER = 4  # bands that are made at the full rate
_THIN = 8  # the lower ones see every eighth sample
_PER_ROW = _ROW // _THIN
_NEAR = 1  # rows either side that the upper bands and the thinning see
_FAR = 5  # rows of thinned samples either side that the lower bands see
_EDGES = tuple(2.0**-octave for octave in range(8, 1, -1))  # cycles a sample
_REACH = (160, 128, 64, 32, 16, 8, 4)  # samples either side: two zeros of each sinc; 1.25 of the longest
_THINNING = (0.05, 28)  # the low pass before: edge and reach

# --- parameters: a voice's own use of the noise; whoever mixes it in reads them -------------------------------------
COLOUR = (
    Param(
        id="low_hz",
        low=20.0,
        high=12000.0,
        default=20.0,
        unit="Hz",
        curve="exponential",
        help="less below; steps of an octave's slope",
    ),
    Param(
        id="high_hz",
        low=150.0,
        high=20000.0,
        default=20000.0,
        unit="Hz",
        curve="exponential",
        help="less above; the lowest band is one piece",
    ),
    Param(
        id="tilt_db",
        low=-12.0,
        high=12.0,
        default=0.0,
        unit="dB an octave",
        help="-3 is pink, -6 brown; steeper is a band",
    ),
)
PARAMS = (
    Param(id="level", low=0.0, high=1.0, default=0.0, help="1 is as loud as white noise from -1 to 1, in any colour"),
    Param(id="level_bend", low=-1.0, high=1.0, default=0.0, help="added, times the modulation envelope"),
    Param(id="velocity_db", low=-24.0, high=48.0, default=0.0, unit="dB", help="velocity 0 to 127; as written at 96"),
    *COLOUR,
)


def edges_hz(sample_rate_hz: int) -> NDArray[np.float64]:
    """[7]: where one band gives over to the next (both 6 dB down)."""
    return sample_rate_hz * np.array(_EDGES)


def colour(section: Mapping[str, float], layout: Layout) -> NDArray[np.float64]:
    """[8]: gains of the bands for `low_hz`, `high_hz` and `tilt_db` of a section; the loudness is that of white noise.

    A band of which the edges leave a part has the power of that part.
    """
    limits = np.array([0.0, *edges_hz(layout.sample_rate_hz), layout.sample_rate_hz / 2.0])
    low, high = section["low_hz"], max(section["high_hz"], section["low_hz"])
    open_hz = np.minimum(limits[1:], high) - np.maximum(limits[:-1], low * (low > COLOUR[0].low))
    share = np.maximum(open_hz / np.diff(limits), 1e-6)
    octaves = np.log2(limits[1:] / math.sqrt(2.0) / 1000.0)
    gains = np.sqrt(share) * 10.0 ** (section["tilt_db"] * octaves / 20.0)
    return np.asarray(gains / math.sqrt(gains @ powers() @ gains))


# --- the bank -------------------------------------------------------------------------------------------------------
def _low_pass(edge: float, reach: int) -> NDArray[np.float64]:
    """[2 reach + 1]: a sinc under a Hann window; its gain is 1 at 0 Hz and 1/2 at `edge`, in cycles a sample."""
    n = np.arange(-reach, reach + 1)
    taps = np.sinc(2.0 * edge * n) * np.cos(np.pi * n / (2 * reach + 2)) ** 2
    return np.asarray(taps / taps.sum())


def _rows_of(taps: NDArray, centres: NDArray, size: int) -> NDArray[np.float64]:
    """[size, centres]: columns with the taps around each centre."""
    matrix = np.zeros((size, centres.size))
    for column, centre in enumerate(centres):
        first = centre - taps.size // 2
        matrix[first : first + taps.size, column] = taps
    return matrix


def _ideal(size: int, first: int) -> NDArray[np.float64]:
    """[8, size, 32]: each band of the row that begins at sample `first`, from `size` samples of white noise."""
    centres = first + np.arange(_ROW)
    passes = [_rows_of(_low_pass(edge, reach), centres, size) for edge, reach in zip(_EDGES, _REACH, strict=True)]
    whole = _rows_of(np.ones(1), centres, size)
    return np.diff(np.array([0.0 * whole, *passes, whole]), axis=0)


@lru_cache
def _bank() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Thinning [96, 4], lower bands [4, 44, 32] of thinned samples, upper bands [4, 96, 32] of samples."""
    near = (2 * _NEAR + 1) * _ROW
    thin = _rows_of(_low_pass(*_THINNING), _NEAR * _ROW + _THIN // 2 - 1 + _THIN * np.arange(_PER_ROW), near)
    seen, size = (2 * _FAR + 1) * _PER_ROW, (2 * (_FAR + _NEAR) + 1) * _ROW
    known = np.zeros((size, seen))
    for row in range(2 * _FAR + 1):
        known[row * _ROW : row * _ROW + near, row * _PER_ROW : (row + 1) * _PER_ROW] = thin
    wanted = _ideal(size, (_FAR + _NEAR) * _ROW)[: BANDS - _UPPER]
    normal = known.T @ known
    normal += 1e-9 * np.trace(normal) / seen * np.eye(seen)
    lower = np.linalg.solve(normal, known.T @ wanted)
    # the shorter of the low passes lie within a row and its two neighbours
    upper = _ideal(size, (_FAR + _NEAR) * _ROW)[BANDS - _UPPER :, _FAR * _ROW : _FAR * _ROW + near]
    return thin.astype(np.float32), lower.astype(np.float32), upper.astype(np.float32)


@lru_cache
def powers() -> NDArray[np.float64]:
    """[8, 8]: mean products of the bands, for white noise of power 1; they sum to 1."""
    size = 2 * _REACH[0] + _ROW
    bands = _ideal(size, _REACH[0])
    return np.asarray(np.einsum("isn,jsn->ij", bands, bands) / _ROW)


def _rows(frames: int) -> tuple[int, int, int]:
    """Rows of a block: that come out, that are thinned, that are hashed."""
    out = frames // _ROW
    return out, out + 2 * _FAR, out + 2 * (_FAR + _NEAR)


# --- state ----------------------------------------------------------------------------------------------------------
STATE = (State("counter", (1,), start=1.0, dtype=np.int32),)  # number of the earliest sample that the next block needs


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _hash(counter, out):
    multiplier = np.int32(_MULTIPLIER)
    for n in range(out.size):
        x = np.int32(np.int32(counter + np.int32(n)) * multiplier)
        x = np.int32(x * ((x + (x >> np.int32(31) & np.int32(0xFFFF))) >> np.int32(16)))
        x = np.int32(x * (x + ((x + (x >> np.int32(31) & np.int32(0x7FFF))) >> np.int32(15))))
        out[n] = np.float32(x) * _SCALE


@jit
def _product(row, matrix, out):
    """out [32] = row [k] @ matrix [k, 32], k a multiple of 4: so many products for each time that out is stored."""
    out[:] = 0.0
    for k in range(0, row.size, 4):
        for m in range(_ROW):
            first = row[k] * matrix[k, m] + row[k + 1] * matrix[k + 1, m]
            out[m] += first + (row[k + 2] * matrix[k + 2, m] + row[k + 3] * matrix[k + 3, m])


@jit
def _split(white, thinned, thin, lower, upper, out):
    """white [rows * 32], thinned [rows * 4] is scratch, out [8, frames]."""
    near, seen = thin.shape[0], lower.shape[1]
    for row in range(thinned.size // _PER_ROW):
        here = white[row * _ROW : row * _ROW + near]
        for sample in range(_PER_ROW):
            total = np.float32(0.0)
            for k in range(near):
                total += here[k] * thin[k, sample]
            thinned[row * _PER_ROW + sample] = total
    for row in range(out.shape[1] // _ROW):
        far = thinned[row * _PER_ROW : row * _PER_ROW + seen]
        here = white[(row + _FAR) * _ROW : (row + _FAR) * _ROW + near]
        for band in range(lower.shape[0]):
            _product(far, lower[band], out[band, row * _ROW : (row + 1) * _ROW])
        for band in range(upper.shape[0]):
            _product(here, upper[band], out[lower.shape[0] + band, row * _ROW : (row + 1) * _ROW])


@jit
def mix_bands(bands, colours, out):
    """out [frames] = colours [8] @ bands [8, frames]: one voice's noise, for the kernels of those who use it."""
    b0, b1, b2, b3, b4, b5, b6, b7 = bands[0], bands[1], bands[2], bands[3], bands[4], bands[5], bands[6], bands[7]
    for n in range(out.size):
        low = (colours[0] * b0[n] + colours[1] * b1[n]) + (colours[2] * b2[n] + colours[3] * b3[n])
        high = (colours[4] * b4[n] + colours[5] * b5[n]) + (colours[6] * b6[n] + colours[7] * b7[n])
        out[n] = low + high


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["noise"] [8, frames], the sum of the bands -1..1."""
    _, thinned, hashed = _rows(layout.block_frames)
    white, few = np.empty(hashed * _ROW, np.float32), np.empty(thinned * _PER_ROW, np.float32)
    _hash(state["counter"][0], white)
    _split(white, few, *_bank(), out["noise"])
    state["counter"] += np.int32(layout.block_frames)


# --- graph ----------------------------------------------------------------------------------------------------------
def _beside(g: Builder, x: Tensor, rows: int, either: int, width: int) -> Tensor:
    """[rows, (2 either + 1) * width]: every row of x with its neighbours."""
    which = np.arange(rows)[:, None] + np.arange(2 * either + 1)
    return g.reshape(g.gather(x, g.constant(which, np.int64)), (rows, (2 * either + 1) * width))


def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """Division stands for the shift, which onnxruntime has for unsigned integers only."""
    counter, (rows, thinned, hashed) = state["counter"], _rows(layout.block_frames)
    bank = _bank()
    thin, lower, upper = g.constant(bank[0] * _SCALE), g.constant(bank[1]), g.constant(bank[2] * _SCALE)
    value = g.constant(np.arange(hashed * _ROW).reshape(hashed, _ROW), np.int32) + counter
    value = value * _MULTIPLIER
    value = value * (value / 2 ** _SHIFTS[0])
    value = value * (value + value / 2 ** _SHIFTS[1])
    near = _beside(g, g.cast(value, np.float32), thinned, _NEAR, _ROW)
    low = _beside(g, near @ thin, rows, _FAR, _PER_ROW) @ lower  # [4, rows, 32]
    high = g.gather(near, g.constant(_FAR + np.arange(rows), np.int64)) @ upper
    bands = g.reshape(g.concat([low, high], axis=0), (BANDS, layout.block_frames))
    return {"noise": bands}, {"counter": counter + layout.block_frames}


# --- record ---------------------------------------------------------------------------------------------------------
NOISES = Port("noise", (BANDS, "frames"), -0.5, 0.5, "frames", optional=True)
NOISE = Unit(
    name="noise",
    sections={"noise": PARAMS},
    outputs=(NOISES,),
    state=STATE,
    kernel=kernel,
    graph=graph,
    tolerance=1e-6,
)
