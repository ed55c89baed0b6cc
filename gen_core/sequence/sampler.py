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
from gen_core.sequence.ear import Chain, Sound
from gen_core.sequence.rules import Rules
from gen_core.sequence.sounding import Voices, free_from, micro_mask, with_event
from gen_core.sequence.tilts import Tilts
from gen_core.sequence.vocabulary import BAR, Event
from gen_core.spec.chance import draw
from gen_core.spec.time import STEPS_PER_QUARTER, TICKS_PER_STEP

Logits = NDArray[np.float32]
Columns = Sequence[Sequence[int]] | NDArray[np.integer]
PATIENCE_STEPS = 4 * STEPS_PER_QUARTER  # a rest that nobody minds
SMALL_ENSEMBLE = 4  # parts; in a larger one more of them rest, and longer
LONGEST_SILENCE_BARS = 2
EAGERNESS_PER_QUARTER = 0.75  # nats; after two more bars a part is 400 times as likely as the network thought
# What is kept of the probability, field by field. The least likely keys are noise of a small network, and each one out
# of key invites more: with all of them kept, composed music uses a pitch class and a half too many. Durations and
# velocities lose their life below this. Chosen by the likeness of 200 pieces, see docs/design.md.
TOP_P = (0.98, 0.95, 0.90, 0.98, 0.98, 0.98)
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
    tilts: Tilts = Tilts()
    recall: float = 0.0  # nats by which the event that a recalled bar brings is favoured; below 0, its pitch is avoided

    def pulled(self, logits: Logits, offer: Event | None, field: int) -> Logits:
        """Logits of a field (classes,), in favour of `offer` or against it."""
        if offer is None or (self.recall < 0 and field != _PITCH):
            return logits
        logits = logits.copy()
        logits[offer[field]] += self.recall
        return logits


class Sampler:
    """Network, context and rules together.

    `heard_in_bar` counts the notes since the bar line; `ear` holds them, and those held over from before.
    """

    def __init__(self, model: StepModel, context: Context) -> None:
        self.model = model
        self.context = context
        self.state = model.start(1)
        self.heard_in_bar = 0
        self.sounding: tuple[Voices, ...] = ((),) * v.MAX_PARTS
        self.ear: Chain = None

    def next(self, manner: Manner, first_delta: int = 0) -> Event:
        """Draw the next event, at least `first_delta` steps from now; a bar line is drawn but not yet begun."""
        context = self.context
        offer = context.offer() if manner.recall else None
        h, delta_logits, state = self.model.trunk([context.trunk()], self.state)
        logits = manner.tilts.deltas(delta_logits[0], context.bar_steps - context.position)
        logits = manner.pulled(logits, offer, 0)
        where = (context.now * TICKS_PER_STEP, context.last.part, context.last.pitch)
        delta = _choose(logits, self._deltas(manner, 0), manner, 0, *where)
        if delta < first_delta:  # only where the music was cut inside a bar and asked for something else
            delta = _choose(logits, self._deltas(manner, first_delta), manner, 0, *where)
        self.state = state
        if delta == BAR:
            self.heard_in_bar = 0
            return v.BAR_LINE
        event = self._note(manner, h, delta, offer if offer and offer.delta == delta else None)
        self._hear(event)
        return event

    def _hear(self, event: Event) -> None:
        """The note has been drawn."""
        self.context.push(event)
        now = self.context.now
        voices = with_event(self.sounding[event.part], now, event)
        self.sounding = (*self.sounding[: event.part], voices, *self.sounding[event.part + 1 :])
        self.heard_in_bar += 1
        self.ear = (Sound(now, event.pitch, now + int(v.DURATIONS[event.duration]), event.velocity), self.ear)

    def _note(self, manner: Manner, h: Logits, delta: int, offer: Event | None) -> Event:
        """The fields of a note after `delta`; `offer`: what a recalled bar brings at that onset."""
        context, model = self.context, self.model
        tick = (context.now + delta) * TICKS_PER_STEP
        last = (context.last.part, context.last.pitch) if delta == 0 else (v.MAX_PARTS, 0)
        logits = model.head("part", h, [context.part_columns(delta)])[0] + self._eagerness(delta)
        part = _choose(manner.pulled(logits, offer, 1), self._parts(manner, delta), manner, 1, tick, *last)
        offer = offer if offer and offer.part == part else None
        logits = model.head("pitch", h, [context.pitch_columns(delta, part)])[0]
        if context.programs[part] != v.DRUM_PROGRAM:
            logits = manner.tilts.pitches(logits, self.ear, *self._place(delta))
        before = last[1] if last[0] == part else 0
        mask = self._pitches(manner, delta, part)
        pitch = _choose(manner.pulled(logits, offer, 2), mask, manner, 2, tick, part, before)
        offer = offer if offer and offer.pitch == pitch else None
        return Event(delta, part, pitch, *self._manner_of_playing(manner, h, delta, part, pitch, offer))

    def _manner_of_playing(
        self, manner: Manner, h: Logits, delta: int, part: int, pitch: int, offer: Event | None
    ) -> tuple[int, int, int]:
        """Classes of duration, velocity and micro-timing of a note of known pitch."""
        context, model, tilts = self.context, self.model, manner.tilts
        step = context.now + delta
        where = (step * TICKS_PER_STEP, part, pitch)
        logits = model.head("duration", h, [context.duration_columns(delta, part, pitch)])[0]
        if context.programs[part] != v.DRUM_PROGRAM:
            logits = tilts.durations(logits)
        mask = _up_to(manner.rules.longest(pitch, step))
        duration = _choose(manner.pulled(logits, offer, 3), mask, manner, 3, *where)
        logits = model.head("velocity", h, [context.velocity_columns(delta, part, pitch, duration)])[0]
        logits = manner.pulled(tilts.velocities(logits), offer, 4)
        velocity = _choose(logits, _AUDIBLE, manner, 4, *where)
        logits = model.head("micro", h, [context.micro_columns(delta, part, pitch, velocity)])[0]
        fits = micro_mask(self.sounding[part], manner.rules.parts[part].polyphony, step, duration)
        return duration, velocity, _choose(manner.pulled(logits, offer, 5), fits, manner, 5, *where)

    def _place(self, delta: int) -> tuple[int, tuple[int, int]]:
        """The steps at which the quarter of the next onset begins, and its bar begins and ends."""
        context = self.context
        quarter = context.now + delta - (context.position + delta) % STEPS_PER_QUARTER
        return quarter, (context.bar_start, context.bar_start + context.bar_steps)

    def _eagerness(self, delta: int) -> Logits:
        """Who was asked to play shall be heard: a part that rests over a bar is drawn ever more eagerly, (parts,)."""
        context = self.context
        patience = PATIENCE_STEPS * max(len(context.heard) / SMALL_ENSEMBLE, 1.0) ** 2
        rests = [context.now + delta - max(heard.end, 0) - patience for heard in context.heard]
        eager = [min(max(rest, 0) / STEPS_PER_QUARTER, 8.0) * EAGERNESS_PER_QUARTER for rest in rests]
        return np.array(eager + [0.0] * (v.MAX_PARTS - len(eager)), np.float32)

    def _deltas(self, manner: Manner, first: int) -> NDArray[np.bool_]:
        """Onsets inside the bar, and the bar line, except where a silence would last for more than two bars."""
        context = self.context
        mask = np.zeros(BAR + 1, bool)
        full = self.heard_in_bar > MAX_EVENTS_PER_QUARTER * context.bar_steps / STEPS_PER_QUARTER
        if not full:
            left = min(context.bar_start + context.bar_steps, manner.rules.end_step) - context.now
            mask[max(first, self._first_free(manner) - context.now) : max(left, 0)] = True
            mask[0] &= first == 0 and bool(self._parts(manner, 0).any())
        silent_since = max(0, *(heard.end for heard in context.heard))
        latest = silent_since + LONGEST_SILENCE_BARS * context.bar_steps - context.now
        if latest >= context.bar_steps - context.position or not mask[: max(latest, 0) + 1].any():
            mask[BAR] = latest >= context.bar_steps - context.position or not mask.any()
        else:
            mask[latest + 1 :] = False
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


_PITCH = v.FIELDS.index("pitch")
_AUDIBLE = np.arange(v.SIZES["velocity"]) >= 4  # softer than MIDI 16 is lost in a room
_UP_TO = [np.arange(v.SIZES["duration"]) < count for count in range(v.SIZES["duration"] + 1)]


def _up_to(steps: int) -> NDArray[np.bool_]:
    """Durations of at most so many steps, (duration classes,); one step is always among them."""
    return _UP_TO[int(np.searchsorted(v.DURATIONS, min(steps, int(v.DURATIONS[-1])), side="right"))]


def _choose(logits: Logits, mask: NDArray[np.bool_] | None, manner: Manner, field: int, *where: int) -> int:
    """The class of `field` drawn at this place."""
    return choose(logits, mask, manner.temperature, draw(manner.seed, *where, field), TOP_P[field])
