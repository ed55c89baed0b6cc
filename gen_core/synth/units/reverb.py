"""A room: sixteen delay lines that feed each other (feedback delay network).

What one hears: a hall around the instruments; the highs die first, and the lowest notes hardly reach it. J.-M. Jot,
A. Chaigne, "Digital delay networks for designing artificial reverberators", AES 90 (1991); Hadamard feedback as in
J. O. Smith, "Physical Audio Signal Processing", ch. "Feedback Delay Networks":
    r_i(n) = near_i line_i(n - d_i) + far_i line_i(n - d_i - 1),   near_i + far_i = 10^(-3 d_i / (rate decay))
    line_i(n) = b_i level (send(n) - low(n)) + sum_j M_ij r_j(n),   M = rows of a Hadamard matrix / 4, in another order
    left, right = sums of +- r_i
    low: the send's bass, a one-pole low pass of the means of 0.33 ms stretches, straight between their ends
Every entry of M is +-1/4, so an echo reaches all lines at once: 16 echoes become 256, then 4096. A line's two taps
lose more treble the longer it is (near = (1 - b) g, far = b g, with b by Jot's condition at 6 kHz), so all decay alike.
Every delay is longer than a block, so a whole block is read before it is written: one gather of constant places, one
matrix product, one shift. Delays are primes (no common echoes). Gains glide in straight lines over a block.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.param import Param
from gen_core.synth.jit import jit
from gen_core.synth.knots import ends
from gen_core.synth.layout import SEGMENT_FRAMES, Layout, Port
from gen_core.synth.unit import SETTLED, Arrays, Builder, Row, Stage, State, Tensor, Tensors, Unit, settle

_LINES = 16
_DELAYS_MS = (11.1, 12.6, 14.1, 15.8, 17.5, 19.4, 21.7, 24.1, 26.7, 29.6, 32.9, 36.4, 40.3, 44.6, 49.5, 54.8)
_DAMPED_HZ = 6000.0
_BASS_HZ = 150.0
_LOUD = 6.0  # of the level: 0.5 is a room that holds its own beside what it is sent

# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Param(id="decay_s", low=0.2, high=8.0, default=1.7, unit="s", curve="exponential", help="to -60 dB, in the bass"),
    Param(id="damping", low=0.0, high=0.8, default=0.4, help="of the decay, at 6 kHz; short rooms keep more treble"),
    Param(id="level", low=0.0, high=1.0, default=0.5, help="as loud whatever the decay"),
)

# --- values ---------------------------------------------------------------------------------------------------------
VALUES = (Port("room_gains", (2 * _LINES + 2, 2), -6.0, 6.0, "ramp"),)  # near and far tap of each line, send, its bass


def prepare(row: Row, stage: Stage) -> Mapping[str, NDArray]:
    """Gains of all taps, and of what comes in."""
    section, layout = row["reverb"], stage.layout
    passes = np.array(delays(layout)) / layout.sample_rate_hz / section["decay_s"]  # decays of 60 dB in one pass
    gains = 10.0 ** (-3.0 * passes)
    lost = gains ** (2.0 * (1.0 / (1.0 - section["damping"]) - 1.0))  # power left of the treble, against the bass
    omega = 2.0 * math.pi * _apart(layout) * min(_DAMPED_HZ / layout.sample_rate_hz, 0.125)
    product = np.minimum((1.0 - lost) / (2.0 - 2.0 * math.cos(omega)), 0.25)  # |1 - b + b z|^2 solved for b (1 - b)
    far = gains * (0.5 - np.sqrt(0.25 - product))
    level = _LOUD * section["level"] * math.sqrt((1.0 - gains**2).mean())
    taps = np.stack([gains - far, far], axis=1).ravel()
    return {"room_gains": np.repeat(np.float32([*taps, level, -level]), 2)}


def _apart(layout: Layout) -> int:
    """Samples between a line's two taps: about 21 us at any rate."""
    return max(1, round(layout.sample_rate_hz / 48000))


def _prime(number: int) -> int:
    """The first prime from `number` on."""
    while any(number % factor == 0 for factor in range(2, math.isqrt(number) + 1)):
        number += 1
    return number


@lru_cache
def delays(layout: Layout) -> tuple[int, ...]:
    """Frames of each line; all longer than a block, which at odd rates may take longer lines than at 48 kHz."""
    samples_per_ms = max(layout.sample_rate_hz / 1000.0, (layout.block_frames + 1) / _DELAYS_MS[0])
    return tuple(_prime(math.ceil(delay * samples_per_ms)) for delay in _DELAYS_MS)


def _hadamard() -> NDArray[np.float64]:
    matrix = np.ones((1, 1))
    while len(matrix) < _LINES:
        matrix = np.kron(matrix, [[1.0, 1.0], [1.0, -1.0]])
    return matrix


_ORDER = np.array([5, 10, 3, 14, 9, 0, 12, 7, 15, 2, 8, 13, 6, 1, 11, 4])  # rows of the Hadamard matrix
_IN = np.array([1, -1, -1, 1, 1, -1, 1, 1, -1, 1, -1, -1, 1, 1, -1, 1], np.float32)
_LEFT = np.array([1, 1, -1, 1, -1, -1, 1, -1, 1, 1, -1, -1, -1, 1, 1, -1], np.float32) / 4.0
_RIGHT = np.array([1, -1, -1, -1, -1, 1, 1, 1, -1, 1, 1, -1, 1, -1, 1, -1], np.float32) / 4.0  # orthogonal to the left

_SIGNS = np.stack([_IN, _LEFT, _RIGHT])

# --- state ----------------------------------------------------------------------------------------------------------


def _length(layout: Layout) -> int:
    return max(delays(layout)) + _apart(layout)


STATE = (
    State("lines", (_LINES, _length)),  # what was written last, oldest first
    State("low", (1, 1)),  # the send's bass, where the last block ended
)


# --- the bass of the send -------------------------------------------------------------------------------------------
def _stretch(layout: Layout) -> int:
    """Frames of a stretch: the power of two that is at most 0.33 ms."""
    return min(2 ** int(math.log2(max(layout.sample_rate_hz / 3000.0, 1.0))), SEGMENT_FRAMES)


def _pole(layout: Layout) -> float:
    return math.exp(-2.0 * math.pi * _BASS_HZ * _stretch(layout) / layout.sample_rate_hz)


@lru_cache
def _means(layout: Layout) -> NDArray[np.float32]:
    """[frames, stretches]: samples → the mean of each stretch."""
    stretch = _stretch(layout)
    return np.kron(np.eye(layout.block_frames // stretch), np.full((stretch, 1), 1.0 / stretch)).astype(np.float32)


@lru_cache
def _bass(layout: Layout) -> NDArray[np.float32]:
    """[1 + stretches, frames + 1]: bass at block start, means → bass at samples, and at block end."""
    stretch, count, pole = _stretch(layout), layout.block_frames // _stretch(layout), _pole(layout)
    knots = np.zeros((count + 1, count + 1))  # column k: the bass at the end of stretch k - 1
    knots[0, 0] = 1.0
    for k in range(count):
        knots[:, k + 1] = pole * knots[:, k]
        knots[k + 1, k + 1] = 1.0 - pole
    place = np.arange(layout.block_frames + 1) / stretch
    between = np.maximum(1.0 - np.abs(place[None, :] - np.arange(count + 1)[:, None]), 0.0)
    return (knots @ between).astype(np.float32)


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _lighten(send, low, pole, stretch, level, share, light):
    """light [frames] becomes the send without its bass, times level [2], which glides; low [1] moves on."""
    one = np.float32(1.0)
    part = one / np.float32(stretch)
    for begin in range(0, send.size, stretch):
        mean = np.float32(0.0)
        for n in range(begin, begin + stretch):
            mean += send[n]
        slope = (one - pole) * (mean * part - low[0])
        for n in range(stretch):
            light[begin + n] = send[begin + n] - (low[0] + slope * (np.float32(n) * part))
        low[0] += slope
    low[0] -= min(max(low[0], -SETTLED), SETTLED)
    for n in range(send.size):
        light[n] *= level[0] + (level[1] - level[0]) * share[n]


@jit
def _read(far, near, gains, share, left, right, signs, r):
    """r [frames] = both taps of a line, with gliding gains (near, its change, far, its change), and onto left, right."""
    for n in range(r.size):
        along = share[n]
        r[n] = (gains[0] + gains[1] * along) * near[n] + (gains[2] + gains[3] * along) * far[n]
        left[n] += signs[0] * r[n]
        right[n] += signs[1] * r[n]


@jit
def _cross(x, y):
    """x and y become their sum and their difference."""
    for n in range(x.size):
        z = x[n] - y[n]
        x[n] += y[n]
        y[n] = z


@jit
def _write(line, send, level, fed):
    """The end of a line becomes level times send, plus a quarter of fed; what is nearly nothing becomes nothing."""
    for n in range(fed.size):
        value = level * send[n] + np.float32(0.25) * fed[n]
        line[n] = value - min(max(value, -SETTLED), SETTLED)


@jit
def _room(light, lines, gains, delays, apart, signs, order, share, fed, wet):
    """light [frames]; lines [16, length] moves on; gains [34, 2]; signs [3, 16]; fed [16, frames] is scratch."""
    count, length, frames = delays.size, lines.shape[1], light.size
    wet[:] = 0.0
    for i in range(count):
        near, far = gains[2 * i], gains[2 * i + 1]
        glide = near[0], near[1] - near[0], far[0], far[1] - far[0]
        first = length - delays[i]
        taps = lines[i, first - apart : first - apart + frames], lines[i, first : first + frames]
        _read(taps[0], taps[1], glide, share, wet[0], wet[1], signs[1:, i], fed[i])
    half = 1
    while half < count:  # times a Hadamard matrix
        for i in range(count):
            if i & half == 0:
                _cross(fed[i], fed[i + half])
        half *= 2
    for i in range(count):
        kept = delays[i] + apart
        line = lines[i, length - kept :]
        line[: kept - frames] = line[frames:]
        _write(line[kept - frames :], light, signs[0, i], fed[order[i]])


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["wet"] [2, frames]."""
    gains, share = inputs["room_gains"], ends(layout.block_frames)[1]
    light, fed = np.empty(layout.block_frames, np.float32), np.empty((_LINES, layout.block_frames), np.float32)
    shape = np.float32(_pole(layout)), _stretch(layout)
    _lighten(inputs["room_send"][0], state["low"][0], *shape, gains[2 * _LINES], share, light)
    lengths = np.array(delays(layout)), _apart(layout)
    _room(light, state["lines"], gains, *lengths, _SIGNS, _ORDER, share, fed, out["wet"])


# --- graph ----------------------------------------------------------------------------------------------------------
@lru_cache
def _matrix() -> NDArray[np.float32]:
    """[18, 34]: (near and far taps, send, bass) with their gains → what is written to the lines, left and right."""
    rows = np.repeat(np.concatenate([_hadamard()[_ORDER] / 4.0, [_LEFT], [_RIGHT]]), 2, axis=1)
    send = np.concatenate([_IN, np.zeros(2)])[:, None]
    return np.concatenate([rows, send, send], axis=1).astype(np.float32)


@lru_cache
def _places(layout: Layout) -> NDArray[np.int32]:
    """[16, 2 * frames]: where the near and the far taps of a line lie in it."""
    near = (_length(layout) - np.array(delays(layout)))[:, None] + np.arange(layout.block_frames)
    return np.concatenate([near, near - _apart(layout)], axis=1).astype(np.int32)


def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """Damping, feedback and output are one matrix."""
    frames, send = layout.block_frames, x["room_send"]
    taps = g.gather_elements(state["lines"], g.constant(_places(layout), np.int32), axis=1)
    known = g.concat([state["low"], send @ g.constant(_means(layout))], axis=1)
    bass, low = g.split(known @ g.constant(_bass(layout)), (frames, 1), axis=1)
    heard = g.concat([g.reshape(taps, (2 * _LINES, frames)), send, bass], axis=0)
    gliding = heard * (x["room_gains"] @ g.constant(ends(frames)))
    fed, wet = g.split(g.constant(_matrix()) @ gliding, (_LINES, 2), axis=0)
    kept = g.slice(state["lines"], frames, _length(layout), axis=1)
    return {"wet": wet}, {"lines": g.concat([kept, settle(g, fed)], axis=1), "low": settle(g, low)}


# --- record ---------------------------------------------------------------------------------------------------------
REVERB = Unit(
    name="reverb",
    sections={"reverb": PARAMS},
    inputs=(Port("room_send", (1, "frames"), -1.0, 1.0, "frames"),),
    values=VALUES,
    prepare=prepare,
    outputs=(Port("wet", (2, "frames"), -1.0, 1.0, "frames"),),
    state=STATE,
    kernel=kernel,
    graph=graph,
    tolerance=2e-5,
)
