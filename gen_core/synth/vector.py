"""Sixteen numbers at once, for kernels: what a processor does side by side is written side by side.

A compiler finds such loops by itself only where nothing looks up a table, carries a state from sample to sample, or
changes rows for columns; those are what a voice spends its time on. Here they are spelled out:

    y = load(x, n) * splat(gain) + load(z, n)
    store(out, n, y)

Vectors know + - * among themselves, a product and a sum in one rounding. To the compiler one is LLVM's <16 x float>,
which any processor has, in as many registers as it takes (`vector_code.py`); without the compiler, an array of numpy.
Rows must be contiguous; nothing is checked.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

WIDE = 16


def load(x, at):
    """x[at : at + 16], float32."""
    return x[at : at + WIDE].copy()


def store(x, at, vector):
    """x[at : at + 16] = vector; of uint32, what is behind the point is dropped."""
    x[at : at + WIDE] = vector


def splat(number):
    """Sixteen times the same number."""
    return np.full(WIDE, number, np.float32)


def floor(vector):
    """The largest whole numbers that are not larger."""
    return np.floor(vector)


def magnitude(vector):
    """Without signs."""
    return np.abs(vector)


def smaller(a, b):
    """The smaller of each two."""
    return np.minimum(a, b)


def larger(a, b):
    """The larger of each two."""
    return np.maximum(a, b)


def largest(vector):
    """The largest of the sixteen."""
    return vector.max()


def look_up(x, places, parts, at, out):
    """out[n] = x[p] + part (x[p + 1] - x[p]), sixteen from n = at on; p = places[n], uint32, part = parts[n]."""
    these = places[at : at + WIDE].astype(np.int64)
    low = x[these]
    out[at : at + WIDE] = low + parts[at : at + WIDE] * (x[these + 1] - low)


def turned(x, rows, column, out):
    """Rows for columns: out[16 n + v] = x[rows[v], column + n] for sixteen rows of x, named in `rows`."""
    out[: WIDE * WIDE] = x[rows[:WIDE], column : column + WIDE].T.reshape(-1)


def turned_back(x, at, rows, column, out):
    """The way back: out[rows[v], column + n] = x[at + 16 n + v]. A row that is named twice is written twice."""
    out[rows[:WIDE], column : column + WIDE] = x[at : at + WIDE * WIDE].reshape(WIDE, WIDE).T
