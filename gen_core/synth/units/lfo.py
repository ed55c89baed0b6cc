"""A low-frequency oscillator for every note: what sways, trembles or wanders while a note is held.

What one hears: nothing by itself; other units turn it into a tremolo, a slow filter, a vowel that moves. Four
sines make every shape, so that a shape is data and no branch:
    lfo(t) = min(1, max(0, (t - delay) / fade)) sum over j of weight_j sin(rate_j t + angle_j)
with t the seconds since the onset. Sine: one of them. Triangle and square: odd harmonics 1, 3, 5, 7 of the Fourier
series, the square's smoothed by Lanczos factors sin(x) / x against ringing (C. Lanczos, "Applied Analysis", 1956,
ch. IV), so that it clicks nowhere. Random: four sines whose rates are as 1 and the roots of 2, 3 and 5, which have
no common measure, so that the wandering never repeats. Every key begins at a phase of its own (`phase_spread`: steps
of the golden ratio, which lie far apart however many they are), so that a chord does not pump as one. Nothing is
carried from block to block; straight between knots. Seconds are a float32, good to 4 us after a minute.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param
from gen_core.synth.jit import jit
from gen_core.synth.knots import abreast
from gen_core.synth.layout import KNOT_FRAMES, Layout, Port
from gen_core.synth.unit import Arrays, Builder, Data, NoteOn, Row, Tensor, Tensors, Unit

_SINES = 4
_GOLDEN = (1.0 + math.sqrt(5.0)) / 2.0
_ODD = np.array([1.0, 3.0, 5.0, 7.0])
_FEW = np.array([1.0, 0.0, 0.0, 0.0])
_SHAPES: dict[str, tuple[NDArray, NDArray]] = {  # rates against the first, and weights; peaks reach 1
    "sine": (_ODD, _FEW),
    "triangle": (_ODD, np.array([1.0, -1.0, 1.0, -1.0]) / _ODD**2 / (1.0 / _ODD**2).sum()),
    "square": (_ODD, np.sinc(_ODD / 8.0) / _ODD * 1.2456),
    "random": (np.array([1.0, 1 / 2**0.5, 0.75 * 3**0.5, 1 / 5**0.5]), np.array([0.3, 0.3, 0.15, 0.25])),
}


def check_shape(value: Any) -> Any:
    """`value` if it is the name of a shape."""
    if value not in _SHAPES:
        raise UsageError(f"an lfo cannot be {value!r}", f"use {', '.join(_SHAPES)}")
    return value


# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Data(id="shape", default="sine", check=check_shape, examples=("triangle", "square", "random")),
    Param(id="rate_hz", low=0.05, high=20.0, default=5.0, unit="Hz", curve="exponential", help="faster is a tone"),
    Param(id="delay_s", low=0.0, high=4.0, default=0.0, unit="s", help="before it begins; longer than most notes"),
    Param(id="fade_s", low=0.001, high=4.0, default=0.1, unit="s", curve="exponential", help="from nothing to full"),
    Param(id="phase", low=0.0, high=1.0, default=0.0, unit="periods", help="where a note begins"),
    Param(id="phase_spread", low=0.0, high=1.0, default=1.0, help="how far the keys of a chord are from each other"),
)

# --- values; state: none --------------------------------------------------------------------------------------------
VALUES = (
    Port("lfo_rate", (_SINES, "lanes", 1), 0.1, 900.0),  # radians a second
    Port("lfo_angle", (_SINES, "lanes", 1), 0.0, 12.6),  # radians
    Port("lfo_weight", (_SINES, "lanes", 1), -1.0, 1.3),
    Port("lfo_fade_rate", ("lanes", 1), 0.25, 1000.0),  # 1/s
    Port("lfo_delay", ("lanes", 1), 0.0, 4.0),  # s
)


def prepare(row: Row, note: NoteOn) -> Mapping[str, Any]:
    """The four sines of the shape, at this key's phase."""
    section = row["lfo"]
    ratios, weights = _SHAPES[section["shape"]]
    apart = note.pitch * (_GOLDEN - 1.0) % 1.0  # neighbouring keys fall far apart
    start = section["phase"] + section["phase_spread"] * apart
    spread = ratios * start if section["shape"] != "random" else start * np.array([1.0, 3.0, 5.0, 7.0])
    return {
        "lfo_rate": 2.0 * math.pi * section["rate_hz"] * ratios,
        "lfo_angle": 2.0 * math.pi * (spread % 1.0),
        "lfo_weight": weights,
        "lfo_fade_rate": 1.0 / section["fade_s"],
        "lfo_delay": section["delay_s"],
    }


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _sway(age, rate, angle, weight, fade_rate, delay, step_s, out):
    """age, fade_rate, delay [V]; rate, angle, weight [4, V]; out [V, knots]."""
    zero, one = np.float32(0.0), np.float32(1.0)
    for v in range(age.size):
        for knot in range(out.shape[1]):
            t = max(age[v] + np.float32(knot * step_s), zero)
            swell = min(max((t - delay[v]) * fade_rate[v], zero), one)
            level = zero
            for j in range(_SINES):
                if weight[j, v] != zero and swell != zero:
                    level += weight[j, v] * np.sin(t * rate[j, v] + angle[j, v])
            out[v, knot] = swell * level


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["lfo"] [lanes, knots], -1..1."""
    values = (inputs[port.name][..., 0] for port in VALUES)
    _sway(inputs["age"][:, 0], *values, KNOT_FRAMES / layout.sample_rate_hz, out["lfo"])


# --- graph ----------------------------------------------------------------------------------------------------------
def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """The formula of the docstring, for all voices and knots at once."""
    t = g.unary("Relu", x["age"] + np.arange(layout.knots) * (KNOT_FRAMES / layout.sample_rate_hz))
    swell = g.clip((t - x["lfo_delay"]) * x["lfo_fade_rate"], 0.0, 1.0)
    angle = abreast(g, t) * x["lfo_rate"] + x["lfo_angle"]  # [V, 4, knots]
    return {"lfo": swell * g.reduce_sum(g.unary("Sin", angle) * x["lfo_weight"], axes=(1,))}, {}


# --- record ---------------------------------------------------------------------------------------------------------
SWAY = Port("lfo", ("lanes", "knots"), -1.0, 1.0, "knots")
LFO = Unit(
    name="lfo",
    sections={"lfo": PARAMS},
    clocks=("age",),
    values=VALUES,
    prepare=prepare,
    outputs=(SWAY,),
    kernel=kernel,
    graph=graph,
    tolerance=1e-5,
)
