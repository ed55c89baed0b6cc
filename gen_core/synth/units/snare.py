"""A snare drum: two modes of the head, the wires' noise, and the stick.

What one hears: the backbeat, from a deep wooden drum to a paper-thin electronic one. The lowest modes of a snare drum
lie near 182 and 330 Hz (T. Rossing, I. Bork, H. Zhao, D. Fystrom, "Acoustics of snare drums", JASA 92, 1992), an
ideal membrane's at 1 : 1.59 : 2.14; drum machines have two sines at 1 : 1.6 to 2.3 and high-passed noise (G. Reid,
"Synth secrets", on the snare drum, Sound on Sound, 2002). A hard stroke stretches the head, so the pitch
falls a little; the wires answer some milliseconds after the head, and answer more the harder it is struck.
Form, kernel and graph: `gen_core/synth/drum.py`.
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
        low=100.0,
        high=500.0,
        default=185.0,
        unit="Hz",
        curve="exponential",
        help="the lowest mode: a deep drum to a piccolo",
    ),
    Param(id="ratio", low=1.2, high=2.6, default=1.78, help="the second mode against it; 1.59 is an ideal membrane"),
    Param(
        id="sweep_octaves",
        low=0.0,
        high=2.0,
        default=0.3,
        unit="octaves",
        help="at full velocity; skin does half an octave, machines more",
    ),
    Param(
        id="sweep_s",
        low=0.003,
        high=0.1,
        default=0.015,
        unit="s",
        curve="exponential",
        help="time constant of the fall; faster is a click",
    ),
    Param(
        id="tone_decay_s",
        low=0.03,
        high=1.5,
        default=0.22,
        unit="s",
        curve="exponential",
        help="to -60 dB; longer is a tom",
    ),
    Param(id="snappy", low=0.0, high=1.0, default=0.55, help="wires against heads: 0 is thrown off, 1 all noise"),
    Param(
        id="wires_decay_s",
        low=0.03,
        high=2.0,
        default=0.35,
        unit="s",
        curve="exponential",
        help="to -60 dB; longer is a roll of its own",
    ),
    Param(
        id="low_hz",
        low=100.0,
        high=6000.0,
        default=1000.0,
        unit="Hz",
        curve="exponential",
        help="less of the wires below; higher is a hat",
    ),
    Param(
        id="high_hz",
        low=2000.0,
        high=20000.0,
        default=11000.0,
        unit="Hz",
        curve="exponential",
        help="less of the wires above; lower is a brush on cloth",
    ),
    Param(id="stick", low=0.0, high=1.0, default=0.4, help="the click of the stroke"),
)
_STICK_S = 0.012
_ANSWER_S = 0.004  # when the wires have begun to move


def prepare(row: Row, note: NoteOn) -> Mapping[str, NDArray]:
    """The stroke at this velocity; the key does not count."""
    p, loud = row["snare"], note.loud
    head, wires = (1.0 - p["snappy"]) ** 0.5, p["snappy"] ** 0.5 * (0.6 + 0.4 * loud)
    sweep, tune, decay = (p["sweep_octaves"] * loud, p["sweep_s"]), p["tune_hz"], p["tone_decay_s"]
    partials = [
        Partial(tune, 0.45 * head, decay, *sweep),
        Partial(tune * p["ratio"], 0.32 * head, 0.7 * decay, *sweep),
        Partial(1100.0, 0.2 * p["stick"] * loud, 0.02, 0.5, 0.004),
    ]
    tilt = 4.0 * (loud - 1.0)  # a soft stroke is a dull one
    bright = colour({"low_hz": p["low_hz"], "high_hz": 20000.0, "tilt_db": tilt + 1.0}, note.layout)
    rattle = colour({"low_hz": p["low_hz"], "high_hz": p["high_hz"], "tilt_db": tilt - 2.0}, note.layout)
    bursts = [
        Burst(0.3 * p["stick"] * (0.2 + 0.8 * loud), _STICK_S),
        Burst(0.35 * wires, 0.3 * p["wires_decay_s"] * (0.7 + 0.3 * loud), _ANSWER_S),
        Burst(0.45 * wires, p["wires_decay_s"], colour=1),
    ]
    return values(Stroke(partials, bursts, [bright, rattle]), note.layout)


# --- record; state, kernel and graph are the form's -----------------------------------------------------------------
SNARE = drum("snare", PARAMS, prepare)
