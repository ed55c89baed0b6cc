"""All voices onto three buses: left, right, and the send to the reverb.

What one hears: each voice's loudness, place and distance. The amplitude envelope is applied here (straight between
knots); the gains, which hold velocity, part level, pan and send, move in a straight line over the block:
    bus_b(n) = sum over voices of y_v(n) envelope_v(n) (gain_bv + change_bv n / frames)
As matrices: [6, V] @ [V, frames], then the lower three rows times the ramp.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from collections.abc import Mapping

import numpy as np
from numba import njit

from gen_core.playback.layout import KNOT_FRAMES, LANES, Layout, Port
from gen_core.spec.param import Param
from gen_core.synth.knots import hat
from gen_core.synth.unit import Arrays, Builder, Tensor, Tensors, Unit

# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Param(id="gain_db", low=-36.0, high=18.0, default=0.0, unit="dB"),
    Param(id="pan", low=-1.0, high=1.0, default=0.0, help="left to right, equal power"),
    Param(id="send", low=0.0, high=1.0, default=0.2, help="to the reverb"),
    Param(id="velocity_db", low=0.0, high=40.0, default=24.0, unit="dB", help="between velocity 1 and 127"),
)

# --- state: none ----------------------------------------------------------------------------------------------------


# --- kernel ---------------------------------------------------------------------------------------------------------
@njit(cache=True, error_model="numpy")
def _mix(filtered, envelope, mix, bus):
    """filtered [V, frames], envelope [V, knots], mix [6, V], bus [3, frames]."""
    bus[:] = 0.0
    frames = bus.shape[1]
    for v in range(filtered.shape[0]):
        if not mix[:, v].any():
            continue
        for knot in range(envelope.shape[1] - 1):
            now, step = envelope[v, knot], (envelope[v, knot + 1] - envelope[v, knot]) / np.float32(KNOT_FRAMES)
            begin = knot * KNOT_FRAMES
            for n in range(KNOT_FRAMES):
                at = begin + n
                y = filtered[v, at] * (now + step * np.float32(n))
                ramp = np.float32(at) / np.float32(frames)
                bus[0, at] += y * (mix[0, v] + ramp * mix[3, v])
                bus[1, at] += y * (mix[1, v] + ramp * mix[4, v])
                bus[2, at] += y * (mix[2, v] + ramp * mix[5, v])


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["bus"] [1, 3, frames]."""
    _mix(inputs["filtered"], inputs["envelope"][0], inputs["mix"], out["bus"][0])


# --- graph ----------------------------------------------------------------------------------------------------------
def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """One matrix product for all voices and buses."""
    amplitude = g.slice(x["envelope"], 0, 1, axis=0) @ g.constant(hat(layout.block_frames))  # [1, V, frames]
    steady, change = g.split(x["mix"] @ (amplitude * x["filtered"]), (3, 3), axis=1)
    ramp = np.arange(layout.block_frames) / layout.block_frames
    return {"bus": steady + change * g.constant(ramp)}, {}


# --- record ---------------------------------------------------------------------------------------------------------
_SIGNALS = (
    Port("filtered", ("lanes", "frames"), -1.0, 1.0, "frames"),
    Port("envelope", (2, "lanes", "knots"), 0.0, 1.0, "knots"),
)
MIXER = Unit(
    name="mixer",
    params=PARAMS,
    inputs=(*_SIGNALS, LANES["mix"]),
    outputs={"bus": (1, 3, "frames")},
    state=(),
    kernel=kernel,
    graph=graph,
    tolerance=5e-5,  # a sum over all voices
)
