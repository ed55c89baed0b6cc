"""The mixer's parameters: one volume; for each part a level, a mute and the five knobs; the effects' settings."""

from dataclasses import replace

from gen_core.playback import desk
from gen_core.spec.param import Param
from gen_core.synth.knobs import KNOBS
from gen_core.synth.plan import Plan

PARTS = ("lead", "second", "chords", "bass", "drums")

_GLIDE_S = 0.01  # one block


def _level(part: str) -> Param:
    help_ = f"how loud the {part} is; 1 is as the instrument was made"
    return Param(id=f"level.{part}", low=0.0, high=2.0, default=1.0, glide_s=_GLIDE_S, help=help_)


def _mute(part: str) -> Param:
    return Param(id=f"mute.{part}", low=0, high=1, default=0, kind="choice", choices=("off", "on"), glide_s=_GLIDE_S)


PARAMS: tuple[Param, ...] = (
    Param(id="volume", low=0.0, high=1.0, default=0.5, glide_s=_GLIDE_S, help="master, before the limiter"),
    *(_level(part) for part in PARTS),
    *(_mute(part) for part in PARTS),
    *(replace(knob, id=f"{knob.id}.{part}") for part in PARTS for knob in KNOBS),
)


def params(plan: Plan) -> tuple[Param, ...]:
    """All of the above, and every setting of the plan's effects as "section.param"."""
    effects = desk.params(plan)
    return (*PARAMS, *(replace(param, id=name, glide_s=desk.GLIDE_S) for name, param in effects.items()))
