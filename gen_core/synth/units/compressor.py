"""A bus compressor: what is louder than a threshold is turned down by a ratio, left and right together.

What one hears: the parts sit closer together; the loudest notes no longer stand out. Feed-forward, in decibels, with
the decoupled smooth detector of D. Giannoulis, M. Massberg, J. Reiss, "Digital dynamic range compressor design - a
tutorial and analysis", JAES 60 (2012). The peak p_i of every stretch of 32 samples (both channels) makes
    over_i = w ln(1 + (p_i / threshold)^(8.7 dB / w)),  w = knee / (8 ln 2)       a knee without corners
    held_i = max(over_i, held_(i-1) - step)                                      release: straight in dB
    fall_i = fall_(i-1) + (1 - exp(-32 / (rate attack))) (slope held_i - fall_(i-1)),  slope = 1 - 1 / ratio
and makeup - fall_i dB is the gain at the end of the stretch, straight from the one before. At the threshold the knee
is as deep as the parabola of the paper, and nowhere further from it than a ninetieth of its width.

The same, solved for a block: release is a maximum of sums, held_i = max over j <= i of (over_j - (i - j) step); attack
is linear, one triangular matrix. Both matrices come from `prepare`; makeup glides over the block.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.param import Param
from gen_core.synth.jit import jit
from gen_core.synth.knots import hat
from gen_core.synth.layout import KNOT_FRAMES, Layout, Port
from gen_core.synth.unit import SETTLED, Arrays, Builder, Row, Stage, State, Tensor, Tensors, Unit, settle

_NEPERS = math.log(10.0) / 20.0  # in a decibel
_NEVER = 1e9  # subtracted from what lies in the future
_RELEASE_DB = 10.0

# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Param(id="threshold_db", low=-50.0, high=0.0, default=-18.0, unit="dBFS", help="a peak's; 0 leaves nearly all"),
    Param(id="ratio", low=1.0, high=20.0, default=1.0, curve="exponential", help="1 is off, 20 nearly a limiter"),
    Param(id="knee_db", low=1.0, high=24.0, default=6.0, unit="dB", curve="exponential", help="width; 1 is hard"),
    # Shorter than three knots, straight lines between them are no exponential any more.
    Param(id="attack_s", low=0.002, high=0.2, default=0.01, unit="s", curve="exponential", help="time constant"),
    Param(id="release_s", low=0.02, high=2.0, default=0.2, unit="s", curve="exponential", help="for 10 dB"),
    Param(id="makeup_db", low=-12.0, high=24.0, default=0.0, unit="dB", help="what the limiter can still hold"),
)

# --- values ---------------------------------------------------------------------------------------------------------
VALUES = (
    Port("on", (1,), 0.0, 1.0, dtype=np.bool_),
    Port("sharp", (1,), 0.3, 60.0),  # 1/w, w in nepers; `held` is counted in w
    Port("threshold", (1,), -200.0, 0.0),  # ln threshold / w
    Port("makeup", (2,), -2.0, 3.0, "ramp"),  # nepers, at block start, at block end
    Port("ballistics", (3,), -1.0, 1.0),  # release a stretch in w, share of a stretch in the attack, -slope w in nepers
    Port("release", ("knots", "knots"), 0.0, _NEVER),  # row i, column j: what held_j has lost at knot i
    Port("attack", ("knots", "knots"), -3.0, 1.0),  # -fall at block start, then held_1 … → -fall at knots
)


def prepare(row: Row, stage: Stage) -> Mapping[str, Any]:
    """The section as matrices over the knots of a block."""
    section, knots = row["compressor"], stage.layout.knots
    stretch_s = KNOT_FRAMES / stage.layout.sample_rate_hz
    width = section["knee_db"] / (8.0 * math.log(2.0)) * _NEPERS
    slope = 1.0 - 1.0 / section["ratio"]
    step = _RELEASE_DB * _NEPERS * stretch_s / (max(slope, 0.01) * section["release_s"] * width)
    share = -math.expm1(-stretch_s / section["attack_s"])
    return {
        "on": section["ratio"] != 1.0 or section["makeup_db"] != 0.0,
        "sharp": 1.0 / width,
        "threshold": section["threshold_db"] * _NEPERS / width,
        "makeup": [section["makeup_db"] * _NEPERS] * 2,
        "ballistics": [step, share, -slope * width],
        "release": _release(knots, step),
        "attack": _attack(knots, share, -slope * width),
    }


def _release(knots: int, step: float) -> NDArray:
    late = np.arange(knots)[:, None] - np.arange(knots)[None, :]
    return np.where(late >= 0, late * step, _NEVER)


def _attack(knots: int, share: float, scale: float) -> NDArray:
    late = np.arange(knots)[None, :] - np.arange(knots)[:, None]
    smooth = np.where(late >= 0, (1.0 - share) ** np.maximum(late, 0), 0.0)
    smooth[1:] *= share * scale
    return smooth


# --- state ----------------------------------------------------------------------------------------------------------
STATE = (State("held", (1,)), State("falls", (1,)))  # in w; in nepers, never above 0


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _compress(equalized, sharp, threshold, makeup, ballistics, held, falls, out):
    """equalized, out [2, frames]; makeup [2]; ballistics [3]; held and falls [1] move on."""
    step, share, scale = ballistics
    stretches = out.shape[1] // KNOT_FRAMES
    gain = np.exp(falls[0] + makeup[0])
    for stretch in range(stretches):
        begin, peak = stretch * KNOT_FRAMES, np.float32(0.0)
        for c in range(2):
            for n in range(KNOT_FRAMES):
                peak = max(peak, abs(equalized[c, begin + n]))
        over = np.log(peak) * sharp - threshold  # of silence: minus infinity, and 0 after the knee
        over = max(over, np.float32(0.0)) + np.log1p(np.exp(-abs(over)))
        held[0] = max(over, held[0] - step)
        falls[0] += share * (scale * held[0] - falls[0])
        glide = makeup[0] + (makeup[1] - makeup[0]) * np.float32((stretch + 1) / stretches)
        target = np.exp(falls[0] + glide)
        slope = (target - gain) / np.float32(KNOT_FRAMES)
        for c in range(2):
            for n in range(KNOT_FRAMES):
                out[c, begin + n] = equalized[c, begin + n] * (gain + slope * np.float32(n))
        gain = target
    falls[0] -= min(max(falls[0], -SETTLED), SETTLED)


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["compressed"] [2, frames]."""
    sizes = inputs["sharp"][0], inputs["threshold"][0], inputs["makeup"], inputs["ballistics"]
    _compress(inputs["equalized"], *sizes, state["held"], state["falls"], out["compressed"])


# --- graph ----------------------------------------------------------------------------------------------------------
def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """The detector at all knots at once, then one matrix product draws the lines between them."""
    last = layout.knots - 1
    peaks = g.reduce_max(g.reshape(g.unary("Abs", x["equalized"]), (2, last, KNOT_FRAMES)), axes=(0, 2))
    over = g.unary("Softplus", g.unary("Log", peaks) * x["sharp"] - x["threshold"])
    held = g.reduce_max(g.concat([state["held"], over], axis=0) - x["release"], axes=(1,))  # [knots]
    driven = g.concat([state["falls"], g.gather(held, g.constant(np.arange(1, layout.knots), np.int64))], axis=0)
    falls = driven @ x["attack"]  # [knots]
    end = g.constant([last], np.int64)
    glide = np.arange(layout.knots) / last
    gain = g.unary("Exp", falls + x["makeup"] @ g.constant(np.stack([1.0 - glide, glide])))
    compressed = x["equalized"] * (gain @ g.constant(hat(layout.block_frames)))
    moved = {
        "held": g.gather(held, end),
        "falls": settle(g, g.gather(falls, end), few=True),
    }
    return {"compressed": compressed}, moved


# --- record ---------------------------------------------------------------------------------------------------------
COMPRESSOR = Unit(
    name="compressor",
    sections={"compressor": PARAMS},
    inputs=(Port("equalized", (2, "frames"), -1.0, 1.0, "frames"),),
    values=VALUES,
    prepare=prepare,
    outputs=(Port("compressed", (2, "frames"), -1.0, 1.0, "frames"),),
    state=STATE,
    kernel=kernel,
    graph=graph,
    tolerance=1e-5,
)
