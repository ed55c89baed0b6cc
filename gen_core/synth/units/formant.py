"""A singing voice: a pulse in the rhythm of the note, and four formants that stay where they are.

What one hears: a vowel, that turns into another with the modulation envelope, with the LFO, or with the patch's morph;
vibrato moves the harmonics beneath the formants, as it does in a throat. Modified FM: V. Lazzarini, J. Timoney, "Theory
and practice of modified frequency modulation synthesis", JAES 58 (2010); carriers on the two harmonics nearest
to the formant: M. Puckette, "Formant-based audio synthesis using nonlinear distortion", JAES 43 (1995). With the phase
p in periods, a formant at F = r f, m = floor(r), a = r - m:
    tone = sum over formants of A exp(k (cos 2pi p - 1)) ((1 - a) cos 2pi m p + a cos 2pi (m + 1) p)
The exponential is a pulse whose spectrum, I_n(k) e^-k, is nearly a Gaussian exp(-n^2 / 2k); at -6 dB it is as wide as
a resonance of bandwidth B:  k = (3/4) (B / f)^2 / (2 ln 2),  plus 1/2, so that neighbours of the formant's harmonics
sound (-12 dB) where f is larger than B. The fundamental is a fifth pulse on the first harmonic, the "glottal formant"
(B. Doval, C. d'Alessandro, ICASSP 1997). A formant below the note is lifted to it, as sopranos do (J. Sundberg 1975).

Frequencies, widths, levels move with the morph at knots and are straight in between; floor is taken at every sample,
where the crossfade makes it continuous. Spectra end with their formants: nothing aliases.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param
from gen_core.synth.jit import allocating, jit
from gen_core.synth.knots import abreast, lines, row
from gen_core.synth.layout import KNOT_FRAMES, Layout, Port
from gen_core.synth.sine import COSINE, COUNT, cosine, draw_cosine, phases, run
from gen_core.synth.unit import Arrays, Builder, Data, NoteOn, Row, State, Tensor, Tensors, Unit
from gen_core.synth.units.envelope import ENVELOPES
from gen_core.synth.units.lfo import SWAY
from gen_core.synth.units.phase_modulation import TONE
from gen_core.synth.units.pitch import FACTOR, highest, onset

# Four formants each of five vowels: Hz, dB, Hz wide. Sung vowels, from the table in the Csound manual, appendix D.
_VOICES = {
    "soprano": {
        "a": ((800, 1150, 2900, 3900), (0, -6, -32, -20), (80, 90, 120, 130)),
        "e": ((350, 2000, 2800, 3600), (0, -20, -15, -40), (60, 100, 120, 150)),
        "i": ((270, 2140, 2950, 3900), (0, -12, -26, -26), (60, 90, 100, 120)),
        "o": ((450, 800, 2830, 3800), (0, -11, -22, -22), (70, 80, 100, 130)),
        "u": ((325, 700, 2700, 3800), (0, -16, -35, -40), (50, 60, 170, 180)),
    },
    "alto": {
        "a": ((800, 1150, 2800, 3500), (0, -4, -20, -36), (80, 90, 120, 130)),
        "e": ((400, 1600, 2700, 3300), (0, -24, -30, -35), (60, 80, 120, 150)),
        "i": ((350, 1700, 2700, 3700), (0, -20, -30, -36), (50, 100, 120, 150)),
        "o": ((450, 800, 2830, 3500), (0, -9, -16, -28), (70, 80, 100, 130)),
        "u": ((325, 700, 2530, 3500), (0, -12, -30, -40), (50, 60, 170, 180)),
    },
    "tenor": {
        "a": ((650, 1080, 2650, 2900), (0, -6, -7, -8), (80, 90, 120, 130)),
        "e": ((400, 1700, 2600, 3200), (0, -14, -12, -14), (70, 80, 100, 120)),
        "i": ((290, 1870, 2800, 3250), (0, -15, -18, -20), (40, 90, 100, 120)),
        "o": ((400, 800, 2600, 2800), (0, -10, -12, -12), (40, 80, 100, 120)),
        "u": ((350, 600, 2700, 2900), (0, -20, -17, -14), (40, 60, 100, 120)),
    },
    "bass": {
        "a": ((600, 1040, 2250, 2450), (0, -7, -9, -9), (60, 70, 110, 120)),
        "e": ((400, 1620, 2400, 2800), (0, -12, -9, -12), (40, 80, 100, 120)),
        "i": ((250, 1750, 2600, 3050), (0, -30, -16, -22), (60, 90, 100, 120)),
        "o": ((400, 750, 2400, 2600), (0, -11, -21, -20), (40, 80, 100, 120)),
        "u": ((350, 600, 2400, 2675), (0, -20, -32, -28), (40, 80, 100, 120)),
    },
}
_VOWELS = tuple(_VOICES["alto"])


def check_vowels(value: Any) -> Any:
    """`value` if it is a pair of vowels."""
    if not isinstance(value, list) or len(value) != 2 or any(vowel not in _VOWELS for vowel in value):
        raise UsageError(f"vowels cannot be {value!r}", f"give two of {', '.join(_VOWELS)}: from which to which")
    return value


def check_voice(value: Any) -> Any:
    """`value` if it is the name of a voice."""
    if value not in _VOICES:
        raise UsageError(f"there is no voice {value!r}", f"use {', '.join(_VOICES)}")
    return value


# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Data(id="vowels", default=["a", "o"], check=check_vowels, examples=(["i", "u"],), help="from, to"),
    Data(id="voice", default="alto", check=check_voice, examples=tuple(_VOICES), help=", ".join(_VOICES)),
    Param(id="morph", low=0.0, high=1.0, default=0.0, help="how far from the first vowel to the second"),
    Param(id="morph_bend", low=-1.0, high=1.0, default=0.0, help="added, times the modulation envelope"),
    Param(id="morph_lfo", low=-1.0, high=1.0, default=0.0, help="added, times the LFO, where a voice has one"),
    Param(id="size", low=0.7, high=1.5, default=1.0, curve="exponential", help="of the throat: a child's to a giant's"),
    Param(id="width", low=0.25, high=4.0, default=1.0, curve="exponential", help="of the formants; wide is dull"),
    Param(id="velocity_db", low=0.0, high=36.0, default=12.0, unit="dB", help="of the upper formants, as singers do"),
    Param(id="fundamental", low=0.0, high=1.0, default=0.3, help="of the pulse beneath the formants"),
)

# --- values ---------------------------------------------------------------------------------------------------------
_FORMANTS = 4
VALUES = (
    Port("voice_increment", (1, "lanes", 1), 1e-4, 0.45, dtype=np.float64),  # periods a sample
    Port("voice_start", (1, "lanes", 1), 0.0, 1.0, "start", np.float64),  # periods
    Port("formant_from", (3 * _FORMANTS, "lanes", 1), 0.0, 700.0),  # harmonic r, width k, level A * COSINE
    Port("formant_change", (3 * _FORMANTS, "lanes", 1), -700.0, 700.0),  # from there to the second vowel
    Port("formant_bright", (3 * _FORMANTS, "lanes", 1), 0.0, 1.0),  # what the brightness raises
    Port("morph", ("lanes", 1), 0.0, 1.0),
    Port("morph_bend", ("lanes", 1), -1.0, 1.0),
    Port("morph_lfo", ("lanes", 1), -1.0, 1.0),
    Port("fundamental", ("lanes", 1), 0.0, 80.0),  # level * COSINE
)
_HIGHEST = 0.45  # periods a sample
_PULSE = 1.0  # k of the fundamental's pulse: harmonics fall by 7, 12, 15 dB … an even slope without a formant
_NEIGHBOURS = 0.5  # k of an infinitely narrow formant
_WIDEST = 40.0  # k: a formant of nine harmonics; rounding of exp(-2 k) is no issue yet
_BRIGHT = 0.5 * math.log(2.0)  # of the upper formants: 3 dB an octave of brightness


def prepare(row: Row, note: NoteOn) -> Mapping[str, Any]:
    """Both vowels in harmonics of this key, and the sum of all levels 1."""
    section = row["formant"]
    rate = min(note.hertz / note.layout.sample_rate_hz, _HIGHEST)
    both = np.stack([_vowel(section, vowel, note, highest(row)) for vowel in section["vowels"]])
    both[:, 2, 1:] *= note.louder(section["velocity_db"])
    loudest = section["fundamental"] + both[:, 2].sum(axis=1).max()
    both[:, 2] *= COSINE / loudest
    bright = np.zeros((3, _FORMANTS))
    bright[2, 1:] = _BRIGHT
    return {
        "voice_increment": rate,
        "voice_start": 0.5,  # the pulse's quietest moment
        "voice_start.per_frame": rate * onset(row),
        "formant_from": both[0].reshape(-1, 1),
        "formant_change": (both[1] - both[0]).reshape(-1, 1),
        "formant_bright": bright.reshape(-1, 1),
        "fundamental": COSINE * section["fundamental"] / loudest,
    } | {name: section[name] for name in ("morph", "morph_bend", "morph_lfo")}


def _vowel(section: Mapping[str, Any], vowel: str, note: NoteOn, top: float) -> NDArray[np.float64]:
    """[3, 4]: harmonic, k and level of the formants, for a note at its nominal pitch."""
    hertz, decibels, width = np.array(_VOICES[section["voice"]][vowel], float)
    hertz, width = hertz / section["size"], width * section["width"]
    wide = 0.75 * (width / note.hertz) ** 2 / (2.0 * math.log(2.0))
    level = 10.0 ** (decibels / 20.0)
    highest_hz = np.maximum(hertz, note.hertz * top) + 3.0 * note.hertz * top  # three harmonics on: -60 dB and less
    return np.stack([hertz / note.hertz, wide, level * (highest_hz < 0.5 * note.layout.sample_rate_hz)])


# --- state ----------------------------------------------------------------------------------------------------------
STATE = (State("phase", (1, "lanes", 1), dtype=np.float64),)  # periods, 0..1


# --- kernel ---------------------------------------------------------------------------------------------------------
@jit
def _place(values, morph, factor, brightness, out):
    """One lane at one knot. values [3, 12]: from, change, bright; out [12]: r, k, A COSINE of the formants."""
    under = np.float32(1.0) / np.float32(factor)
    for i in range(_FORMANTS):
        r = (values[0, i] + values[1, i] * morph) * under
        k = (values[0, 4 + i] + values[1, 4 + i] * morph) * under * under
        out[i] = max(r, np.float32(1.0))
        out[4 + i] = min(k + np.float32(_NEIGHBOURS), np.float32(_WIDEST))
        out[8 + i] = (values[0, 8 + i] + values[1, 8 + i] * morph) * np.exp(values[2, 8 + i] * brightness)


@jit
def _exp(x):
    """e^x for -80 < x <= 0: e^(x / 32) as a Taylor polynomial, squared five times; loops run many at a time."""
    y = x * np.float32(1.0 / 32.0)
    e = np.float32(1.0 / 120.0) + y * np.float32(1.0 / 720.0)
    e = np.float32(1.0 / 6.0) + y * (np.float32(1.0 / 24.0) + y * e)
    e = np.float32(1.0) + y * (np.float32(1.0) + y * (np.float32(0.5) + y * e))
    e = e * e
    e = e * e
    e = e * e
    e = e * e
    return e * e


@jit
def _formant(p, dip, here, there, i, out):
    """Add one formant over 32 samples: p phases, dip = cos - 1, here and there [12] at the knots around."""
    part = np.float32(1.0 / KNOT_FRAMES)
    r, k, level = here[i], here[4 + i], here[8 + i]
    r_step, k_step = (there[i] - r) * part, (there[4 + i] - k) * part
    level_step = (there[8 + i] - level) * part
    for n in range(KNOT_FRAMES):
        at = r + COUNT[n] * r_step
        m = np.floor(at)
        x = m * p[n]
        low, high = cosine(x), cosine(x + p[n])
        pulse = _exp((k + COUNT[n] * k_step) * dip[n]) * (level + COUNT[n] * level_step)
        out[n] += pulse * (low + (at - m) * (high - low))


@jit
def _stretch(p, dip, here, there, fundamental, out):
    """32 samples of one lane: the fundamental's pulse, then the formants."""
    for n in range(KNOT_FRAMES):
        tone = cosine(p[n])
        dip[n] = tone * np.float32(COSINE) - np.float32(1.0)
        out[n] = _exp(dip[n] * np.float32(_PULSE)) * tone * fundamental
    for i in range(_FORMANTS):
        if here[8 + i] != np.float32(0.0) or there[8 + i] != np.float32(0.0):
            _formant(p, dip, here, there, i, out)


@allocating
def _sing(factor, clocks, morph, increment, start, values, fundamental, phase, out):
    """factor, morph [V, knots]; clocks keep, brightness [V]; values [3, 12, V]; increment, start, phase [V]."""
    keep, brightness = clocks
    knots = factor.shape[1]
    p, dip = np.empty(KNOT_FRAMES, np.float32), np.empty(KNOT_FRAMES, np.float32)
    here, there = np.empty(12, np.float32), np.empty(12, np.float32)
    for v in range(keep.size):
        if increment[v] == 0.0:  # an idle lane
            out[v, :] = 0.0
            continue
        phase[v] = keep[v] * phase[v] + start[v]
        _place(values[:, :, v], morph[v, 0], factor[v, 0], brightness[v], there)
        for knot in range(knots - 1):
            here[:] = there
            _place(values[:, :, v], morph[v, knot + 1], factor[v, knot + 1], brightness[v], there)
            phase[v] -= np.floor(phase[v])
            rate = increment[v] * factor[v, knot]
            bend = (increment[v] * factor[v, knot + 1] - rate) / (2 * KNOT_FRAMES)
            run(np.float32(phase[v]), np.float32(rate), np.float32(bend), p)
            _stretch(p, dip, here, there, fundamental[v], out[v, knot * KNOT_FRAMES : (knot + 1) * KNOT_FRAMES])
            phase[v] += KNOT_FRAMES * (rate + KNOT_FRAMES * bend)
        phase[v] -= np.floor(phase[v])


def kernel(layout: Layout, inputs: Arrays, state: Arrays, out: Arrays) -> None:
    """→ out["tone"] [lanes, frames]; state["phase"] moves on."""
    morph = inputs["morph"] + inputs["morph_bend"] * inputs["envelope"][1]
    if "lfo" in inputs:
        morph = morph + inputs["morph_lfo"] * inputs["lfo"]
    clocks = inputs["keep"][:, 0], inputs["brightness"][:, 0]
    motion = inputs["voice_increment"][0, :, 0], inputs["voice_start"][0, :, 0]
    values = np.stack([inputs[f"formant_{name}"][..., 0] for name in ("from", "change", "bright")])
    rest = inputs["fundamental"][:, 0], state["phase"][0, :, 0]
    _sing(inputs["factor"], clocks, np.clip(morph, 0.0, 1.0), *motion, values, *rest, out["tone"])


# --- graph ----------------------------------------------------------------------------------------------------------
def _place_all(g: Builder, layout: Layout, x: Mapping[str, Tensor]) -> list[Tensor]:
    """r, k and A COSINE of the formants at samples, each [V, 4, frames]."""
    morph = x["morph"] + x["morph_bend"] * row(g, x["envelope"], 1)
    if "lfo" in x:
        morph = morph + x["morph_lfo"] * x["lfo"]
    vowel = x["formant_from"] + x["formant_change"] * abreast(g, g.clip(morph, 0.0, 1.0))  # [V, 12, knots]
    harmonic, wide, level = g.split(vowel, (_FORMANTS,) * 3, axis=1)
    under = abreast(g, g.unary("Reciprocal", g.cast(x["factor"], np.float32)))
    bright = g.slice(x["formant_bright"], 2 * _FORMANTS, 3 * _FORMANTS, axis=1)
    bright = g.unary("Exp", bright * abreast(g, x["brightness"]))
    harmonic = g.maximum(harmonic * under, 1.0)
    wide = g.minimum(wide * under * under + _NEIGHBOURS, _WIDEST)
    together = lines(g, layout, g.concat([harmonic, wide, level * bright], axis=1), 3 * _FORMANTS)
    return g.split(together, (_FORMANTS,) * 3, axis=1)


def graph(g: Builder, layout: Layout, x: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """All formants at once; both carriers of each stacked, so that they are one cosine."""
    harmonic, wide, level = _place_all(g, layout, x)
    begin = state["phase"] * g.cast(abreast(g, x["keep"]), np.float64) + x["voice_start"]
    p, last = phases(g, layout, x["voice_increment"] * abreast(g, x["factor"]), begin, 1)  # [V, 1, frames]
    tone = draw_cosine(g, p)
    dip = tone * COSINE - 1.0
    m = g.unary("Floor", harmonic)
    low = m * p
    cosines = draw_cosine(g, g.concat([low, low + p], axis=1))  # [V, 8, frames]
    low, high = g.split(cosines, (_FORMANTS,) * 2, axis=1)
    carrier = low + (harmonic - m) * (high - low)
    sung = g.reduce_sum(g.unary("Exp", wide * dip) * level * carrier, axes=(1,))
    pulse = g.reshape(g.unary("Exp", dip * _PULSE) * tone, (layout.lanes, layout.block_frames))
    return {"tone": pulse * x["fundamental"] + sung}, {"phase": last}


# --- record ---------------------------------------------------------------------------------------------------------
FORMANT = Unit(
    name="formant",
    sections={"formant": PARAMS},
    inputs=(FACTOR, ENVELOPES, replace(SWAY, optional=True)),
    clocks=("keep", "brightness"),
    values=VALUES,
    prepare=prepare,
    outputs=(TONE,),
    state=STATE,
    kernel=kernel,
    graph=graph,
    tolerance=1e-4,  # the hundredth harmonic multiplies a phase's error of 5e-7 periods
)
