"""The voice's sources brought together: two oscillators and the noise, each with its own level, the noise coloured.

What one hears: the raw sound of a voice before its filter. A level is a constant plus the modulation envelope times
another, so that an attack can be noise and the tail a tone (a drum), or bright at first (a bell):
    x(n) = sum over sources of source(n) (level + level_bend envelope(n)),
    noise(n) = sum over bands of colour_b band_b(n)
Constant over a block: the levels and the colour; straight between knots: the envelope. All lanes' noises are one
matrix product [V, 8] @ [8, frames]. A wiring may leave out the oscillators or the noise.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from gen_core.synth.jit import jit
from gen_core.synth.knots import abreast, lines, row
from gen_core.synth.layout import KNOT_FRAMES, Layout, Port
from gen_core.synth.sine import COUNT
from gen_core.synth.unit import Arrays, Builder, Calls, NoteOn, Row, Tensor, Tensors, Unit, called
from gen_core.synth.units.envelope import ENVELOPES
from gen_core.synth.units.noise import BANDS, NOISES, colour, mix_bands
from gen_core.synth.units.oscillator import WAVE
from gen_core.synth.units.pipe import ranks
from gen_core.synth.vector import WIDE, load, splat, store

# --- parameters: those of the oscillators and of the noise; state: none ---------------------------------------------
VALUES = (
    Port("level", (3, "lanes", 1), -1.0, 1.0),  # oscillator 1, oscillator 2, noise
    Port("level_bend", (3, "lanes", 1), -1.0, 1.0),  # the same, times the modulation envelope
    Port("colour", (1, "lanes", BANDS), 0.0, 15.0),  # of the noise
)
_SOURCES = ("oscillator_1", "oscillator_2", "noise")
_NONE = {"level": 0.0, "level_bend": 0.0, "velocity_db": 0.0}
_FILTERS = {"filter", "one_pole"}
_SHARE = np.float32(1.0 / KNOT_FRAMES)
_TILT = np.array([[-0.35], [0.45], [0.35]])  # ln an octave of brightness: 3 dB down, 4 dB up, 3 dB up


def prepare(row: Row, note: NoteOn) -> Mapping[str, Any]:
    """Levels of the three sources, and the noise's colour; a source that the wiring leaves out has none."""
    if "pipe" in row:  # its two ranks stand for two oscillators
        row = {**row, **ranks(row)}
    given = [{**_NONE, **row.get(source, {})} for source in _SOURCES]
    louder = np.array([[note.louder(section["velocity_db"])] for section in given])
    levels = {name: np.array([[section[name]] for section in given]) * louder for name in ("level", "level_bend")}
    pulse = levels["level"][0, 0] * levels["level"][1, 0] < 0.0  # of two saws: its width is not for a knob to change
    if not pulse and not _FILTERS & set(row):  # nothing behind it knows the knob: the second layer and the noise do
        levels["level.brightness"] = levels["level_bend.brightness"] = _TILT
    noisy = "noise" in row and bool(levels["level"][2, 0] or levels["level_bend"][2, 0])
    return levels | {"colour": colour(row["noise"], note.layout) if noisy else np.zeros(BANDS), "noisy": noisy}


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _add(source, flat, bend, envelope, out):
    """Add one source of one lane, [frames], at its level; envelope [knots]."""
    for knot in range(envelope.size - 1):
        start = flat + bend * envelope[knot]
        step = (flat + bend * envelope[knot + 1] - start) * _SHARE
        for n in range(0, KNOT_FRAMES, WIDE):
            at = knot * KNOT_FRAMES + n
            store(out, at, load(out, at) + load(source, at) * (splat(start) + load(COUNT, n) * splat(step)))


@jit
def _two(first, second, envelope, out):
    """Two sources of one lane at their levels: (sound [frames], level, its bend) each; envelope [knots]."""
    a, a_flat, a_bend = first
    b, b_flat, b_bend = second
    for knot in range(envelope.size - 1):
        here, way = envelope[knot], (envelope[knot + 1] - envelope[knot]) * _SHARE
        a_start, a_step = splat(a_flat + a_bend * here), splat(a_bend * way)
        b_start, b_step = splat(b_flat + b_bend * here), splat(b_bend * way)
        for n in range(0, KNOT_FRAMES, WIDE):
            at, along = knot * KNOT_FRAMES + n, load(COUNT, n)
            store(out, at, load(a, at) * (a_start + along * a_step) + load(b, at) * (b_start + along * b_step))


@jit
def _waves(wave, envelope, level, level_bend, out):
    """wave [2, V, frames], envelope [V, knots], levels [3, V], out [V, frames]."""
    for v in range(out.shape[0]):
        if level[0, v] == level[1, v] == level_bend[0, v] == level_bend[1, v] == 0.0:
            out[v] = 0.0
        else:
            first, second = (wave[0, v], level[0, v], level_bend[0, v]), (wave[1, v], level[1, v], level_bend[1, v])
            _two(first, second, envelope[v], out[v])


@jit
def _add_noise(bands, colours, envelope, level, level_bend, mixed, out):
    """bands [8, frames], colours [V, 8]; levels [V]; mixed [frames] is scratch; the rest as above."""
    for v in range(out.shape[0]):
        if level[v] == 0.0 and level_bend[v] == 0.0:
            continue
        mix_bands(bands, colours[v], mixed)
        _add(mixed, level[v], level_bend[v], envelope[v], out[v])


@jit
def _clear(out):
    for v in range(out.shape[0]):
        out[v] = 0.0


def calls(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> Calls:
    """→ out["source"] [lanes, frames]."""
    source, envelope = out["source"], inputs["envelope"][1]
    level, bend = inputs["level"][..., 0], inputs["level_bend"][..., 0]
    these: Calls = [(_clear, (source,))]
    if "wave" in inputs:
        these = [(_waves, (inputs["wave"], envelope, level, bend, source))]
    if "noise" in inputs:
        mixed = np.empty(layout.block_frames, np.float32)
        these.append((_add_noise, (inputs["noise"], inputs["colour"][0], envelope, level[2], bend[2], mixed, source)))
    return these


# --- graph ----------------------------------------------------------------------------------------------------------
def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """Levels at knots, spread to samples; then all sources at once."""
    envelope = abreast(g, row(g, x["envelope"], 1))
    sources = [x["wave"]] if "wave" in x else []
    sources += [x["colour"] @ x["noise"]] if "noise" in x else []  # [V, 1, frames]
    which = [*((0, 1) if "wave" in x else ()), *((2,) if "noise" in x else ())]
    level, bend = x["level"], x["level_bend"]
    if len(which) < len(_SOURCES):
        level, bend = (g.gather(value, g.constant(which, np.int64), axis=1) for value in (level, bend))
    levels = lines(g, layout, envelope * bend + level, len(which))
    sound = levels * (g.concat(sources, axis=1) if len(sources) > 1 else sources[0])
    return {"source": g.reduce_sum(sound, axes=(1,))}, {}


# --- record ---------------------------------------------------------------------------------------------------------
BLEND = Unit(
    name="blend",
    inputs=(replace(WAVE, optional=True), NOISES, ENVELOPES),
    values=VALUES,
    prepare=prepare,
    outputs=(Port("source", ("lanes", "frames"), -1.0, 1.0, "frames"),),
    calls=calls,
    kernel=called(calls),
    graph=graph,
    tolerance=5e-6,
)
