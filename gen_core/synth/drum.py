"""The drum form: what kick, snare, hat and clap are made of, once for all of them.

What one hears: a stroke that is over by itself. Three partials, sines whose pitch falls to its rest, and two colours of
the shared noise, in up to four bursts; a partial may modulate all of them (a ring modulator), which gives the clang of
metal. n samples after the onset, which is an exact number of samples and may lie inside the block:
    phase_p(n) = pitch_p n + sweep_p (1 - exp(-n / settle_p)),  q_p = line_p sin(2 pi phase_p)
    stroke_j(n) = exp(-(n - onset_j) / fall_j) from onset_j on, less 1e-7 (so that it ends);  line = amounts @ stroke
    y = (sum of heard_p q_p + sum of line_i noise_i) (1 + sum of ring_p q_p),  noise_i = colour_i @ bands
Exponential pitch and loudness of electronic drums: K. J. Werner, J. Abel, J. Smith, "A physically-informed,
circuit-bendable, digital model of the Roland TR-808 bass drum circuit", DAFx (2014); ring modulators for metal:
G. Reid, "Synth secrets", on metallic percussion, Sound on Sound (2002).

For a block, without state: everything is a function of n. Loudness is known at knots and straight in between; a stroke
begins up to 32 samples early where knots fall so, but before the onset of the note everything is cut off, so that it
begins on its sample. Phases are exact, for the exponential of a sum is a product: i samples after a knot at n,
    phase(n + i) = phase(n) + pitch i + exp(-n / settle) sweep (1 - exp(-i / settle))
with what depends on n in float64 and modulo 1, and what depends on i a note's value: one small matrix product.
With r the phase from -1/2 to 1/2 and z = r (1/2 - |r|), sin(2 pi r) = s z (|z| + a) to -63 dB, a saturation that no
drum will miss.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.synth.jit import jit
from gen_core.synth.knots import abreast, row
from gen_core.synth.layout import KNOT_FRAMES, Layout, Port
from gen_core.synth.unit import Arrays, Builder, NoteOn, Prepare, Row, Tensor, Tensors, Unit
from gen_core.synth.units.noise import BANDS, NOISES, mix_bands

PARTIALS, NOISE_LINES, BURSTS = 3, 2, 4
_LINES, _STROKES = PARTIALS + NOISE_LINES, PARTIALS + BURSTS
_DECAY = math.log(1000.0)  # time constants in the time to -60 dB
_HIGHEST = 0.45  # periods a sample
_QUIET = 1e-7  # where a stroke ends: -140 dB
_GATE, _EARLY = 400.0, 31.5  # exp(400 (since + 31.5)) is 0 a whole knot before the onset, and more than enough after
_SINE, _SINE_A = 56.8185, 0.218892  # minimax

# --- values ---------------------------------------------------------------------------------------------------------
VALUES = (
    Port("drum_pitch", ("lanes", PARTIALS, 1, 1), 0.0, 0.45, dtype=np.float64),  # periods a sample, in the end
    Port("drum_sweep", ("lanes", PARTIALS, 1, 1), 0.0, 200.0, dtype=np.float64),  # periods that the fall adds in all
    Port("drum_settle", ("lanes", PARTIALS, 1, 1), -0.05, 0.0, dtype=np.float64),  # -1 / time constant in samples
    # periods, for each sample after a knot: 1, what the pitch adds, what the sweep adds
    Port("drum_turn", ("lanes", PARTIALS, 3, KNOT_FRAMES), -1.0, 15.0),
    Port("drum_onset", ("lanes", _STROKES, 1), 0.0, 20000.0),  # samples
    Port("drum_fall", ("lanes", _STROKES, 1), -0.05, 0.0),  # -1 / time constant in samples
    Port("drum_amounts", ("lanes", _LINES, _STROKES), -60.0, 60.0),  # of the strokes in each line
    Port("drum_colours", ("lanes", NOISE_LINES, BANDS), 0.0, 15.0),
    Port("drum_merge", ("lanes", 2, _LINES), 0.0, 10.0),  # of the lines in the sum, and in what it is modulated with
)


@dataclass(frozen=True)
class Partial:
    """A sine. `level` 1 is a peak of 1; `decay_s` to -60 dB; the pitch falls from `sweep_octaves` above `hertz`."""

    hertz: float
    level: float
    decay_s: float
    sweep_octaves: float = 0.0
    sweep_s: float = 0.01
    heard: float = 1.0
    ring: float = 0.0  # how much of it modulates the drum


@dataclass(frozen=True)
class Burst:
    """Noise from `onset_s` on in one of the two colours, 0 or 1. `level` 1 is as loud as white noise from -1 to 1."""

    level: float
    decay_s: float
    onset_s: float = 0.0
    colour: int = 0


@dataclass(frozen=True)
class Stroke:
    """All of a drum's sound: up to three partials, four bursts, two colours."""

    partials: Sequence[Partial] = ()
    bursts: Sequence[Burst] = ()
    colours: Sequence[NDArray] = ()


def values(stroke: Stroke, layout: Layout) -> Mapping[str, NDArray]:
    """What a drum's `prepare` gives."""
    rate = layout.sample_rate_hz
    made = {port.name: np.zeros(layout.shape(port.dims[1:])) for port in VALUES}
    for index, partial in enumerate(stroke.partials):
        _write_partial(made, index, partial, rate)
    for index, burst in enumerate(stroke.bursts, start=PARTIALS):
        made["drum_onset"][index] = round(burst.onset_s * rate)
        made["drum_fall"][index] = _fall(burst.decay_s, rate)
        made["drum_amounts"][PARTIALS + burst.colour, index] = burst.level
    for index, colour in enumerate(stroke.colours):
        made["drum_colours"][index] = colour
    made["drum_merge"][0, PARTIALS:] = 1.0
    return made


def _fall(decay_s: float, rate: int) -> float:
    """-1 / time constant in samples; at the least a stretch between knots, for a line cannot draw a faster one."""
    return max(-_DECAY / (decay_s * rate), -1.0 / KNOT_FRAMES)


def _write_partial(made: Mapping[str, NDArray], index: int, partial: Partial, rate: int) -> None:
    """A partial above the band is left out; a fall begins within it."""
    pitch = partial.hertz / rate
    if pitch > _HIGHEST:
        return
    settle = -1.0 / (partial.sweep_s * rate)
    sweep = (min(pitch * 2.0**partial.sweep_octaves, _HIGHEST) - pitch) / -settle
    after = np.arange(KNOT_FRAMES)
    made["drum_pitch"][index], made["drum_sweep"][index], made["drum_settle"][index] = pitch, sweep, settle
    way = pitch * after
    made["drum_turn"][index] = [np.ones(KNOT_FRAMES), way - np.round(way), sweep * -np.expm1(settle * after)]
    made["drum_fall"][index] = _fall(partial.decay_s, rate)
    made["drum_amounts"][index, index] = partial.level * _SINE
    made["drum_merge"][:, index] = partial.heard, partial.ring


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _stroke(first, fall, out):
    """out [knots]: one stroke's loudness, `first` samples after its onset and on; False where it is 0 throughout."""
    out[:] = 0.0
    loud, step = 0.0, np.exp(np.float64(KNOT_FRAMES * fall))
    for knot in range(out.size):
        since = first + np.float32(knot * KNOT_FRAMES)
        if since > -KNOT_FRAMES:
            loud = loud * step if loud > 0.0 else np.exp(np.float64(since * fall))
            if loud <= _QUIET:
                return knot > 0 and out[knot - 1] > 0.0
            out[knot] = np.float32(loud - _QUIET)
    return loud > 0.0


@jit
def _lines(start, onset, fall, amounts, loud, lines):
    """lines [5, knots] of a lane, from its first sample's number; False where all are 0. loud [knots] is scratch."""
    lines[:] = 0.0
    some = False
    for j in range(onset.size):
        if fall[j] == 0.0 or not _stroke(start - onset[j], fall[j], loud):
            continue
        for i in range(lines.shape[0]):
            if amounts[i, j] != 0.0:
                some = True
                for knot in range(loud.size):
                    lines[i, knot] += amounts[i, j] * loud[knot]
    return some


@jit
def _sines(start, motion, turn, line, out):
    """out [frames]: a partial at its line, [knots]; turn [3, 32]."""
    pitch, sweep, settle = motion
    late = max(start, np.float64(-KNOT_FRAMES))  # what was before that is cut off
    still, fall = np.exp(late * settle), np.exp(KNOT_FRAMES * settle)
    steady, bend = turn[1], turn[2]
    for knot in range(line.size - 1):
        phase = late * pitch + (1.0 - still) * sweep
        here, much = np.float32(phase - np.floor(phase)), np.float32(still)
        step = (line[knot + 1] - line[knot]) / np.float32(KNOT_FRAMES)
        begin = np.uint64(knot * KNOT_FRAMES)  # unsigned: no check for negative places
        for i in range(KNOT_FRAMES):
            position = here + steady[i] + much * bend[i]
            r = position - np.floor(position + np.float32(0.5))
            z = r * (np.float32(0.5) - abs(r))
            sine = z * (abs(z) + np.float32(_SINE_A))
            out[begin + np.uint64(i)] = sine * (line[knot] + np.float32(i) * step)
        before, late = late, max(start + (knot + 1) * KNOT_FRAMES, np.float64(-KNOT_FRAMES))
        still = still * fall if late - before == KNOT_FRAMES else np.exp(late * settle)


@jit
def _shape(source, line, out):
    """out [frames] = source times a line [knots]."""
    for knot in range(line.size - 1):
        step = (line[knot + 1] - line[knot]) / np.float32(KNOT_FRAMES)
        begin = np.uint64(knot * KNOT_FRAMES)
        for i in range(KNOT_FRAMES):
            at = begin + np.uint64(i)
            out[at] = source[at] * (line[knot] + np.float32(i) * step)


@jit
def _gather(part, weights, sums):
    """Add a part [frames] to both sums, where it belongs to them."""
    for s in range(2):
        if weights[s] != 0.0:
            for n in range(part.size):
                sums[s, n] += weights[s] * part[n]


@jit
def _drums(starts, bands, tones, turn, strokes, amounts, colours, merge, lines, parts, sums, out):
    """starts [V]; tones: three of [V, 3]; strokes: onset and fall [V, 7]; lines, parts [2, frames], sums: scratch."""
    pitch, sweep, settle = tones
    for v in range(out.shape[0]):
        out[v] = 0.0
        if not _lines(starts[v], strokes[0][v], strokes[1][v], amounts[v], lines[_LINES], lines[:_LINES]):
            continue
        sums[:] = 0.0
        for i in range(_LINES):
            if not lines[i].any():
                continue
            if i < PARTIALS:
                motion = pitch[v, i], sweep[v, i], settle[v, i]
                _sines(np.float64(starts[v]), motion, turn[v, i], lines[i], parts[0])
            else:
                mix_bands(bands, colours[v, i - PARTIALS], parts[1])
                _shape(parts[1], lines[i], parts[0])
            _gather(parts[0], merge[v, :, i], sums)
        for n in range(int(max(-starts[v], np.float32(0.0))), out.shape[1]):
            out[v, n] = sums[0, n] * (np.float32(1.0) + sums[1, n])


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["drum"] [lanes, frames]."""
    frames = layout.block_frames
    starts = np.rint(inputs["age"][:, 0] * np.float32(layout.sample_rate_hz))
    tones = tuple(inputs[name][..., 0, 0] for name in ("drum_pitch", "drum_sweep", "drum_settle"))
    strokes = inputs["drum_onset"][..., 0], inputs["drum_fall"][..., 0]
    wide = tuple(inputs[name] for name in ("drum_amounts", "drum_colours", "drum_merge"))
    lines, scratch = np.empty((_LINES + 1, layout.knots), np.float32), np.empty((4, frames), np.float32)
    sources = inputs["noise"], tones, inputs["drum_turn"]
    _drums(starts, *sources, strokes, *wide, lines, scratch[:2], scratch[2:], out["drum"])


# --- graph ----------------------------------------------------------------------------------------------------------
@lru_cache
def _knots(frames: int) -> NDArray[np.float32]:
    """[knots]: where knots are, in samples."""
    return (np.arange(frames // KNOT_FRAMES + 1) * KNOT_FRAMES).astype(np.float32)


@lru_cache
def _both_ends(knots: int) -> NDArray[np.float32]:
    """[knots, 2 * stretches]: picks where each stretch between knots begins and ends."""
    return np.repeat(np.eye(knots, dtype=np.float32), 2, axis=1)[:, 1:-1]


def _graph_lines(g: Builder, layout: Layout, x: Mapping[str, Tensor], knots: Tensor) -> Tensor:
    """[V, 5, stretches, 32]; knots [V, 1, knots]. Both ends of a stretch side by side: a small product."""
    since = knots - x["drum_onset"]
    gate = since * _GATE + _GATE * _EARLY
    loud = g.unary("Relu", g.unary("Exp", g.minimum(since * x["drum_fall"], gate)) - _QUIET)
    way = np.arange(KNOT_FRAMES) / KNOT_FRAMES
    ends = x["drum_amounts"] @ loud @ g.constant(_both_ends(layout.knots))
    pairs = g.reshape(ends, (layout.lanes, _LINES, layout.knots - 1, 2))
    return pairs @ g.constant(np.stack([1.0 - way, way]))


def _graph_sines(g: Builder, layout: Layout, x: Mapping[str, Tensor], knots: Tensor) -> Tensor:
    """[V, 3, stretches, 32], without the sine's scale, which the amounts have; knots [V, knots]."""
    stretches = layout.knots - 1
    begin = g.gather(knots, g.constant(np.arange(stretches), np.int64), axis=1)
    late = g.cast(g.reshape(begin, (layout.lanes, 1, stretches, 1)), np.float64)
    still = g.unary("Exp", late * x["drum_settle"])
    ones = g.clip(still, 1.0, 1.0)  # a number less an array whose last axis is 1 costs 150 instructions each
    phase = late * x["drum_pitch"] + (ones - still) * x["drum_sweep"]
    known = g.concat([phase - g.unary("Floor", phase), ones, still], axis=3)
    position = g.cast(known, np.float32) @ x["drum_turn"]
    r = position - g.unary("Round", position)
    z = r * (g.constant(0.5) - g.unary("Abs", r))
    return z * (g.unary("Abs", z) + _SINE_A)


def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """The formulas of the docstring, for all voices, partials and noises at once."""
    lanes, stretches, frames = layout.lanes, layout.knots - 1, layout.block_frames
    start = g.unary("Round", x["age"] * float(layout.sample_rate_hz))  # [V, 1]
    knots = g.maximum(start + g.constant(_knots(frames)), float(-KNOT_FRAMES))
    noises = g.reshape(x["drum_colours"] @ x["noise"], (lanes, NOISE_LINES, stretches, KNOT_FRAMES))
    sources = g.concat([_graph_sines(g, layout, x, knots), noises], axis=1)
    parts = g.reshape(sources * _graph_lines(g, layout, x, abreast(g, knots)), (lanes, _LINES, frames))
    merged = x["drum_merge"] @ parts
    sound = row(g, merged, 0) * (row(g, merged, 1) + 1.0)
    begun = g.clip(start + g.constant(np.arange(frames) + 1.0), 0.0, 1.0)
    return {"drum": sound * begun}, {}


# --- record ---------------------------------------------------------------------------------------------------------
_TILT = np.linspace(-0.6, 0.4, BANDS)  # ln an octave of brightness: 5 dB down in the lowest band, 3 up in the highest


def drum(name: str, params: tuple, prepare: Prepare) -> Unit:
    """A unit of this form: its section is called as it is. Brightness tilts its noise."""

    def prepare_bright(row: Row, note: NoteOn) -> Mapping[str, Any]:
        return {**prepare(row, note), "drum_colours.brightness": _TILT}

    return Unit(
        name=name,
        form="drum",
        sections={name: params},
        inputs=(NOISES,),
        clocks=("age",),
        values=VALUES,
        prepare=prepare_bright,
        outputs=(Port("drum", ("lanes", "frames"), -1.0, 1.0, "frames"),),
        kernel=kernel,
        graph=graph,
        tolerance=5e-6,
    )
