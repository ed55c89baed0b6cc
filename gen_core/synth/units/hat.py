"""A hi-hat, closed or open by its decay: bright noise, and the clang of a ring modulator.

What one hears: time. A real pair of cymbals has hundreds of modes, most of its sound lies above 6 kHz; a drum machine
makes it of six square waves that do not fit together (205 to 800 Hz in the TR-808) through a high pass (G. Reid,
"Synth secrets", on metallic percussion, Sound on Sound, 2002). Two high sines, and a low one that modulates them and
the noise, give six partials that fit together no better. At first the two plates strike each other: a brighter burst.
Choking an open hat is the allocator's. Form, kernel and graph: `gen_core/synth/drum.py`.
"""

from collections.abc import Mapping

from numpy.typing import NDArray

from gen_core.spec.param import Param
from gen_core.synth.drum import Burst, Partial, Stroke, drum, values
from gen_core.synth.unit import NoteOn, Row
from gen_core.synth.units.noise import colour

# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Param(
        id="tune_hz",
        low=200.0,
        high=800.0,
        default=415.0,
        unit="Hz",
        curve="exponential",
        help="of the metal: large and dark to small and thin",
    ),
    Param(
        id="decay_s",
        low=0.02,
        high=4.0,
        default=0.16,
        unit="s",
        curve="exponential",
        help="to -60 dB: 0.1 is closed, 1 is open, longer a cymbal",
    ),
    Param(id="metal", low=0.0, high=1.0, default=0.35, help="clang against noise: 0 a shaker, 1 a drum machine"),
    Param(
        id="low_hz",
        low=1000.0,
        high=12000.0,
        default=6500.0,
        unit="Hz",
        curve="exponential",
        help="less of the noise below",
    ),
    Param(id="tilt_db", low=-6.0, high=6.0, default=0.0, unit="dB an octave", help="of the noise: dark to sizzling"),
    Param(id="chick", low=0.0, high=1.0, default=0.4, help="the burst at first"),
)
_HIGH, _LOW = (17.3, 21.1), 5.37  # times the tuning: at 400 Hz 6.9, 8.4 and 2.1 kHz
_CHICK_S = 0.02


def prepare(row: Row, note: NoteOn) -> Mapping[str, NDArray]:
    """The stroke at this velocity; the key does not count."""
    p, loud = row["hat"], note.loud
    decay = p["decay_s"] * (0.7 + 0.3 * loud)
    metal, hiss = p["metal"] ** 0.5, (1.0 - p["metal"]) ** 0.5
    partials = [Partial(ratio * p["tune_hz"], 0.14 * metal, decay) for ratio in _HIGH]
    partials += [Partial(_LOW * p["tune_hz"], 0.9 * metal, 2.0 * decay, heard=0.0, ring=1.0)]
    tilt = p["tilt_db"] + 5.0 * (loud - 1.0)
    first = colour({"low_hz": 0.7 * p["low_hz"], "high_hz": 20000.0, "tilt_db": tilt + 1.5}, note.layout)
    rest = colour({"low_hz": p["low_hz"] * (0.8 + 0.2 * loud), "high_hz": 20000.0, "tilt_db": tilt}, note.layout)
    bursts = [Burst(0.4 * p["chick"] * (0.2 + 0.8 * loud), _CHICK_S), Burst(0.5 * hiss, decay, colour=1)]
    return values(Stroke(partials, bursts, [first, rest]), note.layout)


# --- record; state, kernel and graph are the form's -----------------------------------------------------------------
HAT = drum("hat", PARAMS, prepare)
