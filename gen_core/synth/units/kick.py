"""A bass drum: a sine that falls to its pitch, its harmonics while it is loud, a knock and the beater's click.

What one hears: the thump of every style. Long, deep and plain it is the analogue drum (a TR-808 rests at 49.5 Hz,
begins near 130 Hz for some 6 ms and rings for up to seconds: K. J. Werner, J. Abel, J. Smith, "A physically-informed,
circuit-bendable, digital model of the Roland TR-808 bass drum circuit", DAFx 2014); with a fall of two or three octaves
in 20 ms and drive, that of dance music; short, with a click, an acoustic one (40 to 80 Hz, beater at 2 to 5 kHz).
Drive is what a saturated sine has: the second harmonic, which
falls twice as fast, and with it the third. Struck harder, the pitch begins higher, and
click, knock and drive grow faster than the drum. Form, kernel and graph: `gen_core/synth/drum.py`.
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
        low=25.0,
        high=150.0,
        default=52.0,
        unit="Hz",
        curve="exponential",
        help="where the pitch rests; below, speakers end; above, it is a tom",
    ),
    Param(
        id="sweep_octaves",
        low=0.0,
        high=5.0,
        default=2.2,
        unit="octaves",
        help="how far above it begins at full velocity; more is a laser",
    ),
    Param(
        id="sweep_s",
        low=0.003,
        high=0.2,
        default=0.018,
        unit="s",
        curve="exponential",
        help="time constant of the fall; faster is a click",
    ),
    Param(
        id="decay_s",
        low=0.05,
        high=6.0,
        default=0.55,
        unit="s",
        curve="exponential",
        help="to -60 dB; the longest TR-808 rings for seconds",
    ),
    Param(id="drive", low=0.0, high=1.0, default=0.25, help="second and third harmonic; 1 is a distorted drum machine"),
    Param(id="knock", low=0.0, high=1.0, default=0.25, help="a short tone three octaves up: the punch"),
    Param(id="click", low=0.0, high=1.0, default=0.35, help="the beater, noise; 1 is as loud as the drum"),
    Param(
        id="click_hz",
        low=200.0,
        high=8000.0,
        default=1800.0,
        unit="Hz",
        curve="exponential",
        help="where its noise begins: felt to wood",
    ),
)
_THIRD = 1.2  # the drum times its octave is, among others, its twelfth
_CLICK_S = 0.012
_KNOCK_S = 0.045


def prepare(row: Row, note: NoteOn) -> Mapping[str, NDArray]:
    """The stroke at this velocity; the key does not count."""
    p, loud = row["kick"], note.loud
    drive, click = p["drive"] * (0.3 + 0.7 * loud), p["click"] * loud
    sweep = p["sweep_octaves"] * (0.65 + 0.35 * loud), p["sweep_s"]
    level = 0.86 / (1.0 + 0.25 * drive + 0.1 * p["knock"])
    tune, decay = p["tune_hz"], p["decay_s"]
    partials = [
        Partial(tune, level, decay, *sweep),
        Partial(2.0 * tune, 0.4 * drive * level, decay / 2.0, *sweep, ring=_THIRD),
        Partial(8.0 * tune, 0.5 * p["knock"] * (0.3 + 0.7 * loud) * level, _KNOCK_S, 0.6, 0.008),
    ]
    felt = colour({"low_hz": p["click_hz"], "high_hz": 4.0 * p["click_hz"], "tilt_db": 6.0 * (loud - 1.0)}, note.layout)
    return values(Stroke(partials, [Burst(0.9 * click, _CLICK_S)], [felt]), note.layout)


# --- record; state, kernel and graph are the form's -----------------------------------------------------------------
KICK = drum("kick", PARAMS, prepare)
