"""Constant matrices that turn knots into samples and sums: GEMM is the one thing that is nearly free in a graph."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gen_core.synth.layout import KNOT_FRAMES, Layout, aligned
from gen_core.synth.unit import Builder, Tensor


@lru_cache
def hat(frames: int) -> NDArray[np.float32]:
    """[knots, frames]: straight lines between knots; sample n of a segment weighs its ends by 1 - n/32 and n/32."""
    knots = frames // KNOT_FRAMES + 1
    position = np.arange(frames) / KNOT_FRAMES
    distance = np.abs(position[None, :] - np.arange(knots)[:, None])
    return np.maximum(1.0 - distance, 0.0).astype(np.float32)


@lru_cache
def trapezoid(knots: int, step: int = KNOT_FRAMES) -> NDArray[np.float64]:
    """[knots, knots]: column k integrates a rate given at knots `step` samples apart, from knot 0 to knot k."""
    matrix = np.triu(np.full((knots, knots), float(step)))
    matrix[0, :] /= 2.0
    matrix[np.diag_indices(knots)] /= 2.0
    matrix[0, 0] = 0.0
    return matrix


@lru_cache
def bends(step: int) -> NDArray[np.float32]:
    """[2, step]: what the rates at both ends of a stretch add to a phase, n - n^2 / (2 step) and n^2 / (2 step)."""
    n = np.arange(step)
    bend = n * n / (2.0 * step)
    both = aligned((2, step))
    both[:] = n - bend, bend
    return both


@lru_cache
def between(knots: int, step: int) -> NDArray[np.float64]:
    """[(knots - 1) / step + 1, knots]: values at every `step`-th knot → at all, straight in between."""
    distance = np.abs(np.arange(knots) / step - np.arange((knots - 1) // step + 1)[:, None])
    return np.maximum(1.0 - distance, 0.0)


@lru_cache
def ends(frames: int) -> NDArray[np.float32]:
    """[2, frames]: ports of kind "ramp", straight from the value at block start to the value at block end."""
    share = np.arange(frames) / frames
    both = aligned((2, frames))
    both[:] = 1.0 - share, share
    return both


@lru_cache
def _pick_line(knots: int) -> NDArray[np.float32]:
    """[knots, 2 (knots - 1)]: values at knots → value and rise, a stretch at a time."""
    matrix = np.zeros((knots, 2 * (knots - 1)), np.float32)
    stretch = np.arange(knots - 1)
    matrix[stretch, 2 * stretch] = 1.0
    matrix[stretch, 2 * stretch + 1] = -1.0
    matrix[stretch + 1, 2 * stretch + 1] = 1.0
    return matrix


def abreast(g: Builder, x: Tensor) -> Tensor:
    """[V, n] → [V, 1, n]: beside rows of the same lane."""
    return g.reshape(x, (0, 1, -1))  # 0: as many as there are


def row(g: Builder, x: Tensor, number: int) -> Tensor:
    """[V, rows, n] → [V, n]. A Gather of few rows has half the price of a Slice."""
    return g.gather(x, g.constant(number, np.int64), axis=1)


def lines(g: Builder, layout: Layout, x: Tensor, *rows: int) -> Tensor:
    """Values at knots [V, *rows, knots] → at samples [V, *rows, frames], straight in between.

    The same as a product with `hat`, whose columns are nearly all zeros: two small products in place of one large.
    Of two or three rows the large one is cheaper by a few thousand instructions, but 35 KB of the book in every voice.
    """
    n = np.arange(KNOT_FRAMES) / KNOT_FRAMES
    stretches = x @ g.constant(_pick_line(layout.knots))
    pairs = g.reshape(stretches, (layout.lanes, *rows, layout.knots - 1, 2))
    return g.reshape(pairs @ g.constant(np.stack([np.ones_like(n), n])), (layout.lanes, *rows, layout.block_frames))
