"""All lanes of a voice onto the buses: left, right, the sends of the effects, and what goes through the drive.

What one hears: each note's loudness, place and distance. The gains hold velocity, level, pan and sends, and move in a
straight line over the block:
    bus_b(n) = sum over lanes of y_v(n) (gain_bv + change_bv n / frames)
As matrices: [2 buses, V] @ [V, frames], then the lower half times the ramp.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from collections.abc import Mapping

import numpy as np

from gen_core.spec.param import Param
from gen_core.synth.jit import jit
from gen_core.synth.layout import Layout, Port
from gen_core.synth.unit import Arrays, Builder, Tensor, Tensors, Unit

BUSES = ("left", "right", "room", "echo", "chorus", "drive_left", "drive_right")

# --- parameters: what a patch says of its place; the allocator turns them, velocity and levels into `mix` -----------
PARAMS = (
    Param(id="gain_db", low=-36.0, high=24.0, default=0.0, unit="dB"),
    Param(id="velocity_db", low=0.0, high=40.0, default=24.0, unit="dB", help="between velocity 1 and 127"),
    Param(id="pan", low=-1.0, high=1.0, default=0.0, help="left to right, equal power"),
    Param(id="spread", low=-1.0, high=1.0, default=0.0, help="of pan over the keyboard, two octaves around middle C"),
    Param(id="send", low=0.0, high=1.0, default=0.2, help="to the reverb"),
    Param(id="echo", low=0.0, high=1.0, default=0.0, help="to the delay"),
    Param(id="chorus", low=0.0, high=1.0, default=0.0, help="to the chorus"),
    Param(id="drive", low=0.0, high=1.0, default=0.0, help="how much of it goes through the waveshaper"),
)

# --- values, written every block; state: none -----------------------------------------------------------------------
MIX = Port("mix", (2 * len(BUSES), "lanes"), -1.0, 1.0, "mix")  # gains at block start, then their change over it


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _mix(voice, mix, out):
    """voice [V, frames], mix [2 buses, V], out [buses, frames]."""
    out[:] = 0.0
    buses, frames = out.shape
    share = np.float32(1.0 / frames)
    for b in range(buses):
        for v in range(voice.shape[0]):
            start, change = mix[b, v], mix[buses + b, v] * share
            if start == 0.0 and change == 0.0:
                continue
            for n in range(frames):
                out[b, n] += voice[v, n] * (start + change * np.float32(n))


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["bus"] [buses, frames]."""
    _mix(inputs["voice"], inputs["mix"], out["bus"])


# --- graph ----------------------------------------------------------------------------------------------------------
def draw_sums(g: Builder, x: Mapping[str, Tensor]) -> Tensor:
    """[2 buses, frames]: one matrix product for all lanes and buses; those of several voices may be added."""
    return g.transpose(x["mix"], (1, 0)) @ x["voice"]


def draw_buses(g: Builder, layout: Layout, sums: Tensor) -> Tensor:
    """[buses, frames]: what `draw_sums` gave, its lower half grown along the block."""
    steady, change = g.split(sums, (len(BUSES), len(BUSES)), axis=0)
    return steady + change * g.constant(np.arange(layout.block_frames) / layout.block_frames)


def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """A rack draws the two apart, around the sum over its voices."""
    return {"bus": draw_buses(g, layout, draw_sums(g, x))}, {}


# --- record ---------------------------------------------------------------------------------------------------------
MIXER = Unit(
    name="mixer",
    sections={"mix": PARAMS},
    inputs=(Port("voice", ("lanes", "frames"), -1.0, 1.0, "frames"), MIX),
    outputs=(Port("bus", (len(BUSES), "frames"), -1.0, 1.0, "frames"),),
    kernel=kernel,
    graph=graph,
    tolerance=5e-5,  # a sum over all voices
)
