"""What each part still sounds, to the tick: so that a part never has more voices than it was given.

A part waits on the grid: on a step at which its voices all sound nothing is offered to it. Micro-timing is masked as
well, for a note may begin 8 ticks before its step, where one that ends with the step before still sounds. The latest
class is always free: what ends on this step has ended by then.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gen_core.sequence import vocabulary as v
from gen_core.sequence.vocabulary import Event
from gen_core.spec.time import TICKS_PER_STEP

_EARLY_TICKS = v.MICRO_ZERO * v.MICRO_TICKS
_STEPS = v.DURATIONS.tolist()


class Tone(NamedTuple):
    """A note that sounds: absolute ticks, and the step on which it ends."""

    start: int
    end: int
    end_step: int


Voices = tuple[Tone, ...]  # of one part


def tone(step: int, duration: int, micro: int) -> Tone:
    """The note that begins at an absolute step, with its classes of duration and micro-timing."""
    start = max(step * TICKS_PER_STEP + (micro - v.MICRO_ZERO) * v.MICRO_TICKS, 0)
    return Tone(start, start + _STEPS[duration] * TICKS_PER_STEP, step + _STEPS[duration])


def with_event(voices: Voices, step: int, event: Event) -> Voices:
    """The part's voices after `event` at `step`; those that have ended for every later note are forgotten."""
    early = step * TICKS_PER_STEP - _EARLY_TICKS
    return (*(held for held in voices if held.end > early), tone(step, event.duration, event.micro))


def free_from(voices: Voices, polyphony: int) -> int:
    """The first step at which fewer than `polyphony` of the voices sound."""
    if len(voices) < polyphony:
        return 0
    return sorted(held.end_step for held in voices)[-polyphony]


def micro_mask(voices: Voices, polyphony: int, step: int, duration: int) -> NDArray[np.bool_] | None:
    """Which micro-timings leave the part within its polyphony; None: all. (micro classes,)"""
    if len(voices) < polyphony:
        return None
    return np.array([_fits(voices, polyphony, tone(step, duration, micro)) for micro in range(v.SIZES["micro"])])


def _fits(voices: Voices, polyphony: int, new: Tone) -> bool:
    """Most sound at once where one begins: where the new one does, or another of the same step after it."""
    begins = [new.start, *(held.start for held in voices if new.start < held.start < new.end)]
    return all(sum(held.start <= at < held.end for held in voices) < polyphony for at in begins)
