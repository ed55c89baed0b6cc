"""Master volume, a DC blocker, then a look-ahead limiter of true peaks: turned down before they arrive, never clipped.

What one hears: nothing, until the sum would pass -1 dBFS, also between the samples, where a converter draws its curve
(ITU-R BS.1770-4, annex 2). Offset is taken out first (J. O. Smith, "Introduction to Digital Filters", "DC blocker"):
    y(n) = x(n) - s(n), s(n+1) = s(n) + k y(n),   k = 1 - exp(-2 pi 5 Hz / rate)
Every 32 samples of y are read at 96 points between them, from 32 samples around each. A sine's crest is at most a sixth
of a sample from a point, so the taps lift frequency f by 1 / cos(pi f / (3 rate)), and no crest is underrated. With
r_i = min(1, ceiling / largest of a stretch's samples and points) the gain at the border before stretch i is
    G_i = min(r_(i-1), r_i, G_(i-1) q),   q = 10 dB for each release time
and straight in between, so the gain over a stretch never exceeds that stretch's own r. Idea of the look-ahead peak
limiter: D. Giannoulis, M. Massberg, J. Reiss, "Digital dynamic range compressor design", JAES 60 (2012).

The same, solved for a block: offsets at the starts of all stretches are one matrix product; samples without offset and
points of a stretch are one more, over 64 samples and the offset at their start. The recursion is a minimum of
products: G_i = min over j < i of r_j q^(i - j - 1), r_i and G_0 q^i.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.param import Param
from gen_core.synth.jit import jit
from gen_core.synth.knots import ends, hat
from gen_core.synth.layout import KNOT_FRAMES, Layout, Port, aligned
from gen_core.synth.sine import COUNT
from gen_core.synth.unit import (
    SETTLED,
    Arrays,
    Builder,
    Calls,
    Row,
    Stage,
    State,
    Tensor,
    Tensors,
    Unit,
    called,
    settle,
)
from gen_core.synth.vector import WIDE, larger, largest, load, magnitude, splat, store

_SIDE = KNOT_FRAMES // 2  # samples on either side of a point
_HISTORY = 2 * KNOT_FRAMES
LATENCY_FRAMES = KNOT_FRAMES + _SIDE  # a stretch to see a peak coming, and what lies right of its last point
_POINTS = (1.0 / 6.0, 3.0 / 6.0, 5.0 / 6.0)  # of a sample
_MARGIN_DB = 0.45  # white noise at any gain passes the ceiling by 0.4 without: it has sound above what the taps see
_BLOCKER_HZ = 5.0  # two octaves below a piano's lowest key

# --- parameters: of the book, drawn into the graph ------------------------------------------------------------------
PARAMS = (
    Param(id="ceiling_db", low=-12.0, high=0.0, default=-1.0, unit="dBTP", help="room for what codecs and rooms add"),
    Param(id="release_s", low=0.05, high=2.0, default=0.4, unit="s", help="for 10 dB; less bends a bass"),
)
_CEILING = np.float32(10.0 ** ((PARAMS[0].default - _MARGIN_DB) / 20.0))
_RELEASE_S = PARAMS[1].default


def prepare(row: Row, stage: Stage) -> Mapping[str, NDArray]:
    """The master volume."""
    return {"volume": np.full((1, 2), row["limiter"].get("volume", 1.0), np.float32)}


def _blocker(sample_rate_hz: int) -> float:
    return -math.expm1(-2.0 * math.pi * _BLOCKER_HZ / sample_rate_hz)


def _release(sample_rate_hz: int) -> float:
    return float(10.0 ** (0.5 * KNOT_FRAMES / (sample_rate_hz * _RELEASE_S)))


@lru_cache
def between() -> NDArray[np.float64]:
    """[points, 32 samples]: weights of what lies around, fitted to every frequency up to 0.47 of the rate."""
    hertz = np.linspace(0.0, 0.47, 400)
    lift = 1.0 / np.cos(math.pi * hertz / 3.0)
    rows = []
    for point in _POINTS:
        angle = 2.0 * math.pi * hertz[:, None] * (np.arange(2 * _SIDE) - (_SIDE - 1) - point)
        both = np.concatenate([np.cos(angle), np.sin(angle)])
        rows.append(np.linalg.lstsq(both, np.concatenate([lift, 0.0 * lift]), rcond=None)[0])
    return np.array(rows)


@lru_cache
def _taps() -> NDArray[np.float32]:
    return between().astype(np.float32)


# --- state ----------------------------------------------------------------------------------------------------------
STATE = (
    State("late", (2, _HISTORY)),  # what came in last; kernel: without its offset
    State("offset", (2, 1)),  # s; kernel: after the last sample, graph: before the first of `late`
    State("gain", (1,), 1.0),  # the gain where the last block ended
)


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _block(x, volume, k, ramp, offset, y):
    """Volume, and the offset taken out: x [2, frames], offset [2, 1] moves on, y [2, 64 + frames], behind the 64."""
    left, right = offset[0, 0], offset[1, 0]
    rest = np.float32(1.0) - k  # s' = (1 - k) s + k x: one product and sum after another, and no more
    for n in range(x.shape[1]):
        loud = volume[0, 0] + (volume[0, 1] - volume[0, 0]) * ramp[n]
        here_left, here_right = x[0, n] * loud, x[1, n] * loud
        y[0, _HISTORY + n], y[1, _HISTORY + n] = here_left - left, here_right - right
        left, right = rest * left + k * here_left, rest * right + k * here_right
    offset[0, 0] = left - min(max(left, -SETTLED), SETTLED)
    offset[1, 0] = right - min(max(right, -SETTLED), SETTLED)


@jit
def _needed(y, begin, taps):
    """What gain the middle of 64 frames of y [2, frames] needs; taps [3 points, 32]. 32 samples are two vectors."""
    peak = splat(_CEILING)
    for side in range(2):
        sound = y[side]
        a0 = a1 = b0 = b1 = c0 = c1 = splat(np.float32(0.0))
        for tap in range(2 * _SIDE):
            early, late = load(sound, begin + tap + 1), load(sound, begin + tap + 1 + WIDE)
            a, b, c = splat(taps[0, tap]), splat(taps[1, tap]), splat(taps[2, tap])
            a0, a1 = a0 + a * early, a1 + a * late
            b0, b1 = b0 + b * early, b1 + b * late
            c0, c1 = c0 + c * early, c1 + c * late
        for line in (a0, a1, b0, b1, c0, c1, load(sound, begin + _SIDE), load(sound, begin + _SIDE + WIDE)):
            peak = larger(peak, magnitude(line))
    return _CEILING / largest(peak)


@jit
def _limit(x, volume, settings, ramp, taps, state, y, out):
    """x, out [2, frames]; settings: the blocker's k, and what the gain may rise by; y [2, 64 + frames] is scratch."""
    late, offset, gain = state
    k, rise = settings
    for c in range(2):
        for n in range(0, _HISTORY, WIDE):
            store(y[c], n, load(late[c], n))
    _block(x, volume, k, ramp, offset, y)
    before = _needed(y, 0, taps)
    for begin in range(0, out.shape[1], KNOT_FRAMES):
        after = _needed(y, begin + KNOT_FRAMES, taps)
        target = np.float32(min(np.float64(min(before, after)), gain[0] * rise))  # float64: 1.002, over and over
        slope = (target - gain[0]) * np.float32(1.0 / KNOT_FRAMES)
        for n in range(0, KNOT_FRAMES, WIDE):
            line = splat(gain[0]) + splat(slope) * load(COUNT, n)
            for c in range(2):
                store(out[c], begin + n, load(y[c], begin + _SIDE + n) * line)
        before, gain[0] = after, target
    for c in range(2):
        for n in range(0, _HISTORY, WIDE):
            store(late[c], n, load(y[c], out.shape[1] + n))


def calls(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> Calls:
    """→ out["audio"] [2, frames], 48 frames late."""
    settings = np.float32(_blocker(layout.sample_rate_hz)), _release(layout.sample_rate_hz)
    y, ramp = aligned((2, _HISTORY + layout.block_frames)), ends(layout.block_frames)[1]
    moving = state["late"], state["offset"], state["gain"]
    return [(_limit, (inputs["compressed"], inputs["volume"], settings, ramp, _taps(), moving, y, out["audio"]))]


# --- graph ----------------------------------------------------------------------------------------------------------
@lru_cache
def _offsets(frames: int, k: float) -> NDArray[np.float32]:
    """[1 + 64 + frames, stretches + 1]: (offset at the start, samples) → offset at the start of every stretch."""
    start = np.arange(0, frames + 1, KNOT_FRAMES)
    age = start[None, :] - 1 - np.arange(_HISTORY + frames)[:, None]  # of a sample
    weights = np.where(age >= 0, k * (1.0 - k) ** np.maximum(age, 0), 0.0)
    return np.concatenate([(1.0 - k) ** start[None, :], weights]).astype(np.float32)


@lru_cache
def _stretch(k: float) -> NDArray[np.float32]:
    """[65, 32 + 96]: (64 samples, offset at their start) → the blocked ones in the middle, and the points there."""
    age = np.arange(_HISTORY)[None, :] - 1 - np.arange(_HISTORY)[:, None]
    follow = np.where(age >= 0, k * (1.0 - k) ** np.maximum(age, 0), 0.0)
    block = np.concatenate([np.eye(_HISTORY) - follow, -((1.0 - k) ** np.arange(_HISTORY))[None, :]])
    look = np.zeros((_HISTORY, KNOT_FRAMES, 1 + len(_POINTS)))
    for n in range(KNOT_FRAMES):
        look[_SIDE + n, n, 0] = 1.0
        look[1 + n : 1 + n + 2 * _SIDE, n, 1:] = between().T
    return (block @ look.swapaxes(1, 2).reshape(_HISTORY, -1)).astype(np.float32)


@lru_cache
def _rise(knots: int, rise: float) -> NDArray[np.float32]:
    """[knots, 1 + knots]: what (gain at the start, r of every stretch) has grown by at each border; never backwards."""
    border, stretch = np.arange(knots)[:, None], np.arange(knots)[None, :]
    grown = np.where(stretch <= border, rise ** np.maximum(border - stretch - 1, 0), 1e9)
    grown[0] = 1e9  # where the block before ended
    return np.concatenate([rise**border, grown], axis=1).astype(np.float32)


def _gains(g: Builder, layout: Layout, heard: Tensor, gain: Tensor) -> Tensor:
    """[knots]: the gain at every border, from all that is heard in the stretches [2, knots, 128]."""
    peaks = g.reduce_max(g.unary("Abs", heard), axes=(0, 2))  # [knots]: of this block's stretches and the next
    needed = g.constant(_CEILING) / g.maximum(peaks, float(_CEILING))
    rise = _rise(layout.knots, _release(layout.sample_rate_hz))
    return g.reduce_min(g.concat([gain, needed], axis=0) * g.constant(rise), axes=(1,))


def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """Everything about all stretches at once, then one matrix product draws the lines between the gains."""
    frames, knots, k = layout.block_frames, layout.knots, _blocker(layout.sample_rate_hz)
    ramp = np.arange(frames) / frames
    mixed = x["compressed"] * (x["volume"] @ g.constant(np.stack([1.0 - ramp, ramp])))
    late = g.concat([state["late"], mixed], axis=1)
    offsets = g.concat([state["offset"], late], axis=1) @ g.constant(_offsets(frames, k))  # [2, knots]

    chunks = g.reshape(late, (2, knots + 1, KNOT_FRAMES))
    beside = g.gather(chunks, g.constant(np.arange(knots)[:, None] + [0, 1], np.int64), axis=1)
    seen = g.concat([g.reshape(beside, (2, knots, _HISTORY)), g.reshape(offsets, (2, knots, 1))], axis=2)
    heard = seen @ g.constant(_stretch(k))
    gains = _gains(g, layout, heard, state["gain"])

    blocked = g.reshape(g.first(heard, {1: knots - 1, 2: KNOT_FRAMES}), (2, frames))
    last = g.constant([knots - 1], np.int64)
    moved = {
        "late": g.slice(late, frames, frames + _HISTORY, axis=1),
        "offset": settle(g, g.gather(offsets, last, axis=1), few=True),
        "gain": g.gather(gains, last),
    }
    audio = blocked * (gains @ g.constant(hat(frames)))
    return {"audio": audio}, moved


# --- record ---------------------------------------------------------------------------------------------------------
LIMITER = Unit(
    name="limiter",
    sections={"limiter": PARAMS},
    inputs=(Port("compressed", (2, "frames"), -2.0, 2.0, "frames"),),
    values=(Port("volume", (1, 2), 0.0, 2.0, "ramp"),),  # at block start, at block end
    prepare=prepare,
    outputs=(Port("audio", (2, "frames"), -1.0, 1.0, "frames"),),
    state=STATE,
    calls=calls,
    kernel=called(calls),
    graph=graph,
    tolerance=2e-6,
)
