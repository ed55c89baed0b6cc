"""What a person turns while music sounds: five knobs that mean the same on all instruments, and how a patch is played.

`brightness`, `drive` and `space` are heard at once, `attack` and `decay` from a part's next note on. At 0 all
is as the instrument was made.
"""

from collections.abc import Mapping
from typing import Any

from gen_core.spec.param import Param

_GLIDE_S = 0.05  # faster than a hand, slower than a click
KNOBS = (
    Param(id="brightness", low=-2.0, high=2.0, default=0.0, unit="octaves", glide_s=_GLIDE_S,
          help="of the filter, or the tilt of the partials"),
    Param(id="attack", low=-1.0, high=1.0, default=0.0, help="a quarter to four times as long"),
    Param(id="decay", low=-1.0, high=1.0, default=0.0, help="decay and release, a quarter to four times as long"),
    Param(id="space", low=-1.0, high=1.0, default=0.0, glide_s=_GLIDE_S, help="-1 dry, 1 far: to reverb and echo"),
    Param(id="drive", low=0.0, high=1.0, default=0.0, glide_s=_GLIDE_S, help="how much goes through the waveshaper"),
)  # fmt: skip
PLAYING = (
    Param(id="mono", low=0, high=1, default=0, kind="choice", choices=("off", "on"), help="one note at a time, legato"),
    Param(id="glide_s", low=0.001, high=2.0, default=0.04, unit="s", curve="exponential", help="of legato, to 1/e"),
    Param(id="humanise_ms", low=0.0, high=40.0, default=0.0, unit="ms", help="late by up to; more is sloppy"),
    Param(id="humanise_db", low=0.0, high=6.0, default=0.0, unit="dB", help="softer by up to"),
)
# How parameters of a patch end → the knob that they obey.
SHAPED = {"attack_s": "attack", "decay_s": "decay", "release_s": "decay", "tail_s": "decay"}
_STEP = 0.05  # attack and decay count in such steps, so that sounds can be kept


def rounded(value: float) -> float:
    """A knob's value as sounds are kept by."""
    return round(value / _STEP) * _STEP


def shaped(row: Mapping[str, Any], ranges: Mapping[str, Mapping[str, Param]], attack: float, decay: float) -> Any:
    """The patch with its times as the knobs `attack` and `decay`, -1..1, want them; never out of range."""
    if attack == decay == 0.0:
        return row
    power = {"attack": 4.0**attack, "decay": 4.0**decay}
    turned = dict(row)
    for section, params in ranges.items():
        times = {key: end for key in params for end in SHAPED if key == end or key.endswith(f"_{end}")}
        scaled = {key: params[key].clamp(row[section][key] * power[SHAPED[end]]) for key, end in times.items()}
        turned[section] = {**row[section], **scaled}
    return turned
