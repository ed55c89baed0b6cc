"""A soft clipper: what is loud is bent, and grows overtones, hardly any of which fold back below half the sample rate.

What one hears: warmth, grit, at last a fuzz, about as loud as the clean sound, so that a part may fade from one to the
other. The curve is f(x) = x / sqrt(1 + x^2), between tanh and arctan. Instead of f at samples, its mean over the way
from one sample to the next is taken (antiderivative anti-aliasing: J. Parker, V. Zavalishin, E. Le Bivic, "Reducing the
aliasing of nonlinear waveshaping using continuous-time convolution", DAFx-16):
    y(n) = (F(x_n) - F(x_(n-1))) / (x_n - x_(n-1)),  F(x) = sqrt(1 + x^2)
Such quotients lose their digits where the samples are near each other. This curve's antiderivative is a root, so that
the difference of roots can be multiplied out, which leaves neither a small divisor nor a branch:
    y(n) = (x_n + x_(n-1)) / (F(x_n) + F(x_(n-1)))
The mean also dulls (it is cos(omega / 2) for soft sounds); three taps after the curve undo that, or go further:
    z(n) = y(n) - tone (y(n-1) - 2 y(n) + y(n+1))
Nothing feeds back, so a block is elementwise. Gain, tone and loudness glide in straight lines over a block.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math
from collections.abc import Mapping

import numpy as np

from gen_core.spec.param import Param
from gen_core.synth.jit import allocating
from gen_core.synth.knots import ends
from gen_core.synth.layout import Layout, Port
from gen_core.synth.unit import Arrays, Builder, Row, Stage, State, Tensor, Tensors, Unit

_USUAL = 0.1  # -20 dBFS RMS, where clean and driven are equally loud
_TONE_HZ = 8000.0
_POINTS = np.linspace(-8.0, 8.0, 257)  # for means over a normal distribution: a plain sum is exact for smooth bells
_WEIGHTS = np.exp(-0.5 * _POINTS**2)

# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Param(id="amount_db", low=0.0, high=36.0, default=12.0, unit="dB", help="gain before the curve; 36 is a fuzz"),
    Param(id="tone_db", low=-3.0, high=3.0, default=0.0, unit="dB", help="at 8 kHz; three taps can do no more"),
)

# --- values ---------------------------------------------------------------------------------------------------------
VALUES = (Port("drive_curve", (3, 1, 2), -0.25, 63.0, "ramp"),)  # gain before, gain after, tone


def prepare(row: Row, stage: Stage) -> Mapping[str, np.ndarray]:
    """The gain, the gain that makes up for it, and the weight of the taps."""
    section = row["drive"]
    gain = 10.0 ** (section["amount_db"] / 20.0)
    goal = [gain, _loudness_kept(gain), _tone(section["tone_db"], stage.layout)]
    return {"drive_curve": np.repeat(goal, 2)}


def _loudness_kept(gain: float) -> float:
    """What the curve's output is multiplied by, so that noise of -20 dBFS RMS comes out as loud as it went in."""
    bent = gain * _USUAL * _POINTS
    power = (_WEIGHTS * bent**2 / (1.0 + bent**2)).sum() / _WEIGHTS.sum()
    return float(_USUAL / math.sqrt(power))


def _tone(decibels: float, layout: Layout) -> float:
    """Solves (1 + 4 tone sin^2(apart omega / 2)) cos(omega / 2) = the gain at 8 kHz; at -1/4 Nyquist is gone."""
    half = math.pi * min(_TONE_HZ / layout.sample_rate_hz, 1.0 / 6.0)
    goal = 10.0 ** (decibels / 20.0) / math.cos(half)
    return max((goal - 1.0) / (2.0 * math.sin(layout.apart * half)) ** 2, -0.25)


# --- state ----------------------------------------------------------------------------------------------------------
STATE = (
    State("loud", (1, 2, 1)),  # the last sample before the curve
    State("bent", (1, 2, lambda layout: 2 * layout.apart)),  # the last samples after it
)


# --- kernel ---------------------------------------------------------------------------------------------------------
@allocating
def _drive(send, curve, loud, bent, apart, line, out):
    """send, out [2, frames]; curve [3, 2]; loud [2]; bent [2, 2 apart]; line [2 apart + frames] is scratch."""
    frames, late = out.shape[1], 2 * apart
    one, share = np.float32(1.0), np.float32(1.0 / frames)
    for c in range(2):
        line[:late] = bent[c]
        before = loud[c]
        root = np.sqrt(one + before * before)
        for n in range(frames):
            along = np.float32(n) * share
            x = send[c, n] * (curve[0, 0] * (one - along) + curve[0, 1] * along)
            here = np.sqrt(one + x * x)
            line[late + n] = (x + before) / (here + root)
            before, root = x, here
        loud[c] = before
        for n in range(frames):
            along = np.float32(n) * share
            after = curve[1, 0] * (one - along) + curve[1, 1] * along
            tone = curve[2, 0] * (one - along) + curve[2, 1] * along
            middle = line[apart + n]
            out[c, n] = after * (middle - tone * (line[n] - np.float32(2.0) * middle + line[late + n]))
        bent[c] = line[frames:]


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["driven"] [2, frames], `apart` and a half samples late."""
    apart = layout.apart
    line = np.empty(2 * apart + layout.block_frames, np.float32)
    moving = state["loud"][0, :, 0], state["bent"][0]
    _drive(inputs["drive_send"], inputs["drive_curve"][:, 0], *moving, apart, line, out["driven"])


# --- graph ----------------------------------------------------------------------------------------------------------
_MIDDLE_AND_BEND = np.zeros((4, 2, 3))  # both channels: the middle of three samples, and how far they are from straight
_MIDDLE_AND_BEND[[0, 1], [0, 1]] = [0.0, 1.0, 0.0]
_MIDDLE_AND_BEND[[2, 3], [0, 1]] = [1.0, -2.0, 1.0]


def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """All elementwise; neighbours by slices."""
    frames, apart = layout.block_frames, layout.apart
    before, after, tone = g.split(x["drive_curve"] @ g.constant(ends(frames)), (1, 1, 1), axis=0)
    loud = g.concat([state["loud"], before * x["drive_send"]], axis=2)  # [1, 2, 1 + frames]
    both = g.concat([loud, g.unary("Sqrt", loud * loud + 1.0)], axis=1)
    pairs = g.slice(both, 0, frames, axis=2) + g.slice(both, 1, frames + 1, axis=2)
    above, below = g.split(pairs, (2, 2), axis=1)
    bent = g.concat([state["bent"], above / below], axis=2)
    middle, bend = g.split(g.convolve(bent, g.constant(_MIDDLE_AND_BEND), apart=apart), (2, 2), axis=1)
    moved = {
        "loud": g.slice(loud, frames, frames + 1, axis=2),
        "bent": g.slice(bent, frames, frames + 2 * apart, axis=2),
    }
    return {"driven": g.reshape((middle - bend * tone) * after, (2, frames))}, moved


# --- record ---------------------------------------------------------------------------------------------------------
DRIVE = Unit(
    name="drive",
    sections={"drive": PARAMS},
    inputs=(Port("drive_send", (2, "frames"), -1.0, 1.0, "frames"),),
    values=VALUES,
    prepare=prepare,
    outputs=(Port("driven", (2, "frames"), -1.0, 1.0, "frames"),),
    state=STATE,
    kernel=kernel,
    graph=graph,
    tolerance=1e-5,
)
