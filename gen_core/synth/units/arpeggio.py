"""A chord out of one note, as chips with few channels play it: its tones in turn, so fast that they blur into a colour.

What one hears: the shimmer of home computers and consoles, whose music routine ran once a picture, 50 or 60 times a
second, and could change a channel's pitch each time: an arpeggio in place of a chord, and a vibrato of a few steps that
begins late (A. McSweeney, "Rob Hubbard's music: disassembled, commented and explained", C=Hacking 5, 1993, takes such a
routine apart; a PAL computer calls it 50.12 times a second). In semitones, p seconds after the pitch was chosen,
    steps[floor(rate p) mod count] + depth bow(floor(8 hertz (p - delay)+) mod 8)
and the pitch factor is multiplied by 2^(semitones / 12). Both terms are tables that are read in a circle. So both are
    curve(floor(count frac(cycles (p - begin)+)))
where `curve` is the polynomial of degree 3 through the table's points: exact for up to four steps, and for the vibrato
bow(m) = u (1 - u) (1 - 2 u) / 0.09375 with u = m / 8, nearly a sine: 0, 0.88, 1, 0.63, 0, -0.63, -1, -0.88.
A step falls on a knot, and the pitch runs there in a straight line, in 0.67 ms. Half a sample is added to the clock, so
that a step that falls on a knot exactly is decided the same way everywhere.

Steps lie at or below the key, the first at it: units that hear the pitch have made their band limits and their phases
for the key. For a chord above its key let the oscillators sound an octave higher: ratio 2, steps 0, -12, -8, -5.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param
from gen_core.synth.jit import jit
from gen_core.synth.knots import abreast
from gen_core.synth.layout import KNOT_FRAMES, Layout, Port
from gen_core.synth.unit import Arrays, Builder, Data, NoteOn, Row, Tensor, Tensors, Unit
from gen_core.synth.units.pitch import FACTOR

_MOST, _LOWEST = 4, -24.0
_BOW = np.array([0.0, 1.0, -3.0, 2.0]) / 0.09375  # of u
_BOW_STEPS = 8
_PER_SEMITONE = math.log(2.0) / 12.0


def check_steps(value: Any) -> Any:
    """`value` if it is one to four numbers, the first 0, the others -24..0."""
    hint = "write 1 to 4 semitones from the key down, the first 0, as in [0, -12, -8, -5]"
    numbers = isinstance(value, list) and all(type(step) in (int, float) for step in value)
    if not numbers or not 1 <= len(value) <= _MOST or value[0] != 0:
        raise UsageError(f"steps cannot be {value!r}", hint)
    if not all(_LOWEST <= step <= 0.0 for step in value):
        raise UsageError(f"steps {value!r} are out of range", hint)
    return value


# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Data(id="steps", default=[0], check=check_steps, examples=([0, -12, -8, -5], [0, -5, -9]), help="semitones"),
    Param(id="rate_hz", low=1.0, high=100.0, default=50.0, unit="Hz", curve="exponential", help="steps a second"),
    Param(id="vibrato_semitones", low=0.0, high=1.0, default=0.0, unit="semitones", help="more would be a siren"),
    Param(id="vibrato_hz", low=0.5, high=12.5, default=6.25, unit="Hz", help="of eight steps: 6.25 at 50 pictures"),
    Param(id="vibrato_delay_s", low=0.0, high=4.0, default=0.35, unit="s", help="before it begins, at full depth"),
)

# --- values; state: none --------------------------------------------------------------------------------------------
VALUES = (  # two tables: 0 the steps, 1 the vibrato
    Port("step_begin", (2, "lanes", 1), 0.0, 4.0),  # s
    Port("step_cycles", (2, "lanes", 1), 0.25, 100.0, dtype=np.float64),  # times a second through the table
    Port("step_count", (2, "lanes", 1), 1.0, 8.0, dtype=np.float64),
    *(Port(f"step_curve_{power}", (2, "lanes", 1), -50.0, 50.0, dtype=np.float64) for power in range(_MOST)),
)


def prepare(row: Row, note: NoteOn) -> Mapping[str, NDArray]:
    """Both tables as polynomials, in logarithms of the factor."""
    section = row["arpeggio"]
    steps = np.asarray(section["steps"], float)
    through = np.zeros(_MOST)
    through[: steps.size] = np.linalg.solve(np.vander(np.arange(steps.size), increasing=True), steps)
    bow = section["vibrato_semitones"] * _BOW / float(_BOW_STEPS) ** np.arange(_MOST)
    curves = _PER_SEMITONE * np.stack([through, bow])
    made = {
        "step_begin": np.array([0.0, section["vibrato_delay_s"]]),
        "step_cycles": np.array([section["rate_hz"] / steps.size, section["vibrato_hz"]]),
        "step_count": np.array([steps.size, _BOW_STEPS]),
    }
    made |= {f"step_curve_{power}": curves[:, power] for power in range(_MOST)}
    return {name: value[:, None] for name, value in made.items()}


# --- kernel ---------------------------------------------------------------------------------------------------------
def _late(layout: Layout) -> NDArray[np.float32]:
    """[knots]: seconds after block start, and half a sample."""
    return ((np.arange(layout.knots) * KNOT_FRAMES + 0.5) / layout.sample_rate_hz).astype(np.float32)


@jit
def _arpeggiate(factor, pitch_age, late, values, out):
    """factor, out [V, knots]; pitch_age [V]; late [knots]; values: VALUES, each [2, V]."""
    begin, cycles, count, c0, c1, c2, c3 = values
    for v in range(pitch_age.size):
        for knot in range(late.size):
            total = 0.0
            for t in range(2):
                p = np.float64(max(pitch_age[v] + late[knot] - begin[t, v], np.float32(0.0)))
                turns = p * cycles[t, v]
                m = np.floor((turns - np.floor(turns)) * count[t, v])
                total += c0[t, v] + m * (c1[t, v] + m * (c2[t, v] + m * c3[t, v]))
            out[v, knot] = factor[v, knot] * np.exp(total)


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["arpeggiated"] [lanes, knots]."""
    values = tuple(inputs[port.name][..., 0] for port in VALUES)
    _arpeggiate(inputs["factor"], inputs["pitch_age"][:, 0], _late(layout), values, out["arpeggiated"])


# --- graph ----------------------------------------------------------------------------------------------------------
def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """The formula of the docstring, for both tables, all voices and knots at once."""
    late = abreast(g, x["pitch_age"]) + g.constant(_late(layout))
    p = g.cast(g.unary("Relu", late - x["step_begin"]), np.float64)
    turns = p * x["step_cycles"]  # [V, 2, knots]
    m = g.unary("Floor", (turns - g.unary("Floor", turns)) * x["step_count"])
    curve = x[f"step_curve_{_MOST - 1}"]
    for power in reversed(range(_MOST - 1)):
        curve = curve * m + x[f"step_curve_{power}"]
    return {"arpeggiated": x["factor"] * g.unary("Exp", g.reduce_sum(curve, axes=(1,)))}, {}


# --- record ---------------------------------------------------------------------------------------------------------
ARPEGGIATED = Port("arpeggiated", ("lanes", "knots"), 0.06, 2.7, "knots", np.float64)
ARPEGGIO = Unit(
    name="arpeggio",
    sections={"arpeggio": PARAMS},
    inputs=(FACTOR,),
    clocks=("pitch_age",),
    values=VALUES,
    prepare=prepare,
    outputs=(ARPEGGIATED,),
    kernel=kernel,
    graph=graph,
    tolerance=1e-9,
)
