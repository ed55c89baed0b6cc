"""Band-limited table oscillators, two a voice, with a pitch bend at the onset and vibrato.

What one hears: any steady waveform (saw, square, organ rank…) without aliasing, because the allocator chooses a
period whose highest harmonic stays below half the sample rate at the note's highest pitch.

Pitch of a voice at time t after the onset, in semitones above the note:
    bend_depth exp(-bend_rate t) + vibrato_depth min(1, vibrato_onset t) sin(vibrato_rate t)
The rate is known at knots (every 32 samples, float64) and straight in between, so the phase is its exact integral:
    phase(n) = phase_k + rate_k n + (rate_(k+1) - rate_k) n^2 / 64,  y = table[2048 frac(phase)] interpolated linearly
Phases of a whole block are two matrix products: knots (float64, kept modulo 1, so that nothing drifts) and samples.
Table lookup: R. Bristow-Johnson, "Wavetable synthesis 101", AES 101 (1996). Constant over a block: the table.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math
from collections.abc import Mapping

import numpy as np
from numba import njit

from gen_core.playback.layout import KNOT_FRAMES, LANES, TABLE_FRAMES, Layout
from gen_core.spec.param import Param
from gen_core.synth.knots import ramp_from_knots, trapezoid
from gen_core.synth.unit import Arrays, Builder, State, Tensor, Tensors, Unit

_PER_SEMITONE = math.log(2.0) / 12.0

# --- parameters -----------------------------------------------------------------------------------------------------
WAVE_PARAMS = (
    Param(id="ratio", low=0.0625, high=16.0, default=1.0, curve="exponential", help="pitch against the note"),
    Param(id="detune_cents", low=-100.0, high=100.0, default=0.0, unit="cents"),
    Param(id="level", low=-1.0, high=1.0, default=0.0, help="negative turns the wave over"),
    Param(id="level_bend", low=-1.0, high=1.0, default=0.0, help="added, times the modulation envelope"),
    Param(id="phase", low=0.0, high=1.0, default=0.0, unit="periods", help="where a note begins"),
)
PITCH_PARAMS = (
    Param(id="bend_semitones", low=-36.0, high=36.0, default=0.0, unit="semitones", help="at the onset"),
    Param(id="bend_s", low=0.005, high=2.0, default=0.05, unit="s", curve="exponential", help="time constant"),
    Param(id="vibrato_semitones", low=0.0, high=2.0, default=0.0, unit="semitones"),
    Param(id="vibrato_hz", low=0.2, high=9.0, default=5.0, unit="Hz", help="faster is no vibrato any more"),
    Param(id="vibrato_onset_s", low=0.001, high=2.0, default=0.3, unit="s", curve="exponential"),
)

# --- state ----------------------------------------------------------------------------------------------------------
STATE = (State("phase", (2, "lanes", 1), dtype=np.float64),)  # periods, 0..1


# --- kernel ---------------------------------------------------------------------------------------------------------
@njit(cache=True, error_model="numpy")
def _pitch(age, step_s, depth, rate, vibrato, vibrato_rate, onset, factor):
    """Fill `factor` [knots] with what multiplies the note's frequency."""
    for knot in range(factor.size):
        t = np.float64(max(age + np.float32(knot * step_s), np.float32(0.0)))
        swell = min(t * onset, 1.0) * vibrato
        factor[knot] = np.exp(_PER_SEMITONE * (depth * np.exp(-t * rate) + swell * np.sin(t * vibrato_rate)))


@njit(cache=True, error_model="numpy")
def _segment(motion, tables, start, out):
    """32 samples of one oscillator; its motion (phase, rate, half the rate's slope) in table frames."""
    phase, rate, bend = motion
    for n in range(KNOT_FRAMES):
        position = phase + n * (rate + n * bend)  # never negative
        whole = np.uint32(position)
        at = np.uint64(start + (whole & np.uint32(TABLE_FRAMES - 1)))  # unsigned: no check for negative places
        fraction = np.float32(position - whole)
        out[n] = tables[at] + fraction * (tables[at + np.uint64(1)] - tables[at])


@njit(cache=True, error_model="numpy")
def _oscillate(age, pitch, keep, increment, phase_start, table, tables, step_s, phase, out):
    """All lanes. pitch [5, V]; increment, phase_start, table, phase [2, V]; out [2, V, frames]."""
    knots = out.shape[2] // KNOT_FRAMES + 1
    factor = np.empty(knots)
    for v in range(age.size):
        if increment[0, v] == 0.0 and increment[1, v] == 0.0:  # an idle lane
            out[0, v, :] = 0.0
            out[1, v, :] = 0.0
            continue
        _pitch(age[v], step_s, pitch[0][v], pitch[1][v], pitch[2][v], pitch[3][v], pitch[4][v], factor)
        for o in range(2):
            p = keep[v] * phase[o, v] + phase_start[o, v]
            for knot in range(knots - 1):
                p -= np.floor(p)
                rate = increment[o, v] * factor[knot]
                bend = (increment[o, v] * factor[knot + 1] - rate) / (2 * KNOT_FRAMES)
                first = knot * KNOT_FRAMES
                here = out[o, v, first : first + KNOT_FRAMES]
                motion = (p * TABLE_FRAMES, rate * TABLE_FRAMES, bend * TABLE_FRAMES)
                _segment(motion, tables, np.uint32(table[o, v]), here)
                p += KNOT_FRAMES * (rate + KNOT_FRAMES * bend)
            phase[o, v] = p - np.floor(p)


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """inputs as in LANES → out["wave"] [2, lanes, frames]; state["phase"] moves on."""
    flat = {name: inputs[name][..., 0] for name in ("age", "keep", "increment", "phase_start", "table")}
    pitch = tuple(inputs[name][:, 0] for name in _PITCH)
    step_s = KNOT_FRAMES / layout.sample_rate_hz
    _oscillate(
        flat["age"], pitch, flat["keep"], flat["increment"], flat["phase_start"], flat["table"],
        inputs["tables"], step_s, state["phase"][..., 0], out["wave"],
    )  # fmt: skip


# --- graph ----------------------------------------------------------------------------------------------------------
def _factor(g: Builder, layout: Layout, x: Mapping[str, Tensor]) -> Tensor:
    """[V, knots] float64: what multiplies the frequency of each voice."""
    step_s = KNOT_FRAMES / layout.sample_rate_hz
    offsets = (np.arange(layout.knots) * step_s).astype(np.float32)
    t = g.cast(g.unary("Relu", x["age"] + g.constant(offsets)), np.float64)
    bend = g.unary("Exp", g.unary("Neg", t * x["bend_rate"])) * x["bend_depth"]
    swell = g.minimum(t * x["vibrato_onset"], 1.0) * x["vibrato_depth"]
    return g.unary("Exp", (bend + swell * g.unary("Sin", t * x["vibrato_rate"])) * _PER_SEMITONE)


def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """The same block as matrix products; see the docstring."""
    rate = x["increment"] * _factor(g, layout, x)  # [2, V, knots]
    begin = state["phase"] * g.cast(x["keep"], np.float64) + x["phase_start"]
    knots = rate @ g.constant(trapezoid(layout.knots), np.float64) + begin
    knots = knots - g.unary("Floor", knots)
    ends = g.cast(g.concat([knots, rate], axis=2), np.float32)
    position = ends @ g.constant(ramp_from_knots(layout.block_frames, TABLE_FRAMES))  # table frames, not wrapped
    whole = g.unary("Floor", position)
    at = g.reshape(g.bit_and(g.cast(whole, np.int32), TABLE_FRAMES - 1) + x["table"], (-1,))
    low = g.gather_elements(x["tables"], at, axis=0)
    high = g.gather_elements(x["tables"], at + 1, axis=0)
    fraction = g.reshape(position - whole, (-1,))
    wave = g.reshape(low + fraction * (high - low), (2, layout.lanes, layout.block_frames))
    return {"wave": wave}, {"phase": g.slice(knots, layout.knots - 1, layout.knots, axis=2)}


# --- record ---------------------------------------------------------------------------------------------------------
_PITCH = ("bend_depth", "bend_rate", "vibrato_depth", "vibrato_rate", "vibrato_onset")
_READS = ("age", "keep", "increment", "phase_start", "table", "tables", *_PITCH)
OSCILLATOR = Unit(
    name="oscillator",
    params=WAVE_PARAMS + PITCH_PARAMS,
    inputs=tuple(LANES[name] for name in _READS),
    outputs={"wave": (2, "lanes", "frames")},
    state=STATE,
    kernel=kernel,
    graph=graph,
    tolerance=1e-4,  # at a rate of 0.25 periods a sample, float32 phases differ by 5e-7 periods
)
