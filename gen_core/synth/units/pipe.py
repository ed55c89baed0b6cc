"""Organ pipes, and the reeds and horns that share their physics: table oscillators whose spectra are computed.

What one hears: stops by their names. A note is two ranks; the second may speak first, as a pipe's octave or twelfth
does before its fundamental has grown ("chiff": it follows the modulation envelope). Kernel, graph, values and state
are those of oscillator.py.

A jet of profile sech^2 that swings past the lip blows tanh(drive sin(theta) + offset) into a flue pipe; its harmonics
c_n are the source (N. Fletcher, T. Rossing, "The Physics of Musical Instruments", 2nd ed. 1998, ch. 16.3; a reed that
opens and shuts, ch. 13, is the same switch, with a stronger drive). The pipe repeats what its end throws back:
    a_n = c_n sqrt(1 - R^2) / |1 - R W exp(2 pi i n e)|,  W = exp(-2 alpha L),  alpha = 3e-5 sqrt(f) / radius
R and the end correction d of an open end from A. Norris, I. Sheng, J. Sound Vib. 135 (1989), with x = k radius:
    R = (1 + 0.2 x - 0.084 x^2) / (1 + 0.2 x + 0.416 x^2),  d = radius (0.6133 + 0.027 x^2) / (1 + 0.19 x^2)
Mode n is sharp by e = ends (d_1 - d_n) / L of itself. Wide pipes lose their upper modes by it and sound round, narrow
ones keep them and sound stringy (ch. 17.4). Computed for middle C; what stays put in Hz while the key moves (a bell,
a formant, the tone holes' cutoff: A. Benade, "Fundamentals of Musical Acoustics", 1976, ch. 21; J. Meyer, "Acoustics
and the Performance of Music", ch. 3) is a body, as waves.py has it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param
from gen_core.synth.unit import Data, NoteOn, Row, Unit, called
from gen_core.synth.units import oscillator

_MIDDLE_C_HZ = 261.63
_SOUND_M_S = 343.0
_HARMONICS = 48
_FLUE_BODY = ((9000.0, -14.0, 1.2),)  # treble pipes are wider for their length than those of the bass


@dataclass(frozen=True, kw_only=True)
class Stop:
    """How a rank is built."""

    stopped: bool = False  # the far end: a stopped pipe has odd harmonics, and half the length
    scale: float  # diameter by length, at middle C
    drive: float  # how far the jet or reed swings against its width: a low cut-up or a hard reed is strong
    offset: float  # how far the lip is from the middle of the jet: even harmonics
    body: tuple[tuple[float, float, float], ...] = _FLUE_BODY


STOPS = {
    "principal": Stop(scale=0.08, drive=4.0, offset=1.1),
    "flute": Stop(scale=0.14, drive=1.3, offset=0.35),
    "string": Stop(scale=0.035, drive=6.0, offset=1.4),
    "stopped": Stop(stopped=True, scale=0.16, drive=1.6, offset=0.15),
    "quintadena": Stop(stopped=True, scale=0.06, drive=4.0, offset=0.3),  # narrow and stopped: the twelfth sings
    "reed": Stop(scale=0.03, drive=14.0, offset=9.0, body=((900.0, 5.0, 0.9), (9000.0, -16.0, 1.0))),
    "clarinet": Stop(stopped=True, scale=0.025, drive=7.0, offset=0.6, body=((1500.0, 5.0, 0.5), (7000.0, -24.0, 1.2))),
    "oboe": Stop(
        scale=0.02, drive=20.0, offset=16.0, body=((1100.0, 10.0, 0.35), (2900.0, 7.0, 0.3), (8000.0, -20.0, 1.0))
    ),
    "bassoon": Stop(scale=0.02, drive=14.0, offset=10.0, body=((480.0, 11.0, 0.4), (1200.0, 4.0, 0.3))),
    "horn": Stop(
        scale=0.03, drive=6.0, offset=3.5, body=((340.0, 7.0, 0.6), (2400.0, -9.0, 0.7), (8000.0, -30.0, 1.2))
    ),
}


def check_stop(value: Any) -> Any:
    """`value` if it is the name of a stop."""
    if value not in STOPS:
        raise UsageError(f"there is no stop {value!r}", f"use {', '.join(STOPS)}")
    return value


# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Data(id="stop", default="principal", check=check_stop, examples=("stopped", "reed"), help=", ".join(STOPS)),
    Data(id="stop_2", default="principal", check=check_stop, examples=("flute", "string"), help="the second rank's"),
    Param(id="ratio", low=0.25, high=8.0, default=1.0, curve="exponential", help="pitch: 8 feet over the footage"),
    Param(id="ratio_2", low=0.25, high=8.0, default=2.0, curve="exponential", help="2 is 4', 3 is 2 2/3', 4 is 2'"),
    Param(id="level", low=0.0, high=1.0, default=0.6),
    Param(id="level_2", low=0.0, high=1.0, default=0.2),
    Param(id="chiff", low=-1.0, high=1.0, default=0.1, help="added to level_2, times the modulation envelope"),
    Param(id="speech", low=-1.0, high=1.0, default=0.0, help="the same of the first rank; negative: it comes late"),
    Param(id="detune_cents", low=-50.0, high=50.0, default=2.0, unit="cents", help="second rank; more is a celeste"),
)


@lru_cache
def spectrum(name: str) -> tuple[float, ...]:
    """Amplitudes of harmonics 1, 2, 3 … of a stop at middle C, the strongest 1. See the docstring."""
    stop = STOPS[name]
    n = np.arange(1, _HARMONICS + 1)
    ends = 1 if stop.stopped else 2
    length = _SOUND_M_S / _MIDDLE_C_HZ / (4.0 if stop.stopped else 2.0)
    radius = 0.5 * stop.scale * length
    thrown_back, correction = open_end(2.0 * math.pi * n * _MIDDLE_C_HZ / _SOUND_M_S * radius)
    sharp = ends * (correction[0] - correction) * radius / length
    wall = np.exp(-2.0 * 3e-5 * np.sqrt(n * _MIDDLE_C_HZ) / radius * length)
    turn = np.exp(1j * math.pi * n * (1.0 if stop.stopped else 2.0) * (1.0 + sharp))
    closed = -1.0 if stop.stopped else 1.0  # a stop turns the wave over
    modes = np.sqrt(1.0 - thrown_back**2) / np.abs(1.0 - closed * thrown_back * wall * turn)
    amplitudes = _source(stop.drive, stop.offset) * modes
    return tuple(np.round(amplitudes / amplitudes.max(), 4).tolist())


def open_end(x: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Reflection and end correction (in radii) of an unflanged open pipe at x = k radius; both for x up to 3.5."""
    x = np.minimum(x, 3.5)
    thrown_back = (1.0 + 0.2 * x - 0.084 * x**2) / (1.0 + 0.2 * x + 0.416 * x**2)
    return thrown_back, (0.6133 + 0.027 * x**2) / (1.0 + 0.19 * x**2)


def _source(drive: float, offset: float) -> NDArray[np.float64]:
    """|c_n| of tanh(drive sin + offset), n from 1."""
    theta = 2.0 * math.pi * np.arange(1024) / 1024
    return np.abs(np.fft.rfft(np.tanh(drive * np.sin(theta) + offset)))[1 : _HARMONICS + 1]


def ranks(row: Row) -> dict[str, dict[str, Any]]:
    """A section [pipe] as the two sections of oscillators that it stands for."""
    section = row["pipe"]
    first = _rank(section["stop"], section["ratio"], 0.0, section["level"], section["speech"])
    second = _rank(section["stop_2"], section["ratio_2"], section["detune_cents"], section["level_2"], section["chiff"])
    return {"oscillator_1": first, "oscillator_2": second}


def _rank(stop: str, ratio: float, detune_cents: float, level: float, level_bend: float) -> dict[str, Any]:
    built = {"wave": list(spectrum(stop)), "body": [list(line) for line in STOPS[stop].body], "phase": 0.0}
    return built | {"ratio": ratio, "detune_cents": detune_cents, "level": level, "level_bend": level_bend}


def prepare(row: Row, note: NoteOn) -> Mapping[str, Any]:
    """Rates and tables of both ranks."""
    return oscillator.prepare({**row, **ranks(row)}, note)


# --- values, state, kernel, graph: the oscillator's; record ---------------------------------------------------------
PIPE = Unit(
    name="pipe",
    form="oscillator",
    sections={"pipe": PARAMS},
    inputs=oscillator.OSCILLATOR.inputs,
    clocks=oscillator.OSCILLATOR.clocks,
    values=oscillator.VALUES,
    prepare=prepare,
    outputs=oscillator.OSCILLATOR.outputs,
    state=oscillator.STATE,
    calls=oscillator.calls,
    kernel=called(oscillator.calls),
    graph=oscillator.graph,
    tolerance=oscillator.OSCILLATOR.tolerance,
)
