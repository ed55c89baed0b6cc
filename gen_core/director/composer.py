"""Composes ahead of the sound, and takes it back when the world changes.

At every beat the composer notes a moment: recurrent state, context, notes so far. A change that lands on a beat throws
the future after it away and composes it again; what sounded before stays as it was.
"""

from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from gen_core.director.form import AVOIDED, recall_strength, recalled_bar, remembers, stuck
from gen_core.sequence import vocabulary as v
from gen_core.sequence.context import NO_END, Context, Snapshot
from gen_core.sequence.ear import Chain, held_over
from gen_core.sequence.harmony import NO_CHORD, nearest_chord
from gen_core.sequence.layout import WISHES, left_class, style_seats
from gen_core.sequence.rules import ENDLESS, Rules
from gen_core.sequence.sampler import Logits, Manner, Sampler, StepModel
from gen_core.sequence.sounding import Voices
from gen_core.sequence.steering import Steering
from gen_core.sequence.styles import STYLES
from gen_core.sequence.vocabulary import Event
from gen_core.spec.note import Note
from gen_core.spec.time import STEPS_PER_QUARTER, TICKS_PER_QUARTER, TICKS_PER_STEP
from gen_core.theory.chords import Chord
from gen_core.theory.meter import Meter

BAR_TICKS = Meter().bar_ticks  # of 4/4, which holds where nobody asks for another metre
MOMENTS_KEPT = 128  # beats that can be taken back
EARLY_TICKS = v.MICRO_ZERO * v.MICRO_TICKS  # how long before its step a note may sound


@dataclass(frozen=True)
class Request:
    """What the music is asked for from some beat on.

    Wishes are 0..1; 0.5 asks for nothing. `style`: weights in the order of layout.STYLES; all 0 leaves it open.
    """

    rules: Rules
    seed: int
    bpm: float = 112.0
    density: float = 0.5
    energy: float = 0.5
    register: float = 0.5
    brightness: float = 0.5
    tension: float = 0.5
    valence: float = 0.5
    polyphony: float = 0.5
    temperature: float = 1.0
    repeat: float = 0.5
    style: tuple[float, ...] = (0.0,) * len(STYLES)

    @property
    def asked(self) -> tuple[float, ...]:
        """The wishes, in the order of layout.WISHES."""
        return tuple(getattr(self, name) for name in WISHES)


class _Moment(NamedTuple):
    """The performance just before the first event at or after `tick` was drawn."""

    tick: int
    context: Snapshot
    state: Logits
    heard_in_bar: int
    sounding: tuple[Voices, ...]
    ear: Chain
    steering: Steering


class Composer:
    """One endless performance. `compose_bar` adds music up to the next bar line; `rewind` takes beats back."""

    def __init__(self, model: StepModel, request: Request) -> None:
        self.request = request
        self.composed_until = 0  # ticks
        self._sampler = Sampler(model, Context(request.rules.programs))
        self._moments: deque[_Moment] = deque(maxlen=MOMENTS_KEPT)
        self._steering = Steering(request.rules, request.style, request.asked)

    @property
    def complete(self) -> bool:
        """Whether the piece has been written to its end."""
        return self.composed_until >= self.request.rules.end_step * TICKS_PER_STEP

    def compose_bar(self) -> list[Note]:
        """The notes from `composed_until` to the next bar line, in the order of layout: onset, part, pitch.

        A note counts to the beat of its step, though it may sound up to EARLY_TICKS before it. None once complete.
        """
        start, notes = self.composed_until, []
        if self.complete:
            return []
        context, beat, request = self._sampler.context, start, self.request
        if not context.bar_start * TICKS_PER_STEP < start < (context.bar_start + context.bar_steps) * TICKS_PER_STEP:
            self._begin_bar()
        end = min(context.bar_start + context.bar_steps, request.rules.end_step) * TICKS_PER_STEP
        context.wishes = self._steering.told()
        manner = self._manner()
        while True:
            moment = self._moment(beat)
            event = self._sampler.next(manner, max(start // TICKS_PER_STEP - context.now, 0))
            reached = end if event.delta == v.BAR else context.now * TICKS_PER_STEP
            while beat <= min(reached, end - 1):
                self._moments.append(moment._replace(tick=beat))
                beat += TICKS_PER_QUARTER
            if event.delta == v.BAR:
                break
            notes.append(self._note(event))
        self.composed_until = end
        self._steering = self._steering.after(self._sampler.ear, context.bar_start, context.bar_steps)
        self._sampler.ear = held_over(self._sampler.ear, context.bar_start + context.bar_steps)
        return notes

    def rewind(self, tick: int) -> int:
        """Forget what was composed from `tick` (a beat) on, or from the oldest beat still held; returns where."""
        held = [moment for moment in self._moments if moment.tick <= tick] or list(self._moments)[:1]
        if tick >= self.composed_until or not held:
            return self.composed_until
        moment = held[-1]
        while self._moments and self._moments[-1].tick >= moment.tick:
            self._moments.pop()
        sampler = self._sampler
        sampler.context.restore(moment.context)
        sampler.state, sampler.heard_in_bar = moment.state, moment.heard_in_bar
        sampler.sounding, sampler.ear, self._steering = moment.sounding, moment.ear, moment.steering
        self.composed_until = moment.tick
        return moment.tick

    def ask(self, request: Request) -> None:
        """The music follows `request` from `composed_until` on; ensemble, metre and recall from the next bar line."""
        step = self.composed_until // TICKS_PER_STEP
        self._steering = self._steering.ask(request.rules, request.style, request.asked, step)
        self.request = request
        self._sampler.context.tempo = v.tempo_class(request.bpm)

    def _begin_bar(self) -> None:
        request, context = self.request, self._sampler.context
        tick, bar_steps = self.composed_until, self.request.rules.meter.bar_steps
        if context.programs != request.rules.programs:
            context.set_programs(request.rules.programs)
        context.style = style_seats(dict(zip(STYLES, request.style, strict=True)))
        # After a rewind to just behind its bar line the bar has begun already.
        begun = context.bar_steps > 0 and context.bar_start * TICKS_PER_STEP == tick
        if not begun:
            context.start_bar(bar_steps, v.tempo_class(request.bpm))
        context.bar_steps = bar_steps  # of the same bar line another metre may be asked when it is taken back
        context.chords, context.left = _told(request.rules, context.bar_start)
        bar = context.bars.number
        context.use_match = remembers(request.seed, bar, request.repeat)
        context.recall(recalled_bar(request.seed, bar, request.repeat))
        circle = stuck(context.bars, request.repeat) if context.recalled is None else -1
        context.avoided = context.bars.get(circle)
        context.use_match &= context.avoided is None

    def _manner(self) -> Manner:
        request = self.request
        context, recall = self._sampler.context, 0.0
        if context.recalled is not None:
            recall = recall_strength(request.repeat)
        elif context.avoided is not None:
            recall = AVOIDED
        return Manner(request.rules, request.seed, request.temperature, self._steering.tilts(), recall)

    def _moment(self, tick: int) -> _Moment:
        sampler = self._sampler
        drawn = sampler.context.snapshot(), sampler.state, sampler.heard_in_bar, sampler.sounding, sampler.ear
        return _Moment(tick, *drawn, self._steering)

    def _note(self, event: Event) -> Note:
        """The event on the clock; what micro-timing would carry past the end of the piece is cut there."""
        tick = self._sampler.context.now * TICKS_PER_STEP + (event.micro - v.MICRO_ZERO) * v.MICRO_TICKS
        tick, left = max(tick, 0), self.request.rules.end_step * TICKS_PER_STEP - max(tick, 0)
        return Note(
            tick,
            event.part,
            v.key_of_pitch_class(event.pitch),
            min(int(v.DURATIONS[event.duration]) * TICKS_PER_STEP, left),
            v.velocity_of_class(event.velocity),
        )


def _told(rules: Rules, bar_start: int) -> tuple[tuple[int, ...], int]:
    """What the network is told of a bar: chords of its quarters and of the next bar's first, and how far the end is."""
    steps, left = rules.meter.bar_steps, NO_END
    if rules.end_step != ENDLESS:
        left = left_class(-(-(rules.end_step - bar_start) // steps))
    if rules.harmony is None:
        return (), left
    quarters = [*range(bar_start, bar_start + steps, STEPS_PER_QUARTER), bar_start + steps]
    return tuple(_chord_class(rules.harmony.at(step).chord) for step in quarters), left


@lru_cache(maxsize=256)
def _chord_class(chord: Chord) -> int:
    return nearest_chord(chord.root, chord.tones) if chord.root >= 0 else NO_CHORD
