"""Sines of whole blocks: phases from pitch at knots, and a cosine that is nothing but multiplications and additions.

On a board a Mul or Add of an array runs four samples at a time, a Sin or Cos one at a time (60 and more instructions
each). So a cosine is folded to a quarter period on either side of zero and read off an odd polynomial,
    d = x - round(x),  u = |d| - 1/4,  y = u^2,  cos(2 pi x) = COSINE u (y^3 + B2 y^2 + B1 y + B0),
the best one in the sense of Chebyshev: its largest error is 6e-7 (-124 dB). The factor COSINE is left to whoever
multiplies the cosine by something anyway. Both renderings evaluate the same polynomial in the same order.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gen_core.synth.jit import jit
from gen_core.synth.knots import trapezoid
from gen_core.synth.layout import KNOT_FRAMES, Layout
from gen_core.synth.unit import Builder, Tensor

COSINE = 70.99339091  # what `cosine` must still be multiplied by
B0, B1, B2 = (np.float32(b) for b in (-0.08850351, 0.58226747, -1.14575121))
_ROUND = np.float32(1.5 * 2.0**23)  # added and taken away again, it rounds a float32 as Round does: half to even

COUNT = np.arange(KNOT_FRAMES, dtype=np.float32)  # 0 … 31: read, not converted, so that loops run many at a time


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def cosine(x):
    """cos(2 pi x) / COSINE of a float32 below 2^22."""
    u = abs(x - ((x + _ROUND) - _ROUND)) - np.float32(0.25)
    y = u * u
    return u * (((y + B2) * y + B1) * y + B0)


@jit
def run(phase, rate, bend, out):
    """Phases of 32 samples in float32: phase + n rate + n^2 bend, periods."""
    for n in range(KNOT_FRAMES):
        out[n] = phase + COUNT[n] * (rate + COUNT[n] * bend)


# --- graph ----------------------------------------------------------------------------------------------------------
def draw_cosine(g: Builder, x: Tensor) -> Tensor:
    """cos(2 pi x) / COSINE, of any shape, in eleven operations."""
    u = g.unary("Abs", x - g.unary("Round", x)) - 0.25
    y = u * u
    return u * (((y + float(B2)) * y + float(B1)) * y + float(B0))


@lru_cache
def _pick_motion(knots: int) -> NDArray[np.float32]:
    """[2 knots, 3 (knots - 1)]: (phases, rates) at knots → phase, rate and rise of the rate, a stretch at a time."""
    matrix = np.zeros((2 * knots, 3 * (knots - 1)), np.float32)
    stretch = np.arange(knots - 1)
    matrix[stretch, 3 * stretch] = 1.0
    matrix[knots + stretch, 3 * stretch + 1] = 1.0
    matrix[knots + stretch, 3 * stretch + 2] = -1.0
    matrix[knots + stretch + 1, 3 * stretch + 2] = 1.0
    return matrix


def phases(g: Builder, layout: Layout, rate: Tensor, begin: Tensor, rows: int) -> tuple[Tensor, Tensor]:
    """Rates at knots [V, rows, knots] and phases at block start, float64 → phases at samples, at block end [.., 1].

    The exact integral of straight lines, wrapped at knots in float64, not wrapped between them.
    """
    knots = rate @ g.constant(trapezoid(layout.knots), np.float64) + begin
    knots = knots - g.unary("Floor", knots)
    ends = g.cast(g.concat([knots, rate], axis=2), np.float32)
    motion = g.reshape(ends @ g.constant(_pick_motion(layout.knots)), (layout.lanes, rows, layout.knots - 1, 3))
    n = np.arange(KNOT_FRAMES)
    position = motion @ g.constant(np.stack([np.ones(KNOT_FRAMES), n, n * n / (2.0 * KNOT_FRAMES)]))
    last = g.slice(knots, layout.knots - 1, layout.knots, axis=2)
    return g.reshape(position, (layout.lanes, rows, layout.block_frames)), last
