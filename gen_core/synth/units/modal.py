"""Bars, bells, tines, glasses and gongs, struck or plucked: a table of partials.

What one hears: mallets and bells. A design is rows of (frequency over the note's, level, decay over the note's):
    f_m = ratio_m f,    T_m = decay_m T(key) ratio_m^-tilt,    a_m = -i level_m shape_m(position) blow(f_m)
so that every mode begins at rest (-i: a sine). Bars and tines are thin beams, whose ratios (beta_m / beta_1)^2 and
shapes along the beam are exact; tuned bars keep the shapes, for their undercut moves the frequencies most. Round
bodies have each mode twice, a little apart, and beat. Thin beams, tuned bars, bells: N. H. Fletcher, T. D. Rossing,
"The Physics of Musical Instruments", 2nd ed. (1998), 2.15-2.17, 19.1-19.5, 21; T. D. Rossing, "Science of Percussion
Instruments" (2000), ch. 7-12; strong rim partials of bells: W. A. Hibbert, thesis, Open University (2008).
Block form, kernel and graph: `gen_core/synth/modes.py`. The pitch is fixed at the strike.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param
from gen_core.synth.modes import BLOW, blow, octaves, unit, values
from gen_core.synth.unit import Data, NoteOn, Row

Rows = list[list[float]]

# --- designs: rows of (ratio, level in dB, decay) -------------------------------------------------------------------
_FREE = np.append([4.73004, 7.85320, 10.99561, 14.13717], (2 * np.arange(5, 10) + 1) * np.pi / 2)  # beta, free ends
_CLAMPED = np.append([1.87510, 4.69409, 7.85476, 10.99554], (2 * np.arange(5, 9) - 1) * np.pi / 2)  # one end held


def _beam(beta: NDArray) -> Rows:
    return [[float(ratio), 0.0, 1.0] for ratio in (beta / beta[0]) ** 2]


def _rows(ratios: list[float], levels_db: list[float], decays: list[float] | None = None) -> Rows:
    return [list(row) for row in zip(ratios, levels_db, decays or [1.0] * len(ratios), strict=True)]


DESIGNS: dict[str, Rows] = {
    "bar": _beam(_FREE),  # glockenspiel, celesta, woodblock
    "tuned_bar": _rows([1, 4, 9.2, 16.3, 24.2], [0, -10, -17, -24, -30]),  # marimba: two octaves, then a third
    "xylophone": _rows([1, 3, 6.1, 11.5, 18.6], [0, -6, -12, -18, -24]),  # an octave and a fifth
    "vibraphone": _rows([1, 3.984, 10.668, 17.979, 23.679], [0, -12, -20, -28, -34]),
    "tine": _beam(_CLAMPED),  # music box, kalimba, toy piano, electric piano
    "tubular": _rows(  # modes of a free tube whose fourth to sixth are heard as 2 : 3 : 4, an octave below the fourth
        [(2 * m + 1) ** 2 / 40.5 for m in range(1, 11)],
        [-24, -16, -9, 0, -1, -3, -6, -10, -14, -18],
        [3.0, 2.0, 1.5] + [1.0] * 7,
    ),
    "bell": _rows(  # church bell: hum, prime, tierce, quint, nominal, then the partials of the rim
        [0.5, 1, 1.19, 1.5, 2, 2.52, 2.66, 3.01, 4.17, 5.43, 6.79, 8.21, 9.68, 11.2, 12.8, 14.4],
        [-8, -3, 0, -14, 0, -10, -13, -3, -5, -9, -13, -17, -21, -25, -28, -32],
        [2.2, 1, 1, 0.5, 0.6, 0.3, 0.3, 0.45, 0.4, 0.35, *[0.3] * 6],
    ),
    "handbell": _rows([1, 2, 3, 4.05, 5.4, 7.1], [0, -20, -6, -16, -16, -22], [1, 0.5, 0.6, 0.5, 0.4, 0.3]),
    "bowl": _rows([1, 2.778, 5.181, 8.163, 11.661, 15.638], [0, -2, -8, -14, -20, -26]),  # singing bowl, 180 mm
    "glass": _rows([1, 2.32, 4.25, 6.63, 9.38], [0, -10, -16, -22, -28]),  # wine glass: n^2 - 1 nearly
    "gong": _rows(  # a bossed gong: octaves and near fifths over a strong first mode, the rest close together
        [1, 1.49, 2.0, 2.06, 2.47, 2.98, 3.52, 4.04, 4.71, 5.33, 6.12, 6.97],
        [0, -10, -5, -9, -14, -12, -18, -17, -21, -22, -25, -28],
        [1, 0.8, 0.9, 0.8, 0.6, 0.6, 0.5, 0.5, 0.4, 0.4, 0.3, 0.3],
    ),
}
_BEAMS = {"bar": _FREE, "tuned_bar": _FREE, "xylophone": _FREE, "vibraphone": _FREE, "tine": _CLAMPED}


def check_design(value: Any) -> Any:
    """A design's name, or rows [ratio 0.05..64, dB -80..20, decay 0.01..20]."""
    hint = f"use {', '.join(DESIGNS)}, or rows of [ratio, dB, decay] as in [[1, 0, 1], [2.76, -6, 0.7]]"
    if isinstance(value, str) and value in DESIGNS:
        return value
    try:
        rows = np.asarray(value, float).reshape(-1, 3)
    except (TypeError, ValueError):
        raise UsageError(f"design cannot be {value!r}", hint) from None
    low, high = np.array([0.05, -80.0, 0.01]), np.array([64.0, 20.0, 20.0])
    if not len(rows) or not ((rows >= low) & (rows <= high)).all():
        raise UsageError(f"design {value!r} is out of range", hint)
    return rows.tolist()


# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Data(id="design", default="bar", check=check_design, examples=("bell", [[1, 0, 1], [2.7, -6, 0.5]])),
    Param(id="decay_s", low=0.02, high=60.0, default=3.0, unit="s", curve="exponential", help="to -60 dB at middle C"),
    Param(
        id="decay_tilt", low=0.0, high=2.0, default=0.7, help="metal 0.5, wood 1: power by which high modes are short"
    ),
    Param(id="key_decay", low=-0.5, high=1.5, default=0.7, help="octaves shorter an octave up"),
    Param(id="position", low=0.0, high=0.5, default=0.4, help="of the blow on a bar, from its free end to its middle"),
    Param(id="split_cents", low=0.0, high=50.0, default=0.0, unit="cents", help="between the two of a doublet"),
    *BLOW,
)


# --- values ---------------------------------------------------------------------------------------------------------
def _shape(beta: NDArray, at: float, clamped: bool) -> NDArray:
    """How far a beam's modes swing at a place (0: free end, 1: other end), 1 at the free end; cosh and sinh kept apart.

    cosh bx - sigma sinh bx +- (cos bx - sigma sin bx), Fletcher and Rossing 2.16, with x from the far end of a tine.
    """
    sign, x = (-1.0, 1.0 - at) if clamped else (1.0, at)
    bottom = np.sinh(beta) - sign * np.sin(beta)
    less = (-np.exp(-beta) - sign * (np.sin(beta) - np.cos(beta))) / bottom  # 1 - sigma, without cancellation
    bend = 0.5 * (np.exp(-beta * x) * (2.0 - less) + np.exp(beta * x) * less)
    return np.asarray(0.5 * (bend + sign * (np.cos(beta * x) - (1.0 - less) * np.sin(beta * x))))


def _partials(section: Mapping[str, Any]) -> tuple[NDArray, NDArray, NDArray]:
    """Ratio, level and decay of every mode, doublets as two."""
    design = section["design"]
    named = design if isinstance(design, str) else ""
    ratio, level_db, decay = np.array(DESIGNS[named] if named else design).T
    level = 10.0 ** (level_db / 20.0)
    if named in _BEAMS:
        level = level * _shape(_BEAMS[named][: ratio.size], section["position"], named == "tine")
    if not section["split_cents"]:
        return ratio, level, decay
    uneven = 0.5 + np.arange(ratio.size) * 0.618 % 1.0  # doublets of one bell beat at speeds of their own
    half = 2.0 ** (section["split_cents"] * uneven / 2400.0)
    return np.append(ratio / half, ratio * half), np.append(0.62 * level, 0.38 * level), np.append(decay, decay)


def prepare(row: Row, note: NoteOn) -> Mapping[str, NDArray]:
    """The design at this key, struck with this velocity."""
    section = row["modal"]
    ratio, level, decay = _partials(section)
    hertz = ratio * note.hertz
    fundamental_s = section["decay_s"] * 2.0 ** (-section["key_decay"] * octaves(note))
    loudest, now = blow(section, note, hertz)
    return values(
        note, hertz, fundamental_s * decay * ratio ** -section["decay_tilt"], -1j * level * loudest, -1j * level * now
    )


# --- record ---------------------------------------------------------------------------------------------------------
MODAL = unit("modal", PARAMS, prepare)
