"""Two signals of a voice together.

    y(n) = a(n) + b(n)
What one hears: a bell and the noise of its hammer, a voice and its breath. Levels belong to whoever makes the signals.
"""

from collections.abc import Mapping

import numpy as np

from gen_core.synth.layout import Layout, Port
from gen_core.synth.unit import Arrays, Builder, Tensor, Tensors, Unit

# --- parameters, values, state: none --------------------------------------------------------------------------------


# --- kernel ---------------------------------------------------------------------------------------------------------
def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["sum"] [lanes, frames]."""
    np.add(inputs["a"], inputs["b"], out=out["sum"])


# --- graph ----------------------------------------------------------------------------------------------------------
def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """One node."""
    return {"sum": x["a"] + x["b"]}, {}


# --- record ---------------------------------------------------------------------------------------------------------
SUM = Unit(
    name="sum",
    inputs=tuple(Port(name, ("lanes", "frames"), -1.0, 1.0, "frames") for name in ("a", "b")),
    outputs=(Port("sum", ("lanes", "frames"), -2.0, 2.0, "frames"),),
    kernel=kernel,
    graph=graph,
    tolerance=1e-7,
)
