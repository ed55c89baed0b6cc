"""Drums with a pitch: a round skin, struck, with the air that it moves.

What one hears: toms, kettledrums, congas, bass drums. With j the zeros of the Bessel function J_m, r the place of the
blow from the centre (0) to the rim (1), and A the mass of the moved air over that of the skin at j = 1:
    f_mn ~ j_mn / sqrt(1 + A / j_mn),    a_mn = -i J_m(j_mn r) / J_(m+1)(j_mn) blow(f_mn)
Air on a skin is heavier for long waves, which lowers the low modes; in a kettledrum (A about 10) modes 11, 21, 31, 41
come to 2 : 3 : 4 : 5, which is why it has a pitch. Modes without nodal diameters (0n) push air like a piston and die
sooner. N. H. Fletcher, T. D. Rossing, "The Physics of Musical Instruments", 2nd ed. (1998), 3.2 and 18.1-18.4;
T. D. Rossing, "Science of Percussion Instruments" (2000), ch. 2-4. Block form, kernel and graph:
`gen_core/synth/modes.py`. The pitch is fixed at the blow.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.param import Param
from gen_core.synth.modes import BLOW, blow, choice, octaves, unit, values
from gen_core.synth.unit import NoteOn, Row

# --- the skin: zeros of J_m in rising order, (zero, m); M. Abramowitz, I. Stegun (1964), table 9.5 -------------------
_ZEROS, _DIAMETERS = np.array(
    [
        *((2.40483, 0), (3.83171, 1), (5.13562, 2), (5.52008, 0), (6.38016, 3), (7.01559, 1), (7.58834, 4)),
        *((8.41724, 2), (8.65373, 0), (8.77148, 5), (9.76102, 3), (9.93611, 6), (10.17347, 1), (11.06471, 4)),
        *((11.08637, 7), (11.61984, 2), (11.79153, 0), (12.22509, 8), (12.33860, 5), (13.01520, 3), (13.32369, 1)),
        *((13.35430, 9), (13.58929, 6), (14.37254, 4), (14.47550, 10), (14.79595, 2), (14.82127, 7), (14.93092, 0)),
        *((15.58985, 11), (15.70017, 5), (16.03777, 8), (16.22347, 3)),
    ]
).T


def _bessel(m: NDArray, x: NDArray) -> NDArray:
    """J_m(x) for x below 20, by Bessel's integral: the midpoint rule is exact for periodic functions."""
    angle = (np.arange(64) + 0.5) * (np.pi / 64)
    return np.cos(m[:, None] * angle - x[:, None] * np.sin(angle)).mean(axis=1)


_SIZES = np.abs(_bessel(_DIAMETERS + 1, _ZEROS))  # root mean square of each mode over the skin

# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    choice("tuned", "01", ("01", "11"), "the mode that has the key's pitch: 01 toms, 11 kettledrums"),
    Param(id="air", low=0.0, high=15.0, default=3.0, help="mass of the air: small drums 1, toms 3, kettledrums 10"),
    Param(id="decay_s", low=0.05, high=20.0, default=1.0, unit="s", curve="exponential", help="to -60 dB at middle C"),
    Param(id="decay_tilt", low=0.0, high=2.0, default=0.8, help="power by which high modes are short"),
    Param(id="key_decay", low=-0.5, high=1.5, default=0.5, help="octaves shorter an octave up"),
    Param(id="piston", low=0.05, high=2.0, default=0.6, curve="exponential", help="decay of modes 0n over the others'"),
    Param(id="position", low=0.0, high=0.95, default=0.3, help="of the blow, from the centre to the rim"),
    *BLOW,
)


# --- values ---------------------------------------------------------------------------------------------------------
def prepare(row: Row, note: NoteOn) -> Mapping[str, NDArray]:
    """The skin at this key, struck with this velocity."""
    section = row["tom"]
    loaded = _ZEROS / np.sqrt(1.0 + section["air"] / _ZEROS)
    ratio = loaded / loaded[0 if section["tuned"] == "01" else 1]
    seconds = section["decay_s"] * 2.0 ** (-section["key_decay"] * octaves(note)) * ratio ** -section["decay_tilt"]
    seconds = seconds * np.where(_DIAMETERS == 0, section["piston"], 1.0)
    level = -1j * _bessel(_DIAMETERS, _ZEROS * section["position"]) / _SIZES
    loudest, now = blow(section, note, ratio * note.hertz)
    return values(note, ratio * note.hertz, seconds, level * loudest, level * now)


# --- record ---------------------------------------------------------------------------------------------------------
TOM = unit("tom", PARAMS, prepare)
