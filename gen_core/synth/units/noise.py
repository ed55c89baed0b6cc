"""White noise, one stream for all voices, the same numbers in every rendering.

What one hears: breath, snare wires, cymbals, once filtered. Drum machines share one noise source among their voices
as well. Sample n is a hash of n, so a block can begin anywhere:
    three times: x = 0x45d9f3b x mod 2^32, x ^= x >> 16;  then y = x / 2^31 - 1
Two rounds leave an echo (autocorrelation 0.1 at one lag), three are as white as a library's generator (0.009).
The multiplier is below 2^31, so that all products fit int64, the widest integers that onnxruntime multiplies.
Multiplier: T. Mueller, answer 12996028 on Stack Overflow, measured again in C. Wellons, "Prospecting for hash
functions" (2018). The counter repeats after 2^32 samples (24 h at 48 kHz).
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from collections.abc import Mapping

import numpy as np

from gen_core.spec.param import Param
from gen_core.synth.jit import jit
from gen_core.synth.layout import Layout, Port
from gen_core.synth.unit import Arrays, Builder, State, Tensor, Tensors, Unit

_MULTIPLIER = 0x45D9F3B
_MASK = 0xFFFFFFFF
_ROUNDS = 3
_SCALE = np.float32(2.0**-31)

# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Param(id="level", low=0.0, high=1.0, default=0.0),
    Param(id="level_bend", low=-1.0, high=1.0, default=0.0, help="added, times the modulation envelope"),
)

# --- state ----------------------------------------------------------------------------------------------------------
STATE = (State("counter", (1,), start=1.0, dtype=np.int64),)  # the next sample's number


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _hash(counter, out):
    for n in range(out.size):
        x = (counter + n) & _MASK
        for _ in range(_ROUNDS):
            x = x * _MULTIPLIER & _MASK
            x ^= x >> 16
        out[n] = np.float32(x) * _SCALE - np.float32(1.0)


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["noise"] [1, frames], -1..1."""
    _hash(state["counter"][0], out["noise"][0])
    state["counter"] += layout.block_frames


# --- graph ----------------------------------------------------------------------------------------------------------
def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """Integer division stands for the shift, which onnxruntime has for unsigned integers only."""
    counter = state["counter"]
    frames = g.constant(np.arange(layout.block_frames)[None, :], np.int64)
    value = g.bit_and(frames + counter, _MASK)
    for _ in range(_ROUNDS):
        value = g.bit_and(value * _MULTIPLIER, _MASK)
        value = g.bit_xor(value, value / 65536)
    noise = g.cast(value, np.float32) * float(_SCALE) - 1.0
    return {"noise": noise}, {"counter": counter + layout.block_frames}


# --- record ---------------------------------------------------------------------------------------------------------
NOISES = Port("noise", (1, "frames"), -1.0, 1.0, "frames")
NOISE = Unit(
    name="noise",
    sections={"noise": PARAMS},
    outputs=(NOISES,),
    state=STATE,
    kernel=kernel,
    graph=graph,
    tolerance=0.0,
)
