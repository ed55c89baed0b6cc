"""Hands clapping: three bursts of noise in quick succession, and a room's worth of tail.

What one hears: a few people who clap almost together. A drum machine makes it of noise through a band pass near 1 kHz,
opened three times about 10 ms apart and left to fall the last time, beside a longer, quieter reverberation (as in the
Roland TR-808; G. Reid, "Synth secrets", Sound on Sound). Hands are cups of air: the louder, the
flatter the hands, the brighter. Form, kernel and graph: `gen_core/synth/drum.py`.
"""

from collections.abc import Mapping

from numpy.typing import NDArray

from gen_core.spec.param import Param
from gen_core.synth.drum import Burst, Stroke, drum, values
from gen_core.synth.unit import NoteOn, Row
from gen_core.synth.units.noise import colour

# --- parameters -----------------------------------------------------------------------------------------------------
PARAMS = (
    Param(
        id="spacing_s",
        low=0.004,
        high=0.03,
        default=0.0105,
        unit="s",
        help="between hands; closer is one clap, further many",
    ),
    Param(
        id="burst_s",
        low=0.01,
        high=0.1,
        default=0.032,
        unit="s",
        curve="exponential",
        help="of each hand, to -60 dB; longer runs together",
    ),
    Param(
        id="tail_s", low=0.03, high=1.5, default=0.28, unit="s", curve="exponential", help="to -60 dB; longer is a hall"
    ),
    Param(id="tail", low=0.0, high=1.0, default=0.45, help="its level against the hands"),
    Param(
        id="low_hz",
        low=200.0,
        high=3000.0,
        default=750.0,
        unit="Hz",
        curve="exponential",
        help="less below: cupped hands to fingers",
    ),
    Param(id="high_hz", low=1000.0, high=16000.0, default=3000.0, unit="Hz", curve="exponential", help="less above"),
)
_UNEVEN = 1.1  # the last hand is late


def prepare(row: Row, note: NoteOn) -> Mapping[str, NDArray]:
    """The stroke at this velocity; the key does not count."""
    p, loud = row["clap"], note.loud
    last = (1.0 + _UNEVEN) * p["spacing_s"]
    tilt = 5.0 * (loud - 1.0)
    hands = colour({"low_hz": p["low_hz"], "high_hz": 1.5 * p["high_hz"], "tilt_db": tilt}, note.layout)
    room = colour({"low_hz": p["low_hz"], "high_hz": p["high_hz"], "tilt_db": tilt - 1.0}, note.layout)
    bursts = [
        Burst(0.45 * (0.6 + 0.4 * loud), p["burst_s"]),
        Burst(0.48, p["burst_s"], p["spacing_s"]),
        Burst(0.48, 1.4 * p["burst_s"], last),
        Burst(0.5 * p["tail"], p["tail_s"] * (0.8 + 0.2 * loud), last, colour=1),
    ]
    return values(Stroke(bursts=bursts, colours=[hands, room]), note.layout)


# --- record; state, kernel and graph are the form's -----------------------------------------------------------------
CLAP = drum("clap", PARAMS, prepare)
