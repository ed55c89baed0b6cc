"""An envelope drawn as points: up to six straight stages, a level to rest at, and what follows the note's end.

What one hears: swells, double attacks, sforzando, a pad that opens only after a second: shapes that attack and decay
cannot say. Points are reached one after another until the one where the note rests (`sustain_at`); those after it
belong to the note's end and count from there. Solved in time since the onset (t) and since the release (u):
    held = t - max(u, 0),  c_i = held or u,
    level = clip(sum over stages of slope_i min(max(c_i - begin_i, 0), length_i), 0, 1) exp(-(u - end)+ release_rate)
Every stage is a ramp that has risen by as much as its time has passed, so there is nothing to carry from block to
block, and a note that is let go early goes on from where it was. `release_s` is the time to fall by 60 dB after the
last point, ln(1000) time constants. The many-stage envelopes of the Casio CZ and Yamaha DX (1983) are the model.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param
from gen_core.synth.jit import jit
from gen_core.synth.knots import abreast
from gen_core.synth.layout import KNOT_FRAMES, Layout, Port
from gen_core.synth.unit import Arrays, Builder, Data, NoteOn, Row, Tensor, Tensors, Unit

_STAGES = 6
_LONGEST_S = 60.0  # age is a float32: beyond, its steps come near those of knots
_SHORTEST_S = 0.0005  # of a stage: shorter than a knot it is a click
_DECAY = math.log(1000.0)  # time constants in the time to -60 dB


def check_points(value: Any) -> Any:
    """`value` if it is 1 to 6 rows [seconds, level], times rising by 0.5 ms and more up to 60 s, levels 0..1."""
    hint = f"write 1 to {_STAGES} rows of [seconds, level], as in [[0.1, 1.0], [0.5, 0.4]]"
    try:
        rows = np.asarray(value, float).reshape(len(value), 2)
    except (TypeError, ValueError):
        raise UsageError(f"points cannot be {value!r}", hint) from None
    times, levels = rows.T
    if not 1 <= len(rows) <= _STAGES or (np.diff(times[times > 0.0], prepend=0.0) < _SHORTEST_S).any():
        raise UsageError(f"points {value!r} are too many or closer than {1000 * _SHORTEST_S:g} ms", hint)
    if not ((times >= 0.0) & (times <= _LONGEST_S) & (levels >= 0.0) & (levels <= 1.0)).all():
        raise UsageError(f"points {value!r} are out of range", f"give 0 to {_LONGEST_S:g} s and levels 0 to 1")
    return rows.tolist()


# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Data(
        id="points",
        default=[[0.01, 1.0], [0.3, 0.5]],
        check=check_points,
        examples=([[0.0, 0.2], [0.1, 1.0], [0.15, 0.3], [0.4, 0.8], [0.6, 1.0], [0.9, 0.0]],),
        help="rows of [seconds, level]; a first one at 0 s says where it starts",
    ),
    Param(id="sustain_at", low=1, high=_STAGES, default=_STAGES, kind="int", help="the point, from 1, that holds"),
    Param(id="release_s", low=0.01, high=20.0, default=0.3, unit="s", curve="exponential", help="to -60 dB"),
)

# --- values; state: none --------------------------------------------------------------------------------------------
VALUES = (
    Port("stage_held", (_STAGES, "lanes", 1), 0.0, 1.0),  # 1: the stage passes while the note is held
    Port("stage_free", (_STAGES, "lanes", 1), 0.0, 1.0),  # 1: after its end
    Port("stage_begin", (_STAGES, "lanes", 1), -1.0, 60.0),  # s
    Port("stage_length", (_STAGES, "lanes", 1), 0.0, 60.0),  # s
    Port("stage_slope", (_STAGES, "lanes", 1), -1e4, 1e4),  # 1/s
    Port("stage_end", ("lanes", 1), 0.0, 60.0),  # s after the note's end: the last point
    Port("stage_release", ("lanes", 1), -700.0, 0.0),  # -1/time constant
)


def prepare(row: Row, note: NoteOn) -> Mapping[str, Any]:
    """The points as ramps."""
    section = row["stages"]
    points = np.array(section["points"])
    rest = min(int(section["sustain_at"]), len(points)) - 1
    times, levels = points.T
    if times[0] == 0.0:  # a stage that was over when the note began: a constant
        begin, length = np.append(-1.0, times[:-1]), np.append(1.0, np.diff(times))
    else:
        begin, length = np.append(0.0, times[:-1]), np.diff(times, prepend=0.0)
    used = np.arange(len(points))
    begin = np.where(used > rest, begin - times[rest], begin)
    ramps = {
        "stage_held": used <= rest,
        "stage_free": used > rest,
        "stage_begin": begin,
        "stage_length": length,
        "stage_slope": np.diff(levels, prepend=0.0) / length,
    }
    padded = {name: np.pad(values.astype(float), (0, _STAGES - len(points))) for name, values in ramps.items()}
    return padded | {"stage_end": times[-1] - times[rest], "stage_release": -_DECAY / section["release_s"]}


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _draw(age, off_age, ramps, end, release, step_s, out):
    """age, off_age, end, release [V]; ramps: five arrays [6, V]; out [V, knots]."""
    held_part, free_part, begin, length, slope = ramps
    zero, one = np.float32(0.0), np.float32(1.0)
    for v in range(age.size):
        for knot in range(out.shape[1]):
            late = np.float32(knot * step_s)
            u = max(off_age[v] + late, zero)
            held = max(age[v] + late - u, zero)
            level = zero
            for i in range(_STAGES):
                clock = held * held_part[i, v] + u * free_part[i, v] - begin[i, v]
                level += min(max(clock, zero), length[i, v]) * slope[i, v]
            out[v, knot] = min(max(level, zero), one) * np.exp(max(u - end[v], zero) * release[v])


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["stages"] [lanes, knots], 0..1."""
    *ramps, end, release = (inputs[port.name][..., 0] for port in VALUES)
    step_s = KNOT_FRAMES / layout.sample_rate_hz
    _draw(inputs["age"][:, 0], inputs["off_age"][:, 0], tuple(ramps), end, release, step_s, out["stages"])


# --- graph ----------------------------------------------------------------------------------------------------------
def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """The formula of the docstring, for all voices, stages and knots at once."""
    late = g.constant(np.arange(layout.knots) * (KNOT_FRAMES / layout.sample_rate_hz))
    u = g.unary("Relu", x["off_age"] + late)
    held = g.unary("Relu", x["age"] + late - u)
    each = abreast(g, held), abreast(g, u)
    clock = x["stage_held"] * each[0] + x["stage_free"] * each[1] - x["stage_begin"]  # [V, 6, knots]
    ramps = g.minimum(g.unary("Relu", clock), x["stage_length"]) * x["stage_slope"]
    fall = g.unary("Exp", g.unary("Relu", u - x["stage_end"]) * x["stage_release"])
    return {"stages": g.clip(g.reduce_sum(ramps, axes=(1,)), 0.0, 1.0) * fall}, {}


# --- record ---------------------------------------------------------------------------------------------------------
DRAWN = Port("stages", ("lanes", "knots"), 0.0, 1.0, "knots")
STAGES = Unit(
    name="stages",
    sections={"stages": PARAMS},
    clocks=("age", "off_age"),
    values=VALUES,
    prepare=prepare,
    outputs=(DRAWN,),
    kernel=kernel,
    graph=graph,
    tolerance=1e-4,  # a slope of a thousand a second makes a float32 of seconds a few millionths
)
