"""A chorus: four copies of the sound, each a little late, by times that slowly swing.

What one hears: one player becomes a section, wide in the room. Two delays a side, their sweeps a quarter period apart:
    delay_v(t) = delay s_v + depth sin(2 pi (phase + v / 4)),   y_v(n) = line(n - delay_v(n))
J. Dattorro, "Effect design, part 2: delay-line modulation and chorus", JAES 45 (1997). A straight line between samples
would dull the sound by as much as 3 dB at 12 kHz, and by an amount that swings; so the line holds twice as many
samples, those between by a half-band interpolator (eight taps of a Kaiser-windowed sinc), and is read by straight lines
among them: 0.7 dB at 12 kHz, at worst.
Nothing feeds back. Delays are known at knots (every 32 samples, float64) and straight in between, so a block is a
matrix product and two gathers. Rate, depth, delay and level glide over a block.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.param import Param
from gen_core.synth.jit import allocating, jit
from gen_core.synth.knots import ends, hat
from gen_core.synth.layout import KNOT_FRAMES, Layout, Port
from gen_core.synth.unit import Arrays, Builder, Row, Stage, State, Tensor, Tensors, Unit

_SPREAD = np.array(
    [0.85, 1.15, 1.0, 1.3]
)  # of the delays, so that copies never fall together; left, right, left, right
_MIX = np.array([[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]]) * math.sqrt(0.5)
_TAPS = 8  # of the interpolator
_KAISER = 4.0  # flat within 0.2 dB to a third of the sample rate

# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Param(id="rate_hz", low=0.05, high=5.0, default=0.6, unit="Hz", curve="exponential", help="of the sweep"),
    Param(id="depth_ms", low=0.0, high=5.0, default=1.5, unit="ms", help="each way; always less than the delay"),
    Param(id="delay_ms", low=8.0, high=25.0, default=14.0, unit="ms", help="longer is heard as an echo"),
    Param(id="level", low=0.0, high=1.0, default=0.7),
)
_LONGEST_S = (PARAMS[2].high * _SPREAD.max() + PARAMS[1].high) / 1000.0

# --- values ---------------------------------------------------------------------------------------------------------
VALUES = (
    Port("chorus_rate", (1, 2), 0.0, 1e-3, "ramp", np.float64),  # periods a sample
    Port("chorus_depth", (1, 2), 0.0, 2000.0, "ramp", np.float64),  # in half samples
    Port("chorus_delays", (4, 2), 16.0, 16000.0, "ramp", np.float64),  # in half samples
    Port("chorus_level", (1, 2), 0.0, 1.0, "ramp"),
)


def prepare(row: Row, stage: Stage) -> Mapping[str, NDArray]:
    """The sweep in samples."""
    section, rate = row["chorus"], stage.layout.sample_rate_hz
    halves = 2.0 * rate / 1000.0
    return {
        "chorus_rate": np.full((1, 2), section["rate_hz"] / rate),
        "chorus_depth": np.full((1, 2), section["depth_ms"] * halves),
        "chorus_delays": np.repeat(section["delay_ms"] * halves * _SPREAD[:, None], 2, axis=1),
        "chorus_level": np.full((1, 2), section["level"]),
    }


# --- state ----------------------------------------------------------------------------------------------------------
def _history(layout: Layout) -> int:
    """Half samples that the line remembers."""
    return 2 * math.ceil(_LONGEST_S * layout.sample_rate_hz + 1.0)


STATE = (
    State("sent", (1, 1, _TAPS - 1)),  # the last samples that came in
    State("line", (1, _history)),  # twice as many samples as came in, oldest first
    State("phase", (1, 1), dtype=np.float64),  # of the sweep, in periods; 0 when the line is silent
)


@lru_cache
def _interpolator() -> NDArray[np.float32]:
    """[2, 1, 8]: the sample before the middle of eight, and the one half a sample later."""
    place = np.arange(_TAPS) - (_TAPS - 1) / 2.0
    between = np.sinc(place) * np.i0(_KAISER * np.sqrt(1.0 - (2.0 * place / _TAPS) ** 2))
    return np.stack([np.eye(_TAPS)[_TAPS // 2 - 1], between / between.sum()])[:, None, :].astype(np.float32)


# --- kernel ---------------------------------------------------------------------------------------------------------
@allocating
def _double(sent, taps, line):
    """line [2 frames] = sent [frames + 7] and what lies between; taps [8]."""
    between = np.zeros(line.size // 2, np.float32)
    for k in range(_TAPS):
        part = sent[k : k + between.size]
        for n in range(between.size):
            between[n] += taps[k] * part[n]
    line[::2] = sent[_TAPS // 2 - 1 : _TAPS // 2 - 1 + between.size]
    line[1::2] = between


@jit
def _read(line, first, at, step, level, change, out):
    """out [32] += the line from place first + 2 n - (at + step n), times level + change n."""
    for n in range(out.size):
        along = np.float64(n)
        place = first + 2.0 * along - (at + step * along)
        whole = np.floor(place)
        part, index = np.float32(place - whole), np.uint64(whole)
        y = line[index]
        out[n] += (level + change * np.float32(n)) * (y + part * (line[index + np.uint64(1)] - y))


@jit
def _delay(delays, depth, turned, tap, share):
    """Delay of one tap at a share of the block."""
    middle = delays[tap, 0] * (1.0 - share) + delays[tap, 1] * share
    swing = depth[0] * (1.0 - share) + depth[1] * share
    return middle + swing * np.sin(2.0 * np.pi * (turned + 0.25 * tap))


@jit
def _chorus(line, rate, depth, delays, level, phase, share, out):
    """line [history + 2 frames]; rate, depth, level [2]; delays [4, 2]; phase [1] moves on; share: of a side's taps."""
    frames = out.shape[1]
    begin = np.float64(line.size - 2 * frames)
    change = (level[1] - level[0]) / np.float32(frames)
    out[:] = 0.0
    for n in range(0, frames, KNOT_FRAMES):
        here, there = n / frames, (n + KNOT_FRAMES) / frames
        turned = phase[0] + frames * (rate[0] * (here - here * here / 2.0) + rate[1] * here * here / 2.0)
        turned_there = phase[0] + frames * (rate[0] * (there - there * there / 2.0) + rate[1] * there * there / 2.0)
        loud = share * (level[0] + change * np.float32(n))
        for v in range(4):
            at = _delay(delays, depth, turned, v, here)
            step = (_delay(delays, depth, turned_there, v, there) - at) / KNOT_FRAMES
            _read(line, begin + 2.0 * n, at, step, loud, share * change, out[v % 2, n : n + KNOT_FRAMES])
    phase[0] += frames * (rate[0] + rate[1]) / 2.0
    phase[0] -= np.floor(phase[0])


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["chorused"] [2, frames]."""
    frames, kept, history = layout.block_frames, state["line"][0], state["sent"][0, 0]
    sent = np.concatenate([history, inputs["chorus_send"][0]])
    line = np.concatenate([kept, np.empty(2 * frames, np.float32)])
    _double(sent, _interpolator()[1, 0], line[kept.size :])
    sweep = (inputs[f"chorus_{name}"] for name in ("rate", "depth", "delays", "level"))
    rate, depth, delays, level = sweep
    _chorus(line, rate[0], depth[0], delays, level[0], state["phase"][0], np.float32(_MIX.max()), out["chorused"])
    kept[:], history[:] = line[2 * frames :], sent[frames:]
    if not kept.any():
        state["phase"][:] = 0.0


# --- graph ----------------------------------------------------------------------------------------------------------
@lru_cache
def _knots(layout: Layout) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[2, knots] twice: values at block start and end → at knots; rates → their integral up to the knots."""
    share = np.arange(layout.knots) / (layout.knots - 1)
    turned = np.stack([share - share**2 / 2.0, share**2 / 2.0]) * layout.block_frames
    return np.stack([1.0 - share, share]), turned


def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """Places of all copies by matrices, then two gathers."""
    frames, history = layout.block_frames, _history(layout)
    sent = g.concat([state["sent"], g.reshape(x["chorus_send"], (1, 1, frames))], axis=2)
    double = g.transpose(g.convolve(sent, g.constant(_interpolator())), (0, 2, 1))
    line = g.concat([state["line"], g.reshape(double, (1, 2 * frames))], axis=1)
    kept = g.slice(line, 2 * frames, history + 2 * frames, axis=1)

    straight, turned = (g.constant(matrix, np.float64) for matrix in _knots(layout))
    phase = state["phase"] + x["chorus_rate"] @ turned
    swing = g.unary("Sin", (phase + g.constant([[0.0], [0.25], [0.5], [0.75]], np.float64)) * (2.0 * math.pi))
    delay = x["chorus_delays"] @ straight + swing * (x["chorus_depth"] @ straight)
    first = history + 2.0 * np.arange(frames)
    place = g.constant(first, np.float64) - delay @ g.constant(hat(frames), np.float64)
    place = g.reshape(place, (1, 4 * frames))
    whole = g.unary("Floor", place)
    part, index = g.cast(place - whole, np.float32), g.cast(whole, np.int32)
    y, after = g.gather_elements(line, index, axis=1), g.gather_elements(line, index + 1, axis=1)
    copies = g.reshape(y + part * (after - y), (4, frames))
    level = x["chorus_level"] @ g.constant(ends(frames))

    last = g.slice(phase, layout.knots - 1, layout.knots, axis=1)
    moved = {
        "sent": g.slice(sent, frames, frames + _TAPS - 1, axis=2),
        "line": kept,
        "phase": g.where(g.sounding(kept), last - g.unary("Floor", last), 0.0),
    }
    return {"chorused": g.constant(_MIX) @ copies * level}, moved


# --- record ---------------------------------------------------------------------------------------------------------
CHORUS = Unit(
    name="chorus",
    sections={"chorus": PARAMS},
    inputs=(Port("chorus_send", (1, "frames"), -1.0, 1.0, "frames"),),
    values=VALUES,
    prepare=prepare,
    outputs=(Port("chorused", (2, "frames"), -1.0, 1.0, "frames"),),
    state=STATE,
    kernel=kernel,
    graph=graph,
    tolerance=1e-5,
)
