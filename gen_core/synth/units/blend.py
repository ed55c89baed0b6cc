"""The voice's sources brought together: two oscillators and the noise, each with its own level.

What one hears: the raw sound of a voice before its filter. A level is a constant plus the modulation envelope times
another, so that an attack can be noise and the tail a tone (a drum), or bright at first (a bell):
    x(n) = sum over sources of source(n) (level + level_bend envelope(n))
Constant over a block: the levels; straight between knots: the envelope.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gen_core.synth.jit import jit
from gen_core.synth.knots import hat
from gen_core.synth.layout import KNOT_FRAMES, Layout, Port
from gen_core.synth.unit import Arrays, Builder, NoteOn, Row, Tensor, Tensors, Unit
from gen_core.synth.units.envelope import ENVELOPES
from gen_core.synth.units.noise import NOISES
from gen_core.synth.units.oscillator import WAVE

# --- parameters: `level` and `level_bend` of the oscillators and the noise; state: none -----------------------------
VALUES = (
    Port("level", (3, "lanes", 1), -1.0, 1.0),  # oscillator 1, oscillator 2, noise
    Port("level_bend", (3, "lanes", 1), -1.0, 1.0),  # the same, times the modulation envelope
)
_SOURCES = ("oscillator_1", "oscillator_2", "noise")


def prepare(row: Row, note: NoteOn) -> Mapping[str, NDArray]:
    """Levels of the three sources."""
    return {port.name: np.array([[row[source][port.name]] for source in _SOURCES]) for port in VALUES}


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _add(source, start, end, out):
    """Add one source, its level going straight from start to end over a stretch."""
    step = (end - start) / np.float32(KNOT_FRAMES)
    for n in range(KNOT_FRAMES):
        out[n] += source[n] * (start + np.float32(n) * step)


@jit
def _blend(wave, noise, envelope, level, level_bend, out):
    """wave [2, V, frames], noise [frames], envelope [V, knots], levels [3, V], out [V, frames]."""
    out[:] = 0.0
    for v in range(out.shape[0]):
        for s in range(3):
            flat, bend = level[s, v], level_bend[s, v]
            if flat == 0.0 and bend == 0.0:
                continue
            for knot in range(envelope.shape[1] - 1):
                here = slice(knot * KNOT_FRAMES, (knot + 1) * KNOT_FRAMES)
                source = noise[here] if s == 2 else wave[s, v, here]
                start, end = flat + bend * envelope[v, knot], flat + bend * envelope[v, knot + 1]
                _add(source, start, end, out[v, here])


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["source"] [1, lanes, frames]."""
    levels = inputs["level"][..., 0], inputs["level_bend"][..., 0]
    _blend(inputs["wave"], inputs["noise"][0], inputs["envelope"][1], *levels, out["source"][0])


# --- graph ----------------------------------------------------------------------------------------------------------
def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """Levels at knots, spread to samples by one matrix product."""
    envelope = g.slice(x["envelope"], 1, 2, axis=0)  # [1, V, knots]
    waves, noise = g.split(envelope * x["level_bend"] + x["level"], (2, 1), axis=0)
    lines = g.constant(hat(layout.block_frames))
    first, second = g.split(waves @ lines * x["wave"], (1, 1), axis=0)
    return {"source": first + second + noise @ lines * x["noise"]}, {}


# --- record ---------------------------------------------------------------------------------------------------------
BLEND = Unit(
    name="blend",
    inputs=(WAVE, NOISES, ENVELOPES),
    values=VALUES,
    prepare=prepare,
    outputs=(Port("source", (1, "lanes", "frames"), -1.0, 1.0, "frames"),),
    kernel=kernel,
    graph=graph,
    tolerance=2e-6,
)
