"""Master volume, then a look-ahead limiter: loud moments are turned down before they arrive, never clipped.

What one hears: nothing, until the sum would pass -1 dBFS. Peaks are taken over stretches of 32 samples and the sound
is delayed by one stretch; with r_i = min(1, ceiling / peak_i) the gain at the border before stretch i is
    G_i = min(r_(i-1), r_i, G_(i-1) + 32 / (rate release))
and straight in between, so the gain over a stretch never exceeds that stretch's own r. The recursion is a minimum of
sums, so a block of it is closed: G_i = min over j <= i of (t_j + (i - j) step). Idea of the look-ahead peak limiter:
D. Giannoulis, M. Massberg, J. Reiss, "Digital dynamic range compressor design", JAES 60 (2012).
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.param import Param
from gen_core.synth.jit import jit
from gen_core.synth.knots import hat
from gen_core.synth.layout import KNOT_FRAMES, Layout, Port
from gen_core.synth.unit import Arrays, Builder, Row, Stage, State, Tensor, Tensors, Unit

# --- parameters: of the book, drawn into the graph ------------------------------------------------------------------
PARAMS = (
    Param(id="ceiling_db", low=-12.0, high=0.0, default=-1.0, unit="dBFS", help="room for the converter's overshoot"),
    Param(id="release_s", low=0.05, high=2.0, default=0.4, unit="s", help="from silence back to full"),
)
_CEILING = np.float32(10.0 ** (PARAMS[0].default / 20.0))
_RELEASE_S = PARAMS[1].default



def prepare(row: Row, stage: Stage) -> Mapping[str, NDArray]:
    """The master volume."""
    return {"volume": np.full((1, 2), row["limiter"].get("volume", 1.0), np.float32)}


# --- state ----------------------------------------------------------------------------------------------------------
STATE = (
    State("delayed", (2, KNOT_FRAMES)),  # the last stretch that came in
    State("needed", (1,), 1.0),  # its r
    State("gain", (1,), 1.0),  # the gain where the last block ended
)


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _limit(mix, volume, step, delayed, needed, gain, out):
    """mix [2, frames], volume [2], delayed [2, 32], needed and gain [1], out [2, frames]."""
    frames = out.shape[1]
    current = np.empty((2, KNOT_FRAMES), np.float32)
    for begin in range(0, frames, KNOT_FRAMES):
        peak = np.float32(_CEILING)
        for n in range(KNOT_FRAMES):
            loud = volume[0] + (volume[1] - volume[0]) * np.float32((begin + n) / frames)
            for c in range(2):
                current[c, n] = mix[c, begin + n] * loud
                peak = max(peak, abs(current[c, n]))
        wanted = _CEILING / peak
        target = min(min(needed[0], wanted), gain[0] + step)
        slope = (target - gain[0]) / np.float32(KNOT_FRAMES)
        for n in range(KNOT_FRAMES):
            for c in range(2):
                out[c, begin + n] = delayed[c, n] * (gain[0] + slope * np.float32(n))
                delayed[c, n] = current[c, n]
        needed[0], gain[0] = wanted, target


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["audio"] [2, frames], one stretch late."""
    step = np.float32(KNOT_FRAMES / (layout.sample_rate_hz * _RELEASE_S))
    moving = state["delayed"], state["needed"], state["gain"]
    _limit(inputs["compressed"], inputs["volume"][0], step, *moving, out["audio"])


# --- graph ----------------------------------------------------------------------------------------------------------
@lru_cache
def _release(knots: int, step: float) -> NDArray[np.float32]:
    """[knots, knots - 1]: row j, column i: what the gain may rise from border j - 1 to border i; never backwards."""
    rise = (np.arange(knots - 1)[None, :] + 1 - np.arange(knots)[:, None]) * step
    return np.where(rise >= 0.0, rise, 1e9).astype(np.float32)


def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """All borders at once, then one matrix product draws the lines between them."""
    frames, stretches = layout.block_frames, layout.knots - 1
    ramp = np.arange(frames) / frames
    volume = x["volume"] @ g.constant(np.stack([1.0 - ramp, ramp]))  # [1, frames]
    mixed = x["compressed"] * volume
    peaks = g.reduce_max(g.reshape(g.unary("Abs", mixed), (2, stretches, KNOT_FRAMES)), axes=(0, 2))
    needed = g.unary("Reciprocal", g.maximum(peaks, float(_CEILING))) * float(_CEILING)
    around = g.concat([state["needed"], needed], axis=0)  # [knots]
    target = g.minimum(g.slice(around, 0, stretches, axis=0), needed)
    known = g.reshape(g.concat([state["gain"], target], axis=0), (layout.knots, 1))
    step = KNOT_FRAMES / (layout.sample_rate_hz * _RELEASE_S)
    gain = g.reduce_min(known + g.constant(_release(layout.knots, step)), axes=(0,))
    line = g.concat([state["gain"], gain], axis=0) @ g.constant(hat(frames))
    late = g.concat([state["delayed"], mixed], axis=1)
    out, delayed = g.split(late, (frames, KNOT_FRAMES), axis=1)
    moved = {
        "delayed": delayed,
        "needed": g.slice(around, stretches, layout.knots, axis=0),
        "gain": g.slice(gain, stretches - 1, stretches, axis=0),
    }
    return {"audio": out * line}, moved


# --- record ---------------------------------------------------------------------------------------------------------
LIMITER = Unit(
    name="limiter",
    sections={"limiter": PARAMS},
    inputs=(Port("compressed", (2, "frames"), -2.0, 2.0, "frames"),),
    values=(Port("volume", (1, 2), 0.0, 2.0, "ramp"),),  # at block start, at block end
    prepare=prepare,
    outputs=(Port("audio", (2, "frames"), -1.0, 1.0, "frames"),),
    state=STATE,
    kernel=kernel,
    graph=graph,
    tolerance=2e-6,
)
