"""A room: eight delay lines that feed each other (feedback delay network).

What one hears: a hall around the instruments; the highs die first. J.-M. Jot, A. Chaigne, "Digital delay networks
for designing artificial reverberators", AES 90 (1991); Householder feedback matrix as in J. O. Smith, "Physical Audio
Signal Processing", ch. "Feedback Delay Networks":
    r_i(n) = line_i(n - d_i) (1 - damping) + line_i(n - d_i - 1) damping
    line_i(n) = send(n) + g_i r_i(n) - (1/4) sum_j g_j r_j(n),   g_i = 10^(-3 d_i / (rate decay))
    left, right = level * (+ and - sums of r_i)
Every delay is longer than a block, so a whole block is read before it is written: one gather of constant places, one
matrix product, one shift. Lengths are primes (no common echoes) from 11 ms, the first echo, to 47 ms.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.param import Param
from gen_core.synth.jit import jit
from gen_core.synth.layout import Layout, Port
from gen_core.synth.unit import SETTLED, Arrays, Builder, State, Tensor, Tensors, Unit, settle

_DELAYS = (523, 683, 877, 1087, 1321, 1579, 1873, 2243)  # frames
_LENGTH = max(_DELAYS) + 1
_LEFT = np.array([1, -1, 1, -1, 1, -1, 1, -1], np.float32)
_RIGHT = np.array([1, 1, -1, -1, 1, 1, -1, -1], np.float32)  # orthogonal to the left: as wide as it gets

# --- parameters: of the book, drawn into the graph ------------------------------------------------------------------
PARAMS = (
    Param(id="decay_s", low=0.2, high=8.0, default=1.7, unit="s", help="to -60 dB, in the bass"),
    Param(id="damping", low=0.0, high=0.5, default=0.22, help="0.5 is the strongest two-tap low pass"),
    Param(id="level", low=0.0, high=1.0, default=0.5),
)
_DEFAULTS = {param.id: param.default for param in PARAMS}

# --- state ----------------------------------------------------------------------------------------------------------
STATE = (State("lines", (8, _LENGTH)),)  # what was written last, oldest first


def _gains(sample_rate_hz: int) -> NDArray[np.float32]:
    return (10.0 ** (-3.0 * np.array(_DELAYS) / (sample_rate_hz * _DEFAULTS["decay_s"]))).astype(np.float32)


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _room(send, lines, delays, gains, signs, damping, level, fed, total, wet):
    """send [frames]; lines [8, length] moves on; fed [8, frames] and total [frames] are scratch; wet [2, frames]."""
    frames, length = send.size, lines.shape[1]
    straight = np.float32(1.0) - damping
    wet[:] = 0.0
    total[:] = 0.0
    for i in range(8):
        first = length - delays[i]
        for n in range(frames):
            r = lines[i, first + n] * straight + lines[i, first + n - 1] * damping
            wet[0, n] += level * signs[0, i] * r
            wet[1, n] += level * signs[1, i] * r
            fed[i, n] = gains[i] * r
            total[n] += fed[i, n]
    for i in range(8):
        for n in range(length - frames):
            lines[i, n] = lines[i, n + frames]
        for n in range(frames):
            value = send[n] + fed[i, n] - np.float32(0.25) * total[n]
            lines[i, length - frames + n] = value - min(max(value, -SETTLED), SETTLED)


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["wet"] [2, frames]."""
    fed, total = np.empty((8, layout.block_frames), np.float32), np.empty(layout.block_frames, np.float32)
    numbers = np.float32(_DEFAULTS["damping"]), np.float32(_DEFAULTS["level"])
    signs, gains = np.stack([_LEFT, _RIGHT]), _gains(layout.sample_rate_hz)
    _room(inputs["room_send"][0], state["lines"], np.array(_DELAYS), gains, signs, *numbers, fed, total, out["wet"])


# --- graph ----------------------------------------------------------------------------------------------------------
@lru_cache
def _places(frames: int) -> NDArray[np.int32]:
    """[8 * 2 * frames]: where each line's two taps lie in the flattened state."""
    first = np.arange(8) * _LENGTH + _LENGTH - np.array(_DELAYS)
    taps = first[:, None] - np.arange(2)[None, :]
    return (taps[:, :, None] + np.arange(frames)).astype(np.int32).reshape(-1)


@lru_cache
def _matrix(sample_rate_hz: int) -> NDArray[np.float32]:
    """[10, 17]: (line taps, send) → what is written to the lines, and left and right."""
    damping, level = _DEFAULTS["damping"], _DEFAULTS["level"]
    householder = (np.eye(8) - 0.25) * _gains(sample_rate_hz)
    rows = np.concatenate([householder, level * _LEFT[None], level * _RIGHT[None]])
    taps = (rows[:, :, None] * np.array([1.0 - damping, damping])).reshape(10, 16)
    send = np.concatenate([np.ones(8), np.zeros(2)])
    return np.concatenate([taps, send[:, None]], axis=1).astype(np.float32)


def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """Damping, feedback and output are one matrix."""
    frames, lines = layout.block_frames, state["lines"]
    assert frames <= min(_DELAYS), "a block must be shorter than every delay"
    taps = g.gather_elements(g.reshape(lines, (-1,)), g.constant(_places(frames), np.int32), axis=0)
    heard = g.concat([g.reshape(taps, (16, frames)), x["room_send"]], axis=0)
    fed, wet = g.split(g.constant(_matrix(layout.sample_rate_hz)) @ heard, (8, 2), axis=0)
    kept = g.slice(lines, frames, _LENGTH, axis=1)
    return {"wet": wet}, {"lines": g.concat([kept, settle(g, fed)], axis=1)}


# --- record ---------------------------------------------------------------------------------------------------------
REVERB = Unit(
    name="reverb",
    sections={"reverb": PARAMS},
    inputs=(Port("room_send", (1, "frames"), -1.0, 1.0, "frames"),),
    outputs=(Port("wet", (2, "frames"), -1.0, 1.0, "frames"),),
    state=STATE,
    kernel=kernel,
    graph=graph,
    tolerance=2e-5,
)
