"""Band-limited table oscillators, two a voice.

What one hears: any steady waveform (saw, square, organ rank…) without aliasing, because a note brings a period whose
highest harmonic stays below half the sample rate at the note's highest pitch, and a body, resonances that stay where
they are while the note moves.

The rate is the note's times the pitch factor, known at knots (every 32 samples, float64) and straight in between, so
the phase is its exact integral:
    phase(n) = phase_k + rate_k n + (rate_(k+1) - rate_k) n^2 / 64,  y = table[frames frac(phase)], interpolated
Phases of a whole block are two matrix products: knots (float64, kept modulo 1, so that nothing drifts) and samples.
Table lookup: R. Bristow-Johnson, "Wavetable synthesis 101", AES 101 (1996). Constant over a block: the table.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from collections.abc import Mapping
from typing import Any

import numpy as np

from gen_core.spec.param import Param
from gen_core.synth.jit import jit
from gen_core.synth.knots import ramp_from_knots, trapezoid
from gen_core.synth.layout import KNOT_FRAMES, TABLES, Layout, Port
from gen_core.synth.unit import Arrays, Builder, Data, NoteOn, Row, State, Tensor, Tensors, Unit
from gen_core.synth.units.pitch import FACTOR, highest, onset
from gen_core.synth.waves import NAMES, check_body, check_wave

# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Data(id="wave", default="sine", check=check_wave, examples=("saw", [1.0, 0.5]), help=", ".join(NAMES)),
    Data(id="body", default=[], check=check_body, examples=([[900.0, 9.0, 0.4]],), help="rows of [Hz, dB, octaves]"),
    Param(id="ratio", low=0.0625, high=16.0, default=1.0, curve="exponential", help="pitch against the note"),
    Param(id="detune_cents", low=-100.0, high=100.0, default=0.0, unit="cents"),
    Param(id="level", low=-1.0, high=1.0, default=0.0, help="negative turns the wave over"),
    Param(id="level_bend", low=-1.0, high=1.0, default=0.0, help="added, times the modulation envelope"),
    Param(id="phase", low=0.0, high=1.0, default=0.0, unit="periods", help="where a note begins"),
)
_HIGHEST = 0.45  # periods a sample

# --- values ---------------------------------------------------------------------------------------------------------
VALUES = (
    Port("increment", (2, "lanes", 1), 1e-4, 0.25, dtype=np.float64),  # periods a sample, two oscillators
    Port("phase_start", (2, "lanes", 1), 0.0, 1.0, "start", np.float64),  # periods, added when a note starts
    Port("table", (2, "lanes", 1), 0, 0, dtype=np.int32),  # where the oscillator's period begins in `tables`
    Port("frames", (2, "lanes", 1), 512, 2048),  # a power of two: how long it is
    Port("mask", (2, "lanes", 1), 511, 2047, dtype=np.int32),  # frames - 1
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
        "mask": np.array([[frames - 1] for _, frames in places]),
    }


def _increment(section: Mapping[str, float], note: NoteOn) -> float:
    ratio = section["ratio"] * 2.0 ** (section["detune_cents"] / 1200.0)
    return float(min(note.hertz * ratio / note.layout.sample_rate_hz, _HIGHEST))


# --- state ----------------------------------------------------------------------------------------------------------
STATE = (State("phase", (2, "lanes", 1), dtype=np.float64),)  # periods, 0..1


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _segment(motion, tables, start, mask, out):
    """32 samples of one oscillator; its motion (phase, rate, half the rate's slope) in table frames."""
    phase, rate, bend = motion
    for n in range(KNOT_FRAMES):
        position = phase + n * (rate + n * bend)  # never negative
        whole = np.uint32(position)
        at = np.uint64(start + (whole & mask))  # unsigned: no check for negative places
        fraction = np.float32(position - whole)
        out[n] = tables[at] + fraction * (tables[at + np.uint64(1)] - tables[at])


@jit
def _oscillate(factor, keep, increment, phase_start, table, size, tables, phase, out):
    """All lanes. factor [V, knots]; increment, phase_start, table, size, phase [2, V]; out [2, V, frames]."""
    for v in range(keep.size):
        for o in range(2):
            if increment[o, v] == 0.0:  # an idle lane
                out[o, v, :] = 0.0
                continue
            p = keep[v] * phase[o, v] + phase_start[o, v]
            frames = np.float64(size[o, v])
            mask = np.uint32(size[o, v]) - np.uint32(1)
            for knot in range(factor.shape[1] - 1):
                p -= np.floor(p)
                rate = increment[o, v] * factor[v, knot]
                bend = (increment[o, v] * factor[v, knot + 1] - rate) / (2 * KNOT_FRAMES)
                first = knot * KNOT_FRAMES
                here = out[o, v, first : first + KNOT_FRAMES]
                _segment((p * frames, rate * frames, bend * frames), tables, np.uint32(table[o, v]), mask, here)
                p += KNOT_FRAMES * (rate + KNOT_FRAMES * bend)
            phase[o, v] = p - np.floor(p)


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["wave"] [2, lanes, frames]; state["phase"] moves on."""
    flat = [inputs[name][..., 0] for name in ("keep", "increment", "phase_start", "table", "frames")]
    _oscillate(inputs["factor"], *flat, inputs["tables"], state["phase"][..., 0], out["wave"])


# --- graph ----------------------------------------------------------------------------------------------------------
def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """The same block as matrix products; see the docstring."""
    rate = x["increment"] * x["factor"]  # [2, V, knots]
    begin = state["phase"] * g.cast(x["keep"], np.float64) + x["phase_start"]
    knots = rate @ g.constant(trapezoid(layout.knots), np.float64) + begin
    knots = knots - g.unary("Floor", knots)
    ends = g.cast(g.concat([knots, rate], axis=2), np.float32) * x["frames"]
    position = ends @ g.constant(ramp_from_knots(layout.block_frames))  # table frames, not wrapped
    whole = g.unary("Floor", position)
    at = g.reshape(g.bit_and(g.cast(whole, np.int32), x["mask"]) + x["table"], (-1,))
    low = g.gather_elements(x["tables"], at, axis=0)
    high = g.gather_elements(x["tables"], at + 1, axis=0)
    fraction = g.reshape(position - whole, (-1,))
    wave = g.reshape(low + fraction * (high - low), (2, layout.lanes, layout.block_frames))
    return {"wave": wave}, {"phase": g.slice(knots, layout.knots - 1, layout.knots, axis=2)}


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
    kernel=kernel,
    graph=graph,
    tolerance=1e-4,  # at a rate of 0.25 periods a sample, float32 phases differ by 5e-7 periods
)
