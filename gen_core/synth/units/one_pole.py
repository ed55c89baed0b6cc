"""A one-pole filter: the gentlest low and high pass, 6 dB an octave, mixed as the patch says.

What one hears: a soft voice, without a corner or a ring; moved by key, velocity and modulation envelope as the
state-variable filter is. A resistor and a capacitor, solved exactly for an input that stays for a sample (J. O. Smith,
"Introduction to Digital Filters", "One-pole"; V. Zavalishin, "The Art of VA Filter Design" 2.1.2 (2018), 3.1):
    s(n) = s(n-1) + w (x(n) - s(n-1)),  w = 1 - exp(-2 h),  h = pi cutoff / rate
    y = low s + high (x - s)
Cutoff holds for segments of 64 samples. -3 dB lies within 2 % of the cutoff below a twelfth of the rate; higher, it
opens later than the circuit would, up to a filter that lets everything pass.

The same, solved for a block: a step of n samples multiplies the state by exp(-2 h n), and the exponents of any two
places of a block are sums of h. So sixteen samples are one triangle of exponentials for each segment, and all states at
the starts of such steps one more triangle for each lane; nothing is walked through. w = 2 t / (1 + t) with
t = tanh(h), which loses no digits where the cutoff is low.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.param import Param
from gen_core.synth.jit import allocating, jit
from gen_core.synth.knots import row
from gen_core.synth.layout import SEGMENT_FRAMES, Layout, Port
from gen_core.synth.unit import SETTLED, Arrays, Builder, NoteOn, Row, State, Tensor, Tensors, Unit, settle
from gen_core.synth.units.envelope import ENVELOPES

_STEP = 16  # samples of a triangle: smaller ones are cheaper to fill, and the one of the states grows
_ABREAST = 8  # voices that the kernel runs side by side
_LN2 = math.log(2.0)
_LOG_HIGHEST = math.log(10.0)  # all open; higher, an exponent of zero times infinity is no number
_MIDDLE_VELOCITY = 96  # where a patch's cutoff is as written: a firm mezzo-forte

# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Param(id="cutoff_hz", low=20.0, high=18000.0, default=1000.0, unit="Hz", curve="exponential", help="at middle C"),
    Param(id="key_track", low=0.0, high=1.5, default=0.5, help="octaves of cutoff an octave of key"),
    Param(id="bend_octaves", low=-6.0, high=6.0, default=0.0, unit="octaves", help="times the modulation envelope"),
    Param(id="velocity_octaves", low=0.0, high=4.0, default=1.0, unit="octaves", help="from softest to loudest"),
    Param(id="low", low=-1.0, high=1.0, default=1.0),
    Param(id="high", low=-1.0, high=1.0, default=0.0),
)

# --- values ---------------------------------------------------------------------------------------------------------
VALUES = (
    Port("log_cutoff", ("lanes", 1), -6.5, 0.3),  # ln h
    Port("cutoff_bend", ("lanes", 1), -4.0, 4.0),  # ln, times the modulation envelope
    Port("below", ("lanes", 1), -4.0, 4.0),  # of s, twice: 2 (low - high)
    Port("straight", ("lanes", 1, 1, 1), -1.0, 1.0),  # of x: high
)


def prepare(row: Row, note: NoteOn) -> Mapping[str, float]:
    """The cutoff at this key and velocity, and the mix."""
    section = row["one_pole"]
    octaves = section["key_track"] * (note.pitch - 60) / 12.0
    octaves += section["velocity_octaves"] * (note.velocity - _MIDDLE_VELOCITY) / 127.0
    return {
        "log_cutoff": math.log(math.pi * section["cutoff_hz"] / note.layout.sample_rate_hz) + octaves * _LN2,
        "cutoff_bend": section["bend_octaves"] * _LN2,
        "below": 2.0 * (section["low"] - section["high"]),
        "straight": section["high"],
    }


# --- state ----------------------------------------------------------------------------------------------------------
STATE = (State("s", ("lanes", 1, 1)),)  # graph: times low - high


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _run(x, y, w, s):
    """One segment of `_ABREAST` voices at once: x, y [64, voices]; w, s [voices]; y is s after each sample."""
    for n in range(SEGMENT_FRAMES):
        for v in range(_ABREAST):  # independent, so the processor overlaps them
            s[v] += w[v] * (x[n, v] - s[v])
            y[n, v] = s[v]


@allocating
def _filter(source, envelope, keep, log_cutoff, cutoff_bend, below, straight, state, out):
    """source, out [V, frames]; envelope [V, knots]; the rest [V]."""
    voices = out.shape[0]
    s, w = np.zeros(_ABREAST), np.zeros(_ABREAST)
    x, y = np.zeros((SEGMENT_FRAMES, _ABREAST)), np.zeros((SEGMENT_FRAMES, _ABREAST))
    for first in range(0, voices, _ABREAST):
        count = min(_ABREAST, voices - first)
        if not below[first : first + count].any() and not straight[first : first + count].any():  # idle lanes
            out[first : first + count] = 0.0
            continue
        for v in range(count):
            s[v] = state[first + v] * keep[first + v]
        for segment in range(out.shape[1] // SEGMENT_FRAMES):
            here = slice(segment * SEGMENT_FRAMES, (segment + 1) * SEGMENT_FRAMES)
            for v in range(count):
                bend = cutoff_bend[first + v] * envelope[first + v, 2 * segment + 1]
                h = np.exp(min(np.float64(log_cutoff[first + v] + bend), _LOG_HIGHEST))
                w[v] = -np.expm1(-2.0 * h)
                x[:, v] = source[first + v, here]
            _run(x, y, w, s)
            for v in range(count):
                out[first + v, here] = 0.5 * below[first + v] * y[:, v] + straight[first + v] * x[:, v]
        for v in range(count):
            state[first + v] = s[v] - min(max(s[v], -SETTLED), SETTLED)


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["filtered"] [lanes, frames]."""
    log_cutoff = inputs["log_cutoff"][:, 0] + np.float32(_LN2) * inputs["brightness"][:, 0]
    mix = inputs["cutoff_bend"][:, 0], inputs["below"][:, 0], inputs["straight"][:, 0, 0, 0]
    signals = inputs["source"], inputs["envelope"][1], inputs["keep"][:, 0]
    _filter(*signals, log_cutoff, *mix, state["s"][:, 0, 0], out["filtered"])


# --- graph ----------------------------------------------------------------------------------------------------------
_NEVER = -1e30  # times any h: the exponent of what lies in the future, where exp() is zero


@lru_cache
def _within() -> NDArray[np.float32]:
    """[16 * 16]: sample m, sample n → exponent of the decay between, in units of h."""
    late = np.arange(_STEP)[None, :] - np.arange(_STEP)[:, None]
    return np.where(late >= 0, -2.0 * late, _NEVER).astype(np.float32).reshape(-1)


@lru_cache
def _across(segments: int) -> NDArray[np.float32]:
    """[segments, (1 + steps) * (steps + 1)]: how much of each segment's h decays between two places of a block.

    Rows of the triangle that it fills: the state at block start, then the ends of all steps. Columns: the first sample
    of every step, then the last of the block.
    """
    steps = segments * SEGMENT_FRAMES // _STEP
    ends, firsts = np.arange(steps + 1) * _STEP, np.append(np.arange(steps) * _STEP + 1, steps * _STEP)
    begins = np.arange(segments)[:, None] * SEGMENT_FRAMES
    spent = [np.clip(place[None, :] - begins, 0, SEGMENT_FRAMES) for place in (ends, firsts)]
    late = spent[1][:, None, :] - spent[0][:, :, None]
    exponent = np.where(firsts[None, :] >= ends[:, None], -2.0 * late, _NEVER)
    return exponent.astype(np.float32).reshape(segments, -1)


def _cutoffs(g: Builder, layout: Layout, x: Mapping[str, Tensor]) -> Tensor:
    """h of every segment, [V, S]."""
    envelope = g.slice(row(g, x["envelope"], 1), 1, layout.knots, axis=1, step=2)
    base = x["brightness"] * _LN2 + x["log_cutoff"]
    return g.unary("Exp", g.minimum(envelope * x["cutoff_bend"] + base, _LOG_HIGHEST))


def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """What each step leaves behind, the states at all starts, then their decay."""
    lanes, segments, steps = layout.lanes, layout.segments, layout.block_frames // _STEP
    shape = (lanes, segments, SEGMENT_FRAMES // _STEP, _STEP)
    h = _cutoffs(g, layout, x)
    t = g.unary("Tanh", h)
    w = g.reshape(t / (t + 1.0) * x["below"], (lanes, segments, 1, 1))
    source = g.reshape(x["source"], shape)

    within = g.unary("Exp", g.reshape(h, (lanes, segments, 1)) * g.constant(_within()))
    within = g.reshape(within, (lanes, segments, _STEP, _STEP))
    fresh = (source * w) @ within  # as if every step began at rest
    left = g.reshape(g.slice(fresh, _STEP - 1, _STEP, axis=3), (lanes, 1, steps))
    begin = state["s"] * g.reshape(x["keep"], (lanes, 1, 1))
    across = g.reshape(g.unary("Exp", h @ g.constant(_across(segments))), (lanes, steps + 1, steps + 1))
    starts, end = g.split(g.concat([begin, left], axis=2) @ across, (steps, 1), axis=2)
    decay = g.slice(within, 0, 1, axis=2)
    below = fresh + g.reshape(starts, (*shape[:3], 1)) * decay
    filtered = g.reshape(below + source * x["straight"], (lanes, layout.block_frames))
    return {"filtered": filtered}, {"s": settle(g, end)}


# --- record ---------------------------------------------------------------------------------------------------------
ONE_POLE = Unit(
    name="one_pole",
    sections={"one_pole": PARAMS},
    inputs=(Port("source", ("lanes", "frames"), -1.0, 1.0, "frames"), ENVELOPES),
    clocks=("keep", "brightness"),
    values=VALUES,
    prepare=prepare,
    outputs=(Port("filtered", ("lanes", "frames"), -1.0, 1.0, "frames"),),
    state=STATE,
    kernel=kernel,
    graph=graph,
    tolerance=1e-5,
)
