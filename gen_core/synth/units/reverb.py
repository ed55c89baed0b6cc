"""A room: sixteen delay lines that feed each other (feedback delay network).

What one hears: a hall around the instruments; the highs die first, and the lowest notes hardly reach it. J.-M. Jot,
A. Chaigne, "Digital delay networks for designing artificial reverberators", AES 90 (1991); Hadamard feedback as in
J. O. Smith, "Physical Audio Signal Processing", ch. "Feedback Delay Networks":
    r_i(n) = near_i line_i(n - d_i) + far_i line_i(n - d_i - 1),   near_i + far_i = 10^(-3 d_i / (rate decay))
    line_i(n) = sum_j M_ij (r_j(n) + light(n - t_j)),   M = rows of a Hadamard matrix / 4, in another order
    left, right = sums of +- r_i
    light(n) = level (send(n) - bass(n)),   bass(n) = p bass(n-1) + (1 - p) send(n),   p = exp(-2 pi 150 Hz / rate)
Every entry of M is +-1/4, so an echo reaches all lines at once: 16 echoes become 256, then 4096. The send enters by
sixteen taps over 14 ms, each with signs of its own (the columns of M), so that already the first echoes are dense. A
line's two taps lose more treble the longer it is (near = (1 - b) g, far = b g, with b by Jot's condition at 6 kHz), so
that all decay alike. Delays are primes (no common echoes); they, the order and the signs are the best of 160 that were
drawn at random, by echo density at 50 ms and by how even the late spectrum is.
Every delay is longer than a block, so a whole block is read before it is written: one gather of constant places, one
matrix product, one shift. The bass is a matrix for 32 samples, and a chain of what they leave. Gains glide in straight
lines over a block.
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
from gen_core.synth.layout import KNOT_FRAMES, Layout, Port
from gen_core.synth.unit import SETTLED, Arrays, Builder, Row, Stage, State, Tensor, Tensors, Unit, settle

_LINES = 16
_DELAYS_MS = (14.0, 15.52, 16.95, 18.81, 21.43, 22.43, 25.79, 28.11, 31.28, 34.35, 38.31, 40.87, 47.5, 49.57, 57.58, 62)
_ENTRIES_MS = (0.0, 0.88, 1.91, 3.07, 3.27, 4.56, 5.58, 6.6, 7.19, 8.32, 8.81, 9.84, 10.66, 11.66, 12.4, 13.43)
_DAMPED_HZ = 6000.0
_BASS_HZ = 150.0
_LOUD = 8.0  # of the level: at 0.5, music that is sent whole comes back about 8 dB louder

# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Param(id="decay_s", low=0.2, high=8.0, default=1.7, unit="s", curve="exponential", help="to -60 dB, in the bass"),
    Param(id="damping", low=0.0, high=0.8, default=0.4, help="of the decay, at 6 kHz; short rooms keep more treble"),
    Param(id="level", low=0.0, high=1.0, default=0.5, help="as loud whatever the decay"),
)

# --- values ---------------------------------------------------------------------------------------------------------
VALUES = (Port("room_gains", (2 * _LINES + 1, 2), 0.0, 6.0, "ramp"),)  # near taps, far taps, level


def prepare(row: Row, stage: Stage) -> Mapping[str, NDArray]:
    """Gains of all taps, and of what comes in."""
    section, layout = row["reverb"], stage.layout
    passes = np.array(delays(layout)) / layout.sample_rate_hz / section["decay_s"]  # decays of 60 dB in one pass
    gains = 10.0 ** (-3.0 * passes)
    lost = gains ** (2.0 * (1.0 / (1.0 - section["damping"]) - 1.0))  # power left of the treble, against the bass
    omega = 2.0 * math.pi * layout.apart * min(_DAMPED_HZ / layout.sample_rate_hz, 0.125)
    product = np.minimum((1.0 - lost) / (2.0 - 2.0 * math.cos(omega)), 0.25)  # |1 - b + b z|^2 solved for b (1 - b)
    far = gains * (0.5 - np.sqrt(0.25 - product))
    level = _LOUD * section["level"] * math.sqrt((1.0 - gains**2).mean())
    return {"room_gains": np.repeat(np.concatenate([gains - far, far, [level]]), 2)}


def _prime(number: int) -> int:
    """The first prime from `number` on."""
    while any(number % factor == 0 for factor in range(2, math.isqrt(number) + 1)):
        number += 1
    return number


@lru_cache
def delays(layout: Layout) -> tuple[int, ...]:
    """Frames of each line; all longer than a block, which may take longer lines where a block is longer than 14 ms."""
    samples_per_ms = max(layout.sample_rate_hz / 1000.0, (layout.block_frames + 1) / _DELAYS_MS[0])
    return tuple(_prime(math.ceil(delay * samples_per_ms)) for delay in _DELAYS_MS)


@lru_cache
def _entries(layout: Layout) -> NDArray[np.int64]:
    """How many frames late the send enters, sixteen times."""
    return np.round(np.array(_ENTRIES_MS) * layout.sample_rate_hz / 1000.0).astype(np.int64)


def _hadamard() -> NDArray[np.float64]:
    matrix: NDArray[np.float64] = np.ones((1, 1))
    while len(matrix) < _LINES:
        matrix = np.kron(matrix, np.array([[1.0, 1.0], [1.0, -1.0]])).astype(np.float64)
    return matrix


_ORDER = np.array([7, 8, 4, 12, 9, 1, 10, 2, 3, 15, 13, 5, 6, 0, 11, 14])  # rows of the Hadamard matrix
_LEFT = (1, -1, 1, -1, -1, 1, -1, -1, 1, -1, 1, -1, -1, -1, -1, 1)
_RIGHT = (1, -1, 1, 1, 1, -1, -1, 1, -1, 1, 1, -1, -1, 1, -1, -1)  # orthogonal to the left
_SIGNS = np.array([_LEFT, _RIGHT], np.float32) / 4.0

# --- state ----------------------------------------------------------------------------------------------------------


def _length(layout: Layout) -> int:
    return max(delays(layout)) + layout.apart


def _blocks(layout: Layout) -> int:
    return math.ceil(_length(layout) / layout.block_frames)


def _sent(layout: Layout) -> int:
    return int(_entries(layout).max())


STATE = (
    State("lines", (_LINES, _length), ring=True),  # what was written last, oldest first
    State("sent", (1, _sent)),  # the light part of the send, oldest first
    State("low", (1, 1)),  # its bass, where the last block ended
    State("left", (1,)),  # blocks until the lines are silent
)


def _pole(layout: Layout) -> float:
    return math.exp(-2.0 * math.pi * _BASS_HZ / layout.sample_rate_hz)


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _lighten(send, low, pole, level, share, light):
    """light [frames] becomes the send without its bass, times level [2], which glides; low [1] moves on."""
    bass = low[0]
    for n in range(send.size):
        bass = pole * bass + (np.float32(1.0) - pole) * send[n]
        light[n] = send[n] - bass
    low[0] = bass - min(max(bass, -SETTLED), SETTLED)
    for n in range(send.size):
        light[n] *= level[0] + (level[1] - level[0]) * share[n]


@jit
def _enter(late, r):
    """r [frames] += what was sent."""
    for n in range(r.size):
        r[n] += late[n]


@jit
def _read(far, near, gains, share, left, right, signs, r):
    """r [frames] = both taps of a line; gains glide (near, its change, far, its change); added to left and right."""
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
def _write(line, fed):
    """The end of a line becomes a quarter of fed; what is nearly nothing becomes nothing."""
    for n in range(fed.size):
        value = np.float32(0.25) * fed[n]
        line[n] = value - min(max(value, -SETTLED), SETTLED)


@jit
def _room(sent, lines, left, gains, delays, apart, entries, signs, order, share, fed, wet):
    """sent [14 ms + frames]; lines [16, length] moves on; gains [33, 2]; signs [2, 16]; fed [16, frames] is scratch."""
    left[0] = max(left[0] - np.float32(1.0), np.float32(0.0))
    count, length, frames = delays.size, lines.shape[1], share.size
    wet[:] = 0.0
    for i in range(count):
        near, far = gains[i], gains[count + i]
        glide = near[0], near[1] - near[0], far[0], far[1] - far[0]
        first, begin = length - delays[i], sent.size - frames - entries[i]
        taps = lines[i, first - apart : first - apart + frames], lines[i, first : first + frames]
        _read(taps[0], taps[1], glide, share, wet[0], wet[1], signs[:, i], fed[i])
        _enter(sent[begin : begin + frames], fed[i])
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
        _write(line[kept - frames :], fed[order[i]])
        if line[kept - frames :].any():  # at the first sample, as a rule
            left[0] = (length + frames - 1) // frames


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["wet"] [2, frames]."""
    frames, before, gains = layout.block_frames, state["sent"][0], inputs["room_gains"]
    sent, fed = np.concatenate([before, np.empty(frames, np.float32)]), np.empty((_LINES, frames), np.float32)
    pole, share = np.float32(_pole(layout)), ends(frames)[1]
    _lighten(inputs["room_send"][0], state["low"][0], pole, gains[-1], share, sent[before.size :])
    places = np.array(delays(layout)), layout.apart, _entries(layout)
    _room(sent, state["lines"], state["left"], gains, *places, _SIGNS, _ORDER, share, fed, out["wet"])
    before[:] = sent[frames:]


# --- graph ----------------------------------------------------------------------------------------------------------
@lru_cache
def _places(layout: Layout) -> NDArray[np.int32]:
    """[16, apart + frames]: where the taps of a line lie in it."""
    first = _length(layout) - np.array(delays(layout)) - layout.apart
    return (first[:, None] + np.arange(layout.apart + layout.block_frames)).astype(np.int32)


@lru_cache
def _entry_places(layout: Layout) -> NDArray[np.int32]:
    """[1, 16 * frames]: where what enters lies in what was sent."""
    places = (_sent(layout) - _entries(layout))[:, None] + np.arange(layout.block_frames)
    return places.astype(np.int32).reshape(1, -1)


@lru_cache
def _bass(layout: Layout) -> tuple[NDArray, NDArray, NDArray]:
    """What 32 samples leave [32, 1]; the chain of that [n, n]; 32 samples and the bass before them → light [33, 32]."""
    pole, n = _pole(layout), np.arange(KNOT_FRAMES)
    left = (1.0 - pole) * pole ** n[::-1]
    step = np.arange(layout.knots)
    chain = np.tril((pole**KNOT_FRAMES) ** np.abs(step[:, None] - step[None, :]))
    within = np.triu((1.0 - pole) * pole ** np.abs(n[None, :] - n[:, None]))
    return left[:, None], chain, np.concatenate([np.eye(KNOT_FRAMES) - within, -(pole ** (n + 1.0))[None, :]])


def _lightened(g: Builder, layout: Layout, send: Tensor, low: Tensor) -> tuple[Tensor, Tensor]:
    """The send without its bass, and the bass where the block ends."""
    left, chain, light = (g.constant(matrix) for matrix in _bass(layout))
    parts = g.reshape(send, (layout.knots - 1, KNOT_FRAMES))
    known = chain @ g.concat([low, parts @ left], axis=0)
    before, last = g.split(known, (layout.knots - 1, 1), axis=0)
    return g.reshape(g.concat([parts, before], axis=1) @ light, (1, layout.block_frames)), settle(g, last)


def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """All lines at once; what they give one another is a matrix."""
    frames, apart = layout.block_frames, layout.apart
    gains = x["room_gains"] @ g.constant(ends(frames))
    near_gain, far_gain, level = g.split(gains, (_LINES, _LINES, 1), axis=0)
    light, low = _lightened(g, layout, x["room_send"], state["low"])
    sent = g.concat([state["sent"], light * level], axis=1)
    late = g.gather_elements(sent, g.constant(_entry_places(layout), np.int32), axis=1)
    taps = g.gather_elements(state["lines"], g.constant(_places(layout), np.int32), axis=1)
    near, far = (g.slice(taps, start, start + frames, axis=1) for start in (apart, 0))
    heard = near * near_gain + far * far_gain
    fed = g.constant(_hadamard()[_ORDER] / 4.0) @ (heard + g.reshape(late, (_LINES, frames)))
    fed, kept = settle(g, fed), g.slice(state["lines"], frames, _length(layout), axis=1)
    moved = {
        "lines": g.concat([kept, fed], axis=1),
        "left": g.where(g.sounding(fed), g.constant([_blocks(layout)]), g.maximum(state["left"] - 1.0, 0.0)),
        "sent": g.slice(sent, frames, frames + _sent(layout), axis=1),
        "low": low,
    }
    return {"wet": g.constant(_SIGNS) @ heard}, moved


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
