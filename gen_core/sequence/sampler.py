"""Draws one event after another from the network, inside the rules.

Every draw is a function of (seed, tick, part, what sounded last there, field): a bar composed again is the same bar.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gen_core.sequence import vocabulary as v
from gen_core.sequence.choice import choose
from gen_core.sequence.context import Context
from gen_core.sequence.rules import Rules
from gen_core.sequence.sounding import Voices, free_from, micro_mask, with_event
from gen_core.sequence.vocabulary import BAR, Event
from gen_core.sequence.wishes import Tilt, tilt_deltas, tilt_pitches, tilt_velocities
from gen_core.spec.chance import draw
from gen_core.spec.time import STEPS_PER_QUARTER, TICKS_PER_STEP

Logits = NDArray[np.float32]
Columns = Sequence[Sequence[int]] | NDArray[np.integer]
PATIENCE_STEPS = 4 * STEPS_PER_QUARTER  # a rest that nobody minds
EAGERNESS_PER_QUARTER = 0.75  # nats; after two more bars a part is 400 times as likely as the network thought
MAX_EVENTS_PER_QUARTER = 24  # a runaway stops here: of the corpus' bars 99 in 100 are sparser


class StepModel(Protocol):
    """The network, one step at a time. Columns are `sequence.layout` rows; batch is the first axis."""

    def start(self, batch: int) -> Logits: ...
    def trunk(self, columns: Columns, state: Logits) -> tuple[Logits, Logits, Logits]: ...
    def head(self, field: str, h: Logits, columns: Columns) -> Logits: ...


@dataclass(frozen=True)
class Manner:
    """How a stretch of music is drawn: what changes from beat to beat."""

    rules: Rules
    seed: int
    temperature: float = 1.0
    tilt: Tilt = Tilt()


class Sampler:
    """Network, context and rules together. `heard_in_bar` counts the notes since the bar line."""

    def __init__(self, model: StepModel, context: Context) -> None:
        self.model = model
        self.context = context
        self.state = model.start(1)
        self.heard_in_bar = 0
        self.empty_bars = 0
        self.sounding: tuple[Voices, ...] = ((),) * v.MAX_PARTS

    def next(self, manner: Manner, first_delta: int = 0) -> Event:
        """Draw the next event, at least `first_delta` steps from now; a bar line is drawn but not yet begun."""
        context = self.context
        h, delta_logits, state = self.model.trunk([context.trunk()], self.state)
        delta_logits = tilt_deltas(delta_logits[0], manner.tilt, context.bar_steps - context.position)
        where = (context.now * TICKS_PER_STEP, context.last.part, context.last.pitch)
        delta = _choose(delta_logits, self._deltas(manner, 0), manner, 0, *where)
        if delta < first_delta:  # only where the music was cut inside a bar and asked for something else
            delta = _choose(delta_logits, self._deltas(manner, first_delta), manner, 0, *where)
        self.state = state
        if delta == BAR:
            self.empty_bars = 0 if self.heard_in_bar else self.empty_bars + 1
            self.heard_in_bar = 0
            return v.BAR_LINE
        event = self._note(manner, h, delta)
        context.push(event)
        voices = with_event(self.sounding[event.part], context.now, event)
        self.sounding = (*self.sounding[: event.part], voices, *self.sounding[event.part + 1 :])
        self.heard_in_bar += 1
        return event

    def _note(self, manner: Manner, h: Logits, delta: int) -> Event:
        context, model = self.context, self.model
        tick = (context.now + delta) * TICKS_PER_STEP
        last = (context.last.part, context.last.pitch) if delta == 0 else (v.MAX_PARTS, 0)
        logits = model.head("part", h, [context.part_columns(delta)])[0] + self._eagerness(delta)
        part = _choose(logits, self._parts(manner, delta), manner, 1, tick, *last)
        logits = tilt_pitches(model.head("pitch", h, [context.pitch_columns(delta, part)])[0], manner.tilt)
        pitch = _choose(
            logits, self._pitches(manner, delta, part), manner, 2, tick, part, last[1] if last[0] == part else 0
        )
        logits = model.head("duration", h, [context.duration_columns(delta, part, pitch)])[0]
        step = context.now + delta
        duration = _choose(logits, _up_to(manner.rules.longest(pitch, step)), manner, 3, tick, part, pitch)
        logits = model.head("velocity", h, [context.velocity_columns(delta, part, pitch, duration)])[0]
        logits = tilt_velocities(logits, manner.tilt)
        velocity = _choose(logits, _AUDIBLE, manner, 4, tick, part, pitch)
        logits = model.head("micro", h, [context.micro_columns(delta, part, pitch, velocity)])[0]
        mask = micro_mask(self.sounding[part], manner.rules.parts[part].polyphony, step, duration)
        micro = _choose(logits, mask, manner, 5, tick, part, pitch)
        return Event(delta, part, pitch, duration, velocity, micro)

    def _eagerness(self, delta: int) -> Logits:
        """Who was asked to play shall be heard: a part that rests over a bar is drawn ever more eagerly, (parts,)."""
        context = self.context
        rests = [context.now + delta - max(heard.end, 0) - PATIENCE_STEPS for heard in context.heard]
        eager = [min(max(rest, 0) / STEPS_PER_QUARTER, 8.0) * EAGERNESS_PER_QUARTER for rest in rests]
        return np.array(eager + [0.0] * (v.MAX_PARTS - len(eager)), np.float32)

    def _deltas(self, manner: Manner, first: int) -> NDArray[np.bool_]:
        """Onsets inside the bar, and the bar line, except after two empty bars: nobody asked for a third."""
        context = self.context
        mask = np.zeros(BAR + 1, bool)
        full = self.heard_in_bar > MAX_EVENTS_PER_QUARTER * context.bar_steps / STEPS_PER_QUARTER
        if not full:
            left = min(context.bar_start + context.bar_steps, manner.rules.end_step) - context.now
            mask[max(first, self._first_free(manner) - context.now) : max(left, 0)] = True
            mask[0] &= first == 0 and bool(self._parts(manner, 0).any())
        silent = self.heard_in_bar == 0 and self.empty_bars >= 2
        mask[BAR] = not silent or not mask.any()
        return mask

    def _first_free(self, manner: Manner) -> int:
        """The first step on which some part has a voice left."""
        return min(map(free_from, self.sounding, (rule.polyphony for rule in manner.rules.parts)))

    def _parts(self, manner: Manner, delta: int) -> NDArray[np.bool_]:
        """Parts with a voice left, in their order within one onset; the last one only while a higher key is free."""
        context, parts = self.context, manner.rules.parts
        mask = np.zeros(v.MAX_PARTS, bool)
        for part, rule in enumerate(parts):
            mask[part] = free_from(self.sounding[part], rule.polyphony) <= context.now + delta
        if delta == 0 and context.last.delta != BAR:
            mask[: context.last.part] = False
            if context.last.part < len(parts):
                mask[context.last.part] &= self._pitches(manner, 0, context.last.part).any()
        return mask

    def _pitches(self, manner: Manner, delta: int, part: int) -> NDArray[np.bool_]:
        rules, context, last = manner.rules, self.context, self.context.last
        further = delta == 0 and last.delta != BAR and last.part == part
        mask = rules.pitches(part, context.now + delta, context.position + delta, not further)
        if further:
            mask = mask.copy()
            mask[: last.pitch + 1] = False
            mask &= context.stroke < rules.parts[part].chord
        return mask


_AUDIBLE = np.arange(v.SIZES["velocity"]) >= 4  # softer than MIDI 16 is lost in a room
_UP_TO = [np.arange(v.SIZES["duration"]) < count for count in range(v.SIZES["duration"] + 1)]


def _up_to(steps: int) -> NDArray[np.bool_]:
    """Durations of at most so many steps, (duration classes,); one step is always among them."""
    return _UP_TO[int(np.searchsorted(v.DURATIONS, min(steps, int(v.DURATIONS[-1])), side="right"))]


def _choose(logits: Logits, mask: NDArray[np.bool_] | None, manner: Manner, field: int, *where: int) -> int:
    """The class of `field` drawn at this place."""
    return choose(logits, mask, manner.temperature, draw(manner.seed, *where, field))
