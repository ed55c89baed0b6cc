"""Strings, plucked or struck: the modes of a stiff, lossy string and of the choir that it stands in.

What one hears: harpsichord, harp, guitar, koto, piano. With n = 1, 2, 3 …, p the place of the blow and B the stiffness:
    f_n = n f sqrt((1 + B n^2) / (1 + B)),    d_n = d (1 + (f_n / damping)^2) / (1 + (f / damping)^2)
    a_n = sin(n pi p) / n (plucked: the force on the bridge)  or  -i sin(n pi p) (struck), times blow, times body
the exact modes of a digital waveguide whose loop loses more at high frequencies. J. O. Smith, "Physical Audio Signal
Processing" (2010), "Ideal plucked string", "Stiff string"; D. Jaffe, J. O. Smith, "Extensions of the Karplus-Strong
plucked-string algorithm", CMJ 7 (1983); C. Valette, "The mechanics of vibrating strings" (1995): loss as d0 + d2 w^2,
as J. Bensa et al., JASA 114 (2003), for pianos.

Strings of one key lose together over the bridge and separately by themselves. With detunings +-e and the loss g over
the bridge, the choir of two answers a blow as x / (x^2 + g x + e^2): it decays in two stages, first quickly together,
then slowly against each other, or beats. G. Weinreich, "Coupled piano strings", JASA 62 (1977).
Block form, kernel and graph: `gen_core/synth/modes.py`. The pitch is fixed at the blow.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.param import Param
from gen_core.synth.modes import BLOW, MODES, TO_60_DB, TOP, blow, choice, octaves, unit, values
from gen_core.synth.unit import Data, NoteOn, Row
from gen_core.synth.waves import body_gain, check_body

# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    choice("excitation", "pluck", ("pluck", "quill", "hammer"), "finger, plectrum or felt"),
    Param(id="position", low=0.01, high=0.5, default=0.14, help="of the blow: piano 0.12, guitar 0.2, harp 0.45"),
    Param(id="decay_s", low=0.05, high=60.0, default=5.0, unit="s", curve="exponential", help="to -60 dB at middle C"),
    Param(id="key_decay", low=-0.5, high=1.5, default=0.7, help="octaves shorter an octave up"),
    Param(
        id="damping_hz",
        low=100.0,
        high=20000.0,
        default=2500.0,
        unit="Hz",
        curve="exponential",
        help="where a partial decays twice as fast as the lowest: nylon 800, steel 3000",
    ),
    Param(id="stiffness", low=1e-6, high=0.02, default=5e-5, curve="exponential", help="B at middle C; piano 4e-4"),
    Param(id="stiffness_key", low=0.0, high=2.0, default=1.0, help="octaves of B an octave up"),
    Param(id="strings", low=1, high=3, default=1, kind="int", help="of one key; pairs at most in the bass"),
    Param(id="detune_cents", low=0.0, high=20.0, default=1.0, unit="cents", help="between neighbours of the choir"),
    Param(id="bridge", low=0.0, high=0.95, default=0.7, help="share of the loss that the strings have in common"),
    Data(id="body", default=[], check=check_body, examples=([[110.0, 9.0, 0.4]],), help="rows of [Hz, dB, octaves]"),
    *BLOW,
)

# --- values ---------------------------------------------------------------------------------------------------------
_PAIRS, _TRIPLES = 30, 46  # MIDI keys F#1 and A#2: where a grand piano's wound choirs change
_CHOIR = MODES // 4  # partials, the lowest, that have the whole choir; higher ones have what its strings do together
_LIMIT = 400  # partials looked at: the lowest keys have more below half the rate, but none that one hears


def _numbers(count: int, budget: int) -> tuple[NDArray, NDArray]:
    """Which of `count` partials sound, and how much louder each is for those left out below it.

    All, if the budget allows; else five eighths of the budget in a row, then wider and wider apart, where many partials
    fall into one critical band of the ear; every fourth at most, or single tones would stand out.
    """
    if count <= budget:
        return np.arange(1, count + 1), np.ones(count)
    dense = budget * 5 // 8
    step = np.arange(1, budget - dense + 1)
    bend = min((count - dense - step.size) / step.size**2, 1.5 / step.size)  # fills the range, or ends with gaps of 4
    sparse = dense + np.floor(step + bend * step**2).astype(int)
    gap = np.diff(sparse, prepend=dense)
    return np.append(np.arange(1, dense + 1), sparse), np.sqrt(np.append(np.ones(dense), gap))


def _strings(section: Mapping[str, Any], note: NoteOn) -> int:
    """Strings of this key: heavy ones stand alone, then in pairs, as pianos have it."""
    most = 1 if note.key < _PAIRS else 2 if note.key < _TRIPLES else 3
    return min(int(section["strings"]), most)


def _choir(own: NDArray, common: NDArray, apart: NDArray, strings: int) -> tuple[NDArray, NDArray]:
    """Rates (complex, 1/s) and weights of the modes of each partial's choir, each [partials, strings].

    own, common: losses by itself and over the bridge; apart: angular detuning of neighbours. The rates are -own plus
    the roots of x^2 + g x + e^2 (two strings at +-e) or x^3 + g x^2 + e^2 x + g e^2 / 3 (three, at -e, 0 and e).
    """
    if strings == 1:
        return -(own + common)[:, None] + 0j, np.ones((own.size, 1))
    e = np.maximum(apart / 2.0 if strings == 2 else apart, 1e-3 * (own + common))  # double roots have no weights:
    e = np.where((strings == 2) & (np.abs(2.0 * e - common) < 0.02 * common), 0.49 * common, e)  # pass them by
    zero = np.zeros_like(e)
    if strings == 2:
        rows = np.stack([-common, -(e**2)], axis=1)
        above = np.stack([zero + 1.0, zero], axis=1)
    else:
        rows = np.stack([-common, -(e**2), -common * e**2 / 3.0], axis=1)
        above = np.stack([zero + 1.0, zero, e**2 / 3.0], axis=1)
    matrix = np.concatenate([rows[:, None, :], np.tile(np.eye(strings)[None, :-1], (e.size, 1, 1))], axis=1)
    roots = np.linalg.eigvals(matrix).astype(np.complex128)  # of the polynomial's companion
    powers = roots[:, :, None] ** np.arange(strings - 1, -1, -1)
    slope = np.arange(strings, 0, -1) * np.append(np.ones((e.size, 1)), -rows[:, :-1], axis=1)
    weight = (powers @ above[:, :, None])[..., 0] / (powers @ slope[:, :, None])[..., 0]
    return roots - own[:, None], weight


def _partials(section: Mapping[str, Any], note: NoteOn) -> tuple[NDArray, NDArray, NDArray]:
    """Number, frequency and gain (for partials left out) of what sounds, from the lowest up."""
    b = section["stiffness"] * 2.0 ** (section["stiffness_key"] * octaves(note))
    n = np.arange(1, _LIMIT + 1)
    hertz = n * note.hertz * np.sqrt((1.0 + b * n * n) / (1.0 + b))
    count = int((hertz < TOP * note.layout.sample_rate_hz).sum())
    numbers, gain = _numbers(count, MODES - _CHOIR * (_strings(section, note) - 1))
    return numbers, hertz[numbers - 1], gain


def prepare(row: Row, note: NoteOn) -> Mapping[str, NDArray]:
    """The string at this key, plucked or struck with this velocity."""
    section = row["string"]
    strings = _strings(section, note)
    n, hertz, gain = _partials(section, note)
    loss = TO_60_DB / section["decay_s"] * 2.0 ** (section["key_decay"] * octaves(note))
    square = section["damping_hz"] ** 2
    loss = loss * (1.0 + hertz**2 / square) / (1.0 + note.hertz**2 / square)
    level = gain * np.sin(n * np.pi * section["position"]) * body_gain(section["body"], hertz)
    level = -1j * level if section["excitation"] == "hammer" else level / n
    own, common = (1.0 - section["bridge"]) * loss, section["bridge"] * loss
    full = min(_CHOIR, n.size)
    apart = 2.0 * np.pi * hertz * (2.0 ** (section["detune_cents"] / 1200.0) - 1.0)
    rates, weights = _choir(own[:full], common[:full], apart[:full], strings)
    hertz_all = np.append((hertz[:full, None] + rates.imag / (2.0 * np.pi)).ravel(), hertz[full:])
    seconds = TO_60_DB / np.append(-rates.real.ravel(), loss[full:])
    level_all = np.append((level[:full, None] * weights).ravel(), level[full:])
    loudest, now = blow(section, note, hertz_all)
    if section["excitation"] == "quill":
        loudest, now = np.sqrt(loudest), np.sqrt(now)  # a plectrum's edge: 6 dB an octave
    return values(note, hertz_all, seconds, level_all * loudest, level_all * now)


# --- record ---------------------------------------------------------------------------------------------------------
STRING = unit("string", PARAMS, prepare)
