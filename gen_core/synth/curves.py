"""Exponentials and sines for kernels, of products and sums alone, so that a compiler does several side by side.

In float64 and to 1e-9 of the largest value: a library's own functions are exact to the last bit, one at a time, and at
ten times the price.
    exp(x) = exp(x / 128)^128, the root by its series;  sin(2 pi x) folded to a quarter period, by its series
    tan(x) = x (10395 - 1260 y + 21 y^2) / (10395 - 4725 y + 210 y^2 - y^3), y = x^2: J. H. Lambert's fraction (1761)
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math

import numpy as np

from gen_core.synth.jit import jit

_LOWEST = -40.0  # exp of less is zero
_SERIES = tuple(1.0 / math.factorial(n) for n in range(10))
_E2, _E3, _E4, _E5, _E6, _E7, _E8, _E9 = _SERIES[2:]
_S1, _S3, _S5, _S7, _S9, _S11, _S13, _S15 = (
    (-1) ** (n // 2) * (2.0 * math.pi) ** n / math.factorial(n) for n in range(1, 16, 2)
)


@jit
def exponential(x):
    """exp(x), x up to 10; 0 below -40."""
    r = max(x, _LOWEST) * (1.0 / 128.0)
    high = ((_E9 * r + _E8) * r + _E7) * r + _E6
    y = (((((high * r + _E5) * r + _E4) * r + _E3) * r + _E2) * r + 1.0) * r + 1.0
    y2 = y * y
    y4 = y2 * y2
    y8 = y4 * y4
    y16 = y8 * y8
    y32 = y16 * y16
    y64 = y32 * y32
    return y64 * y64 if x > _LOWEST else 0.0


@jit
def sine(x):
    """sin(2 pi x)."""
    z = x - np.floor(x + 0.5)
    z = max(min(z, 0.5 - z), -0.5 - z)
    y = z * z
    high = ((_S15 * y + _S13) * y + _S11) * y + _S9
    return ((((high * y + _S7) * y + _S5) * y + _S3) * y + _S1) * z


@jit
def tangent_of_twice(x):
    """tan(2 x), x from 0 to 0.7."""
    y = x * x
    above = x * ((21.0 * y - 1260.0) * y + 10395.0)
    below = ((210.0 - y) * y - 4725.0) * y + 10395.0
    return 2.0 * above * below / (below * below - above * above)
