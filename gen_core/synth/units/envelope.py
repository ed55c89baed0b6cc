"""Two envelopes a voice, attack, decay, sustain, release: one for loudness, one to modulate.

What one hears: a straight attack, an exponential fall towards the sustain level, an exponential release from
wherever the note was when it was let go. Solved in time since the onset (t) and since the release (u), so that
there are no stages and nothing to carry from block to block:
    held = t - max(u, 0)
    level = min(held / attack, sustain + (1 - sustain) exp(-(held - attack)+ decay_rate)) exp(-u+ release_rate)
Decay and release times of a patch are the time to fall by 60 dB, ln(1000) = 6.9 time constants, the way that
reverberation is measured (ISO 3382). Computed at knots; the units that use it draw straight lines between them.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.param import Param
from gen_core.synth.curves import exponential
from gen_core.synth.jit import jit
from gen_core.synth.knots import abreast
from gen_core.synth.layout import KNOT_FRAMES, Layout, Port
from gen_core.synth.unit import Arrays, Builder, Calls, NoteOn, Row, Tensor, Tensors, Unit, called

# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Param(id="attack_s", low=0.0005, high=4.0, default=0.005, unit="s", curve="exponential"),
    Param(id="decay_s", low=0.01, high=20.0, default=0.3, unit="s", curve="exponential", help="to -60 dB"),
    Param(id="sustain", low=0.0, high=1.0, default=1.0),
    Param(id="release_s", low=0.01, high=20.0, default=0.15, unit="s", curve="exponential", help="to -60 dB"),
)

# --- state: none ----------------------------------------------------------------------------------------------------
VALUES = (  # envelopes: 0 amplitude, 1 modulation; rates, so that neither rendering divides
    Port("attack", (2, "lanes", 1), 0.0005, 4.0),  # s
    Port("attack_rate", (2, "lanes", 1), 0.25, 2000.0),  # 1/attack
    Port("decay_rate", (2, "lanes", 1), 0.2, 1000.0),  # 1/time constant
    Port("sustain", (2, "lanes", 1), 0.0, 1.0),
    Port("release_rate", (2, "lanes", 1), 0.2, 1000.0),  # 1/time constant
)
_DECAY = math.log(1000.0)  # time constants in the time to -60 dB


def prepare(row: Row, note: NoteOn) -> Mapping[str, NDArray]:
    """Both sections as rates."""
    both = {param.id: np.array([[row[name][param.id]] for name in ("amp", "mod")]) for param in PARAMS}
    return {
        "attack": both["attack_s"],
        "attack_rate": 1.0 / both["attack_s"],
        "decay_rate": _DECAY / both["decay_s"],
        "sustain": both["sustain"],
        "release_rate": _DECAY / both["release_s"],
    }


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _turning(times, values, step_s, out):
    """One envelope over a block in which the note begins, peaks or is let go. values: its rates; out [knots]."""
    age, off_age = times
    attack, attack_rate, decay_rate, sustain, release_rate = values
    for knot in range(out.size):
        late = np.float32(knot * step_s)
        u = max(off_age + late, np.float32(0.0))
        held = max(age + late - u, np.float32(0.0))
        since_peak = max(held - attack, np.float32(0.0))
        fall = np.exp(-since_peak * decay_rate) if since_peak > 0.0 else np.float32(1.0)
        level = min(held * attack_rate, sustain + (np.float32(1.0) - sustain) * fall)
        out[knot] = level * np.exp(-u * release_rate) if u > 0.0 else level


@jit
def _steady(times, values, step_s, out):
    """One envelope after its peak, held or let go all the time: from knot to knot it falls by the same factor."""
    age, off_age = times
    attack, _, decay_rate, sustain, release_rate = values
    gone = max(off_age, 0.0)
    rate = release_rate if off_age >= 0.0 else decay_rate
    factor = exponential(-step_s * rate)
    fall = (1.0 - sustain) * exponential(-max(age - gone - attack, 0.0) * decay_rate)
    base = sustain
    if off_age >= 0.0:
        base, fall = 0.0, (sustain + fall) * exponential(-gone * release_rate)
    for knot in range(out.size):
        out[knot] = base + fall
        fall *= factor


@jit
def _envelope(age, off_age, values, step_s, out):
    """age, off_age [V, 1]; values: the rest of the inputs, each [2, V, 1]; out [2, V, knots]."""
    attack, attack_rate, decay_rate, sustain, release_rate = values
    block_s = step_s * out.shape[2]
    for e in range(2):
        for v in range(age.size):
            if attack_rate[e, v, 0] == 0.0:  # an idle lane
                out[e, v, :] = 0.0
                continue
            times = age[v, 0], off_age[v, 0]
            rates = attack[e, v, 0], attack_rate[e, v, 0], decay_rate[e, v, 0], sustain[e, v, 0], release_rate[e, v, 0]
            peaked = times[0] - max(times[1], np.float32(0.0)) >= attack[e, v, 0]
            if peaked and (times[1] >= 0.0 or times[1] + block_s <= 0.0):
                wide = (float(rates[0]), float(rates[1]), float(rates[2]), float(rates[3]), float(rates[4]))
                _steady((float(times[0]), float(times[1])), wide, step_s, out[e, v])
            else:
                _turning(times, rates, step_s, out[e, v])


def calls(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> Calls:
    """→ out["envelope"] [2, lanes, knots], 0..1."""
    step_s = KNOT_FRAMES / layout.sample_rate_hz
    age, off_age, *rest = (inputs[name] for name in _READS)
    return [(_envelope, (age, off_age, tuple(rest), step_s, out["envelope"]))]


# --- graph ----------------------------------------------------------------------------------------------------------
def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """The formula of the docstring, for all voices and knots at once."""
    late = np.arange(layout.knots) * (KNOT_FRAMES / layout.sample_rate_hz)
    age, off_age = (abreast(g, x[clock]) for clock in ("age", "off_age"))
    gone = g.unary("Relu", off_age + g.constant(late))  # u, [V, 1, knots]
    held = g.unary("Relu", age + g.constant(late) - gone)
    fall = g.unary("Exp", g.minimum(x["attack"] - held, 0.0) * x["decay_rate"])  # [V, 2, knots]
    # 1 - fall, not 1 - sustain: a number less an array whose last axis is 1 costs 150 instructions each
    level = g.minimum(held * x["attack_rate"], fall + (1.0 - fall) * x["sustain"])
    return {"envelope": level / g.unary("Exp", gone * x["release_rate"])}, {}  # Relu and / cost less than Min and *


# --- record ---------------------------------------------------------------------------------------------------------
ENVELOPES = Port("envelope", (2, "lanes", "knots"), 0.0, 1.0, "knots")
_READS = ("age", "off_age", "attack", "attack_rate", "decay_rate", "sustain", "release_rate")
ENVELOPE = Unit(
    name="envelope",
    sections={"amp": PARAMS, "mod": PARAMS},
    clocks=("age", "off_age"),
    values=VALUES,
    prepare=prepare,
    outputs=(ENVELOPES,),
    calls=calls,
    kernel=called(calls),
    graph=graph,
    tolerance=1e-5,
)
