"""What a note's frequency is multiplied by, from the onset on: a bend, a glide and a vibrato.

What one hears: the scoop of a drum or a horn into its tone, the glide of a legato line, the slow life of a held note.
In semitones above the note, t seconds after its onset and p after its pitch was chosen (legato keeps the onset):
    bend exp(-bend_rate p) + depth min(1, onset t) sin(rate t)
and the factor is 2^(semitones / 12). Computed every 128 samples in float64, for phases are sums of it, and straight in
between: the fastest vibrato then errs by half a cent.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math
from collections.abc import Mapping

import numpy as np

from gen_core.spec.param import Param
from gen_core.synth.curves import exponential, sine
from gen_core.synth.jit import jit
from gen_core.synth.knots import between
from gen_core.synth.layout import KNOT_FRAMES, Layout, Port, aligned
from gen_core.synth.unit import Arrays, Builder, Calls, NoteOn, Row, Tensor, Tensors, Unit, called

_PER_SEMITONE = math.log(2.0) / 12.0

# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Param(id="bend_semitones", low=-36.0, high=36.0, default=0.0, unit="semitones", help="at the onset"),
    Param(id="bend_s", low=0.005, high=2.0, default=0.05, unit="s", curve="exponential", help="time constant"),
    Param(id="vibrato_semitones", low=0.0, high=2.0, default=0.0, unit="semitones"),
    Param(id="vibrato_hz", low=0.2, high=9.0, default=5.0, unit="Hz", help="faster is no vibrato any more"),
    Param(id="vibrato_onset_s", low=0.001, high=2.0, default=0.3, unit="s", curve="exponential"),
)

# --- values; state: none --------------------------------------------------------------------------------------------
VALUES = (
    Port("bend_depth", ("lanes", 1), -36.0, 12.0, dtype=np.float64),  # semitones at the onset, dying away
    Port("bend_rate", ("lanes", 1), 0.5, 200.0, dtype=np.float64),  # 1/s
    Port("vibrato_depth", ("lanes", 1), 0.0, 2.0, dtype=np.float64),  # semitones
    Port("vibrato_rate", ("lanes", 1), 1.0, 60.0, dtype=np.float64),  # radians a second
    Port("vibrato_onset", ("lanes", 1), 0.5, 1000.0, dtype=np.float64),  # 1/s: how fast it swells
)


def prepare(row: Row, note: NoteOn) -> Mapping[str, float]:
    """The section as rates."""
    section = row["pitch"]
    return {
        "bend_depth": section["bend_semitones"],
        "bend_rate": 1.0 / section["bend_s"],
        "vibrato_depth": section["vibrato_semitones"],
        "vibrato_rate": 2.0 * math.pi * section["vibrato_hz"],
        "vibrato_onset": 1.0 / section["vibrato_onset_s"],
    }


def highest(row: Row) -> float:
    """The largest factor that a note of this patch reaches: what band limits must allow for."""
    section = row["pitch"]
    return float(2.0 ** ((max(section["bend_semitones"], 0.0) + section["vibrato_semitones"]) / 12.0))


def onset(row: Row) -> float:
    """The factor at the onset, and before it: how fast phases run until a note that begins inside a block."""
    return float(2.0 ** (row["pitch"]["bend_semitones"] / 12.0))


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _factor(ages, values, late, out):
    """All lanes `late` seconds into the block, one as the next, so that several run at once; everything [V]."""
    age, pitch_age = ages
    depth, rate, vibrato, vibrato_rate, onset = values
    for v in range(out.size):
        p = np.float64(max(pitch_age[v] + late, np.float32(0.0)))
        t = np.float64(max(age[v] + late, np.float32(0.0)))
        bend = depth[v] * exponential(-p * rate[v])
        swell = min(t * onset[v], 1.0) * vibrato[v] * sine(t * (vibrato_rate[v] * (0.5 / math.pi)))
        out[v] = exponential(_PER_SEMITONE * (bend + swell))


@jit
def _factors(ages, values, late, share, ends, out):
    """ages, values (VALUES) [V]; late [ends] s; ends [ends, V] is scratch; share: of the way; out [V, knots]."""
    step = share.size
    for end in range(late.size):
        _factor(ages, values, late[end], ends[end])
    for v in range(out.shape[0]):
        for end in range(late.size - 1):
            here, there = ends[end, v], ends[end + 1, v]
            for knot in range(step):
                out[v, end * step + knot] = here * (1.0 - share[knot]) + there * share[knot]
        out[v, (late.size - 1) * step] = ends[late.size - 1, v]


def calls(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> Calls:
    """→ out["factor"] [lanes, knots]."""
    ages, values = ([inputs[name][:, 0] for name in names] for names in (PITCH.clocks, [port.name for port in VALUES]))
    late = np.arange(layout.stretches + 1) * (layout.stretch_frames / layout.sample_rate_hz)
    step = layout.stretch_frames // KNOT_FRAMES
    room = np.arange(step) / step, aligned((late.size, layout.lanes), np.float64), out["factor"]
    return [(_factors, (tuple(ages), tuple(values), late.astype(np.float32), *room))]


# --- graph ----------------------------------------------------------------------------------------------------------
def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """The formula of the docstring, for all voices and stretches at once; then the lines between."""
    frames = layout.stretch_frames
    ends = np.arange(layout.stretches + 1) * (frames / layout.sample_rate_hz)
    t, gone = (g.cast(g.unary("Relu", x[age] + g.constant(ends)), np.float64) for age in ("age", "pitch_age"))
    bend = x["bend_depth"] / g.unary("Exp", gone * x["bend_rate"])
    swell = g.minimum(t * x["vibrato_onset"], 1.0) * x["vibrato_depth"]
    semitones = bend + swell * g.unary("Sin", t * x["vibrato_rate"])
    factor = g.unary("Exp", semitones * _PER_SEMITONE)
    return {"factor": factor @ g.constant(between(layout.knots, frames // KNOT_FRAMES), np.float64)}, {}


# --- record ---------------------------------------------------------------------------------------------------------
FACTOR = Port("factor", ("lanes", "knots"), 0.25, 2.5, "knots", np.float64)
PITCH = Unit(
    name="pitch",
    sections={"pitch": PARAMS},
    clocks=("age", "pitch_age"),
    values=VALUES,
    prepare=prepare,
    outputs=(FACTOR,),
    calls=calls,
    kernel=called(calls),
    graph=graph,
    tolerance=1e-9,
)
