"""Band-limited table oscillators, two a voice.

What one hears: any steady waveform (saw, square, organ rank…) without aliasing, because a note brings a period whose
highest harmonic stays below half the sample rate at the note's highest pitch, and a body, resonances that stay where
they are while the note moves.

The rate is the note's times the pitch factor, which is straight over stretches of 128 samples, so the phase is its
exact integral:
    phase(n) = phase_k + rate_k n + (rate_(k+1) - rate_k) n^2 / 256,  y = table[frames frac(phase)], interpolated
Phases of a whole block are two matrix products: ends of stretches (float64, kept modulo 1, so that nothing drifts) and
samples (float32, in periods).
Table lookup: R. Bristow-Johnson, "Wavetable synthesis 101", AES 101 (1996). Constant over a block: the table.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.param import Param
from gen_core.synth.jit import jit
from gen_core.synth.knots import abreast, bends, trapezoid
from gen_core.synth.layout import KNOT_FRAMES, RISES, TABLES, Layout, Port, aligned
from gen_core.synth.unit import Arrays, Builder, Calls, Data, NoteOn, Row, State, Tensor, Tensors, Unit, called
from gen_core.synth.units.pitch import FACTOR, highest, onset
from gen_core.synth.vector import WIDE, floor, load, look_up, splat, store
from gen_core.synth.waves import NAMES, check_body, check_wave

# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Data(id="wave", default="sine", check=check_wave, examples=("saw", [1.0, 0.5]), help=", ".join(NAMES)),
    Data(id="body", default=[], check=check_body, examples=([[900.0, 9.0, 0.4]],), help="rows of [Hz, dB, octaves]"),
    Param(id="ratio", low=0.0625, high=16.0, default=1.0, curve="exponential", help="pitch against the note"),
    Param(id="detune_cents", low=-100.0, high=100.0, default=0.0, unit="cents"),
    Param(id="level", low=-1.0, high=1.0, default=0.0, help="negative turns the wave over"),
    Param(id="level_bend", low=-1.0, high=1.0, default=0.0, help="added, times the modulation envelope"),
    Param(id="velocity_db", low=-24.0, high=48.0, default=0.0, unit="dB", help="velocity 0 to 127; as written at 96"),
    Param(id="phase", low=0.0, high=1.0, default=0.0, unit="periods", help="where a note begins"),
)
_HIGHEST = 0.45  # periods a sample

# --- values ---------------------------------------------------------------------------------------------------------
VALUES = (
    Port("increment", (2, "lanes", 1), 1e-4, 0.25, dtype=np.float64),  # periods a sample, two oscillators
    Port("phase_start", (2, "lanes", 1), 0.0, 1.0, "start", np.float64),  # periods, added when a note starts
    Port("table", (2, "lanes", 1), 0, 0, dtype=np.int32),  # where the oscillator's period begins in `tables`
    Port("frames", (2, "lanes", 1), 512, 2048),  # a power of two: how long it is
)


def prepare(row: Row, note: NoteOn) -> Mapping[str, Any]:
    """Rates and tables of both oscillators."""
    both = [row["oscillator_1"], row["oscillator_2"]]
    rates = [_increment(section, note) for section in both]
    top = highest(row)
    places = [
        note.tables.place(section["wave"], rate * top, section["body"])
        for section, rate in zip(both, rates, strict=True)
    ]
    return {
        "increment": np.array(rates)[:, None],
        "phase_start": np.array([[section["phase"]] for section in both]),
        "phase_start.per_frame": np.array(rates)[:, None] * onset(row),
        "table": np.array([[start] for start, _ in places]),
        "frames": np.array([[frames] for _, frames in places]),
    }


def _increment(section: Mapping[str, float], note: NoteOn) -> float:
    ratio = section["ratio"] * 2.0 ** (section["detune_cents"] / 1200.0)
    return float(min(note.hertz * ratio / note.layout.sample_rate_hz, _HIGHEST))


# --- state ----------------------------------------------------------------------------------------------------------
STATE = (State("phase", (2, "lanes", 1), dtype=np.float64),)  # periods, 0..1


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _places(motion, shape, frames, begin, at, parts):
    """Where one oscillator is in its period over a stretch: whole numbers and what is between them, from `begin` on.

    motion: phase, rate at both ends (periods a sample); shape: `bends`; frames: how long the period is.
    """
    phase, rate, after = splat(motion[0]), splat(motion[1]), splat(motion[2])
    early, late, size = shape[0], shape[1], splat(frames)
    for n in range(0, early.size, WIDE):
        p = phase + rate * load(early, n) + after * load(late, n)  # in the order of the graph's matrix product
        place = (p - floor(p)) * size
        store(at, begin + n, place)
        store(parts, begin + n, place - floor(place))


@jit
def _oscillate(factor, keep, increment, phase_start, period, tables, shape, scratch, phase, out):
    """All lanes. factor [V, knots]; increment, phase_start, phase, period: [2, V, 1]; out [2, V, frames]."""
    table, size = period
    at, parts = scratch
    frames = shape.shape[1]
    knots = np.uint64(frames // KNOT_FRAMES)
    for v in range(keep.size):
        for o in range(2):
            if increment[o, v, 0] == 0.0:  # an idle lane
                out[o, v, :] = 0.0
                continue
            p = keep[v, 0] * phase[o, v, 0] + phase_start[o, v, 0]
            after = increment[o, v, 0] * factor[v, 0]
            for segment in range(out.shape[2] // frames):
                p -= np.floor(p)
                rate, after = after, increment[o, v, 0] * factor[v, np.uint64(segment + 1) * knots]
                motion = np.float32(p), np.float32(rate), np.float32(after)
                _places(motion, shape, size[o, v, 0], segment * frames, at, parts)
                p += 0.5 * frames * (rate + after)
            phase[o, v, 0] = p - np.floor(p)
            here, wave = tables[table[o, v, 0] :], out[o, v]
            for n in range(0, wave.size, WIDE):  # apart, for no processor looks up as fast as it calculates
                look_up(here, at, parts, n, wave)


def calls(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> Calls:
    """→ out["wave"] [2, lanes, frames]; state["phase"] moves on."""
    notes = inputs["keep"], inputs["increment"], inputs["phase_start"], (inputs["table"], inputs["frames"])
    shape = bends(layout.stretch_frames)
    scratch = aligned(layout.block_frames, np.uint32), aligned(layout.block_frames)
    return [(_oscillate, (inputs["factor"], *notes, inputs["tables"], shape, scratch, state["phase"], out["wave"]))]


# --- graph ----------------------------------------------------------------------------------------------------------
@lru_cache
def _motion(layout: Layout) -> NDArray[np.float64]:
    """[knots, 3 stretches + 1]: rates at knots → how far phases have come, rates at both ends, a stretch at a time; and
    how far at the end."""
    ends, frames = layout.stretches + 1, layout.stretch_frames
    pick = np.zeros((layout.knots, ends))
    pick[:: frames // KNOT_FRAMES] = np.eye(ends)
    way = pick @ trapezoid(ends, frames)
    each = np.stack([way[:, :-1], pick[:, :-1], pick[:, 1:]], axis=2)
    return np.concatenate([each.reshape(layout.knots, -1), way[:, -1:]], axis=1)


def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """The same block as matrix products; see the docstring."""
    stretches, frames = layout.stretches, layout.stretch_frames
    begin = state["phase"] * g.cast(abreast(g, x["keep"]), np.float64) + x["phase_start"]
    rate = x["increment"] * abreast(g, x["factor"])  # [V, 2, knots]
    phases = g.constant(np.arange(3 * stretches + 1)[None] % 3 == 0, np.float64)
    motion = rate @ g.constant(_motion(layout), np.float64) + begin @ phases
    motion = motion - g.unary("Floor", motion)  # rates are below 1: they stay as they are
    each = g.reshape(g.first(g.cast(motion, np.float32), {2: 3 * stretches}), (layout.lanes, 2, stretches, 3))
    shape = np.concatenate([np.ones((1, frames)), bends(frames)])
    periods = g.reshape(each @ g.constant(shape), (layout.lanes, 2, layout.block_frames))
    place = (periods - g.unary("Floor", periods)) * x["frames"]
    whole = g.unary("Floor", place)
    at = g.reshape(g.cast(whole, np.int32) + x["table"], (-1,))
    low, rise = (g.gather_elements(x[name], at, axis=0) for name in ("tables", RISES))
    fraction = g.reshape(place - whole, (-1,))
    wave = g.reshape(low + fraction * rise, (layout.lanes, 2, layout.block_frames))
    return {"wave": wave}, {"phase": g.gather(motion, g.constant([3 * stretches], np.int64), axis=2)}


# --- record ---------------------------------------------------------------------------------------------------------
WAVE = Port("wave", (2, "lanes", "frames"), -1.0, 1.0, "frames")
OSCILLATOR = Unit(
    name="oscillator",
    form="oscillator",
    sections={"oscillator_1": PARAMS, "oscillator_2": PARAMS},
    inputs=(FACTOR, TABLES),
    clocks=("keep",),
    values=VALUES,
    prepare=prepare,
    outputs=(WAVE,),
    state=STATE,
    calls=calls,
    kernel=called(calls),
    graph=graph,
    tolerance=1e-4,  # at a rate of 0.25 periods a sample, float32 phases differ by 5e-7 periods
)
