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
from gen_core.synth.knots import ends
from gen_core.synth.layout import Layout, Port
from gen_core.synth.unit import Arrays, Builder, Calls, Tensor, Tensors, Unit, called
from gen_core.synth.vector import WIDE, load, splat, store

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
def _add(voice, gains, ramp, out):
    """Add four lanes to one bus: voice four rows [frames]; gains (at block start, change) of each."""
    a, b, c, d = voice
    (a0, a1), (b0, b1), (c0, c1), (d0, d1) = gains
    for n in range(0, out.size, WIDE):
        along = load(ramp, n)
        first = load(a, n) * (splat(a0) + splat(a1) * along) + load(b, n) * (splat(b0) + splat(b1) * along)
        second = load(c, n) * (splat(c0) + splat(c1) * along) + load(d, n) * (splat(d0) + splat(d1) * along)
        store(out, n, load(out, n) + (first + second))


@jit
def _gains(mix, bus, lane):
    """(gain at block start, change) of a lane; of none behind the last, nothing."""
    if lane >= mix.shape[1]:
        return np.float32(0.0), np.float32(0.0)
    return mix[bus, lane], mix[mix.shape[0] // 2 + bus, lane]


@jit
def _mix(voice, mix, ramp, out):
    """voice [V, frames], mix [2 buses, V], ramp [frames] from 0 to 1, out [buses, frames]."""
    out[:] = 0.0
    last = voice.shape[0] - 1
    for v in range(0, voice.shape[0], 4):
        rows = voice[v], voice[min(v + 1, last)], voice[min(v + 2, last)], voice[min(v + 3, last)]
        for bus in range(out.shape[0]):
            a, b, c, d = _gains(mix, bus, v), _gains(mix, bus, v + 1), _gains(mix, bus, v + 2), _gains(mix, bus, v + 3)
            silent = a[0] == a[1] == b[0] == b[1] == c[0] == c[1] == d[0] == d[1] == 0.0
            if not silent:
                _add(rows, (a, b, c, d), ramp, out[bus])


def calls(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> Calls:
    """→ out["bus"] [buses, frames]."""
    return [(_mix, (inputs["voice"], inputs["mix"], ends(layout.block_frames)[1], out["bus"]))]


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
    calls=calls,
    kernel=called(calls),
    graph=graph,
    tolerance=5e-5,  # a sum over all voices
)
