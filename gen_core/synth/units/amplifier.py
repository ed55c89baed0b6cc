"""The voice's loudness over time: the signal times the amplitude envelope.

    y(n) = x(n) envelope(n), the envelope straight between knots
The voltage-controlled amplifier at the end of an analogue voice. Gains that do not belong to the note's shape
(velocity, level, place) are the mixer's.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from collections.abc import Mapping

import numpy as np

from gen_core.synth.jit import jit
from gen_core.synth.knots import lines, row
from gen_core.synth.layout import KNOT_FRAMES, Layout, Port
from gen_core.synth.sine import COUNT
from gen_core.synth.unit import Arrays, Builder, Calls, Tensor, Tensors, Unit, called
from gen_core.synth.units.envelope import ENVELOPES
from gen_core.synth.vector import WIDE, load, splat, store

# --- parameters, values, state: none --------------------------------------------------------------------------------
_SHARE = np.float32(1.0 / KNOT_FRAMES)


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _amplify(signal, envelope, out):
    """signal, out [V, frames]; envelope [V, knots]."""
    for v in range(out.shape[0]):
        heard, made = signal[v], out[v]
        for knot in range(envelope.shape[1] - 1):
            start, step = envelope[v, knot], (envelope[v, knot + 1] - envelope[v, knot]) * _SHARE
            for n in range(0, KNOT_FRAMES, WIDE):
                at = knot * KNOT_FRAMES + n
                store(made, at, load(heard, at) * (splat(start) + load(COUNT, n) * splat(step)))


def calls(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> Calls:
    """→ out["voice"] [lanes, frames]."""
    return [(_amplify, (inputs["signal"], inputs["envelope"][0], out["voice"]))]


# --- graph ----------------------------------------------------------------------------------------------------------
def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """The lines, times the signal."""
    return {"voice": lines(g, layout, row(g, x["envelope"], 0)) * x["signal"]}, {}


# --- record ---------------------------------------------------------------------------------------------------------
AMPLIFIER = Unit(
    name="amplifier",
    inputs=(Port("signal", ("lanes", "frames"), -1.0, 1.0, "frames"), ENVELOPES),
    outputs=(Port("voice", ("lanes", "frames"), -1.0, 1.0, "frames"),),
    calls=calls,
    kernel=called(calls),
    graph=graph,
    tolerance=2e-6,
)
