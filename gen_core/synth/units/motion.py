"""What sways and swells: a voice's two envelopes, moved by its low-frequency oscillator and its drawn stages.

What one hears: tremolo, a filter that breathes, a pad that swells, sinks and swells again. With amplitude a, modulation
m, lfo l (-1..1) and stages s (0..1):
    a' = a (1 - tremolo (1 - l) / 2) (1 - swell (1 - s)),    m' = m + sway l + drawn s
Whoever reads an envelope (amplifier, filter, blend) hears this one instead. At knots, straight in between. The low-
frequency oscillator and the multi-stage envelope of a modular synthesizer: R. Moog, "Voltage-controlled electronic
music modules", JAES 13 (1965).
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from gen_core.spec.param import Param
from gen_core.synth.knots import abreast
from gen_core.synth.layout import Layout, Port, lanes_axis
from gen_core.synth.unit import Arrays, Builder, NoteOn, Row, Tensor, Tensors, Unit
from gen_core.synth.units.envelope import ENVELOPES
from gen_core.synth.units.lfo import SWAY
from gen_core.synth.units.stages import DRAWN

# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Param(id="tremolo", low=0.0, high=1.0, default=0.0, help="of the level, by the lfo; 1 goes down to silence"),
    Param(id="swell", low=0.0, high=1.0, default=0.0, help="how much of the level follows the stages"),
    Param(id="sway", low=-1.0, high=1.0, default=0.0, help="lfo, added to the modulation envelope"),
    Param(id="drawn", low=-1.0, high=1.0, default=0.0, help="stages, added to the modulation envelope"),
)

# --- values; state: none --------------------------------------------------------------------------------------------
VALUES = tuple(Port(param.id, ("lanes", 1), param.low, param.high) for param in PARAMS)
_PAIR = 1 - lanes_axis(ENVELOPES.dims)  # the axis on which the two envelopes lie


def prepare(row: Row, note: NoteOn) -> Mapping[str, Any]:
    """The section as it is."""
    return {param.id: row["motion"][param.id] for param in PARAMS}


# --- kernel ---------------------------------------------------------------------------------------------------------
def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["moved"], as the envelopes lie. A few hundred numbers: numpy is quick enough."""
    envelopes, moved = (np.moveaxis(array, _PAIR, 0) for array in (inputs["envelope"], out["moved"]))
    lfo, stages = inputs["lfo"], inputs["stages"]
    tremolo, swell, sway, drawn = (inputs[param.id] for param in PARAMS)
    half = np.float32(0.5) * tremolo
    moved[0] = envelopes[0] * (1 - half + half * lfo) * (1 - swell + swell * stages)
    moved[1] = envelopes[1] + (sway * lfo + drawn * stages)


# --- graph ----------------------------------------------------------------------------------------------------------
def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """The two formulas of the docstring."""
    amplitude, modulation = g.split(x["envelope"], (1, 1), axis=1)
    half = x["tremolo"] * 0.5
    level = (half * x["lfo"] + (1.0 - half)) * (x["swell"] * x["stages"] + (1.0 - x["swell"]))
    more = x["sway"] * x["lfo"] + x["drawn"] * x["stages"]
    level, more = (abreast(g, value) for value in (level, more))
    return {"moved": g.concat([amplitude * level, modulation + more], axis=1)}, {}


# --- record ---------------------------------------------------------------------------------------------------------
MOTION = Unit(
    name="motion",
    sections={"motion": PARAMS},
    inputs=(ENVELOPES, SWAY, DRAWN),
    values=VALUES,
    prepare=prepare,
    outputs=(replace(ENVELOPES, name="moved", low=-2.0, high=3.0),),
    kernel=kernel,
    graph=graph,
    tolerance=1e-6,
)
