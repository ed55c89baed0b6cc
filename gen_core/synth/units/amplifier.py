"""The voice's loudness over time: the signal times the amplitude envelope.

    y(n) = x(n) envelope(n), the envelope straight between knots
The voltage-controlled amplifier at the end of an analogue voice. Gains that do not belong to the note's shape
(velocity, level, place) are the mixer's.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from collections.abc import Mapping

from gen_core.synth.jit import jit
from gen_core.synth.knots import lines, row
from gen_core.synth.layout import KNOT_FRAMES, Layout, Port
from gen_core.synth.unit import Arrays, Builder, Tensor, Tensors, Unit
from gen_core.synth.units.envelope import ENVELOPES

# --- parameters, values, state: none --------------------------------------------------------------------------------


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _amplify(signal, envelope, out):
    """signal, out [V, frames]; envelope [V, knots]."""
    for v in range(out.shape[0]):
        for knot in range(envelope.shape[1] - 1):
            start = envelope[v, knot]
            step = (envelope[v, knot + 1] - start) / KNOT_FRAMES
            for n in range(KNOT_FRAMES):
                at = knot * KNOT_FRAMES + n
                out[v, at] = signal[v, at] * (start + step * n)


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["voice"] [lanes, frames]."""
    _amplify(inputs["signal"], inputs["envelope"][0], out["voice"])


# --- graph ----------------------------------------------------------------------------------------------------------
def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """The lines, times the signal."""
    return {"voice": lines(g, layout, row(g, x["envelope"], 0)) * x["signal"]}, {}


# --- record ---------------------------------------------------------------------------------------------------------
AMPLIFIER = Unit(
    name="amplifier",
    inputs=(Port("signal", ("lanes", "frames"), -1.0, 1.0, "frames"), ENVELOPES),
    outputs=(Port("voice", ("lanes", "frames"), -1.0, 1.0, "frames"),),
    kernel=kernel,
    graph=graph,
    tolerance=2e-6,
)
