"""What the network is told before each field: the columns of `layout`, kept up event by event.

Training and playing call the same methods in the same order, so that both see the same numbers:
`trunk()`, then for a note `part_columns(delta)`, `pitch_columns(…)`, `duration_columns`, `velocity_columns`,
`micro_columns`, and at the end `push(event)`; a bar line goes straight to `push` after `start_bar`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gen_core.sequence import vocabulary as v
from gen_core.sequence.harmony import NO_CHORD
from gen_core.sequence.layout import KINDS, NONE, STYLE_SEATS, WISHES
from gen_core.sequence.match import Mark, Matcher
from gen_core.sequence.recall import LENGTH_CLASS, Bars, Played, offered
from gen_core.sequence.vocabulary import BAR, Event
from gen_core.spec.time import STEPS_PER_QUARTER

_LONGEST = int(v.DURATIONS[-1])
_NO_SPAN = KINDS["span"] - 1
_SPANS = np.array(
    [*range(13), 14, 16, 18, 20, 24, 28, 30, 32, 36, 42, 48, 54, 60, 64, 72, 84, 96, 120, 144, 192, 384, 768]
)
_SPAN = np.abs(np.arange(_LONGEST + 1)[:, None] - _SPANS).argmin(axis=1).tolist()  # steps → nearest span
_SPAN_TABLE = np.array(_SPAN)
_FAR = _SPAN[_LONGEST]
_STEPS = v.DURATIONS.tolist()
_START = KINDS["delta"] - 1
NO_WISHES = (KINDS["wish"] - 1,) * len(WISHES)
NO_STYLE = (KINDS["style"] - 1,) * STYLE_SEATS
NO_END = KINDS["left"] - 1
_PHRASE = KINDS["phrase"]
_NO_PITCH = KINDS["pitch"] - 1
_NO_MATCH = (_START, v.MAX_PARTS, _NO_PITCH)
_BAR_MATCH = (BAR, v.MAX_PARTS, _NO_PITCH)
_NOT_GIVEN = (_NO_SPAN, v.MAX_PARTS, _NO_PITCH)
_ABSENT_SPANS = [[_NO_SPAN] * (v.MAX_PARTS - parts) for parts in range(v.MAX_PARTS + 1)]
_ABSENT_PITCHES = [[_NO_PITCH] * (v.MAX_PARTS - parts) for parts in range(v.MAX_PARTS + 1)]


class Given(NamedTuple):
    """A note known beforehand, which will be part of the stream: absolute step, part, class of its pitch."""

    step: int
    part: int
    pitch: int


def span_classes(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers of steps → classes of the kind `span`."""
    return np.asarray(_SPAN_TABLE[np.minimum(steps, _LONGEST)])


class Heard(NamedTuple):
    """What one part played last. Times are absolute steps."""

    pitch: int = KINDS["pitch"] - 1
    before: int = KINDS["pitch"] - 1
    duration: int = KINDS["duration"] - 1
    velocity: int = KINDS["velocity"] - 1
    micro: int = KINDS["micro"] - 1
    onset: int = NONE
    end: int = NONE


class Snapshot(NamedTuple):
    """Everything that `Context.restore` needs."""

    fields: dict[str, object]
    mark: Mark


class Context:
    """The running summary of one performance by an ensemble of `programs` (one per part, at most 12)."""

    def __init__(self, programs: tuple[int, ...]) -> None:
        self.matcher = Matcher()
        self.heard: tuple[Heard, ...] = (Heard(),) * len(programs)
        self.now = 0  # absolute step
        self.bar_start = 0
        self.bar_steps = 0
        self.tempo = KINDS["tempo"] - 1
        self.wishes: tuple[int, ...] = NO_WISHES
        self.style: tuple[int, ...] = NO_STYLE
        self.chords: tuple[int, ...] = ()  # of the quarters of this bar, then the next bar's first
        self.left = NO_END
        self.bars = Bars()
        self.recalled: tuple[Played, ...] | None = None  # the bar that this one brings back
        self.avoided: tuple[Played, ...] | None = None  # the bar that this one should not be again
        self.given: tuple[Given, ...] = ()  # in the order of the stream
        self.given_passed = 0  # how many of them have been
        self.last = Event(
            _START, v.MAX_PARTS, KINDS["pitch"] - 1, KINDS["duration"] - 1, KINDS["velocity"] - 1, KINDS["micro"] - 1
        )
        self.last_program = KINDS["program"] - 1
        self.use_match = True
        self.stroke = 0  # notes that the last part has struck at the last onset
        self.set_programs(programs)

    def set_programs(self, programs: tuple[int, ...]) -> None:
        """Change the ensemble; what each part played is kept."""
        missing = len(programs) - len(self.heard)
        self.heard = self.heard[: len(programs)] + (Heard(),) * missing
        self.programs = programs
        self.ensemble = [*programs, *[KINDS["program"] - 1] * (v.MAX_PARTS - len(programs))]

    @property
    def position(self) -> int:
        """Steps since the bar line."""
        return self.now - self.bar_start

    def start_bar(
        self,
        bar_steps: int,
        tempo: int,
        wishes: tuple[int, ...] = NO_WISHES,
        chords: tuple[int, ...] = (),
        left: int = NO_END,
    ) -> None:
        """A bar line: the next bar begins where this one ends.

        `chords`: classes of the bar's quarters and of the next bar's first; `left`: class of the bars to the end.
        """
        self.bar_start += self.bar_steps
        self.bar_steps, self.tempo, self.wishes = bar_steps, tempo, wishes
        self.chords, self.left = chords, left
        self.now = self.bar_start
        self.bars = self.bars.begin()
        self.recalled = self.avoided = None
        self.push(v.BAR_LINE)

    def recall(self, bar: int) -> None:
        """Let the present bar bring back bar `bar`, if it is remembered and as long."""
        played = self.bars.get(bar)
        fits = played is not None and (not played or played[-1].position < self.bar_steps)
        self.recalled = played if fits else None

    def offer(self) -> Event | None:
        """What the bar brings next that this one recalls or avoids."""
        played = self.avoided if self.recalled is None else self.recalled
        return None if played is None else offered(played, self.position, self.last)

    def match(self) -> tuple[Event | None, int]:
        """What a repetition would bring, and how long it has held (class)."""
        if self.recalled is not None:
            return offered(self.recalled, self.position, self.last), LENGTH_CLASS
        if not self.use_match:
            return None, 0
        return self.matcher.predicted, self.matcher.length_class

    def chord_at(self, position: int) -> int:
        """Class of the chord that was told for `position` steps behind the bar line."""
        quarter = position // STEPS_PER_QUARTER
        return self.chords[quarter] if quarter < len(self.chords) else NO_CHORD

    def _upcoming(self) -> tuple[int, ...]:
        """Columns of the next two given notes: in how many steps, part, pitch."""
        columns: tuple[int, ...] = ()
        for step, part, pitch in self.given[self.given_passed : self.given_passed + 2]:
            columns += (_SPAN[min(step - self.now, _LONGEST)], part, pitch)
        return columns + _NOT_GIVEN * (2 - len(columns) // 3)

    def trunk(self) -> list[int]:
        """Columns of layout.TRUNK, before anything of the next event is known."""
        now = self.now
        ends = [heard.end for heard in self.heard if heard.end > now]
        match, length = self.match()
        position = now - self.bar_start
        return [
            *self.last[:2], self.last_program, *self.last[2:],
            position, self.bar_steps, self.tempo, _SPAN[min(ends) - now] if ends else _NO_SPAN, len(ends),
            length, *(_NO_MATCH if match is None else match[:3] if match.delta != BAR else _BAR_MATCH),
            *self.wishes, *self.style, self.chord_at(position), self.chord_at(position + STEPS_PER_QUARTER),
            self.bars.number % _PHRASE, self.left, *self._upcoming(), *self.ensemble,
        ]  # fmt: skip

    def part_columns(self, delta: int) -> list[int]:
        """Columns of the head `part`: since when each part is silent or holds, at the onset."""
        at = self.now + delta
        columns = [delta, at - self.bar_start]
        remaining = []
        for heard in self.heard:
            since = at - heard.onset
            columns.append(_NO_SPAN if since > at else _SPAN[since] if since < _LONGEST else _FAR)
            remaining.append(_SPAN[heard.end - at] if heard.end > at else 0)
        absent = _ABSENT_SPANS[len(remaining)]
        return [*columns, *absent, *remaining, *absent, *self.ensemble]

    def pitch_columns(self, delta: int, part: int) -> list[int]:
        """Columns of the head `pitch`."""
        at, heard, last = self.now + delta, self.heard, self.last
        below = last.pitch if delta == 0 and last.part == part and last.delta != BAR else _NO_PITCH
        match, length = self.match()
        agrees = match is not None and match.part == part and match.delta == delta
        position = at - self.bar_start
        return [
            part, self.programs[part], *heard[part][:2], below,
            match.pitch if match and agrees else _NO_PITCH, length if agrees else 0, position,
            self.chord_at(position), *[h.pitch if h.end > at else _NO_PITCH for h in heard],
            *_ABSENT_PITCHES[len(heard)],
        ]  # fmt: skip

    def duration_columns(self, delta: int, part: int, pitch: int) -> list[int]:
        """Columns of the head `duration`."""
        at, none = self.now + delta, KINDS["duration"] - 1
        beside = self.last.duration if delta == 0 and self.last.delta != BAR else none
        match = self._same(delta, part, pitch)
        position = at - self.bar_start
        left = max(self.bar_steps - position, 0)
        return [
            part, self.programs[part], pitch, self.heard[part].duration, beside,
            match.duration if match else none, position, left,
        ]  # fmt: skip

    def velocity_columns(self, delta: int, part: int, pitch: int, duration: int) -> list[int]:
        """Columns of the head `velocity`."""
        match = self._same(delta, part, pitch)
        return [
            part, self.programs[part], pitch, self.heard[part].velocity,
            match.velocity if match else KINDS["velocity"] - 1, self.position + delta, duration,
        ]  # fmt: skip

    def micro_columns(self, delta: int, part: int, pitch: int, velocity: int) -> list[int]:
        """Columns of the head `micro`."""
        match, none = self._same(delta, part, pitch), KINDS["micro"] - 1
        beside = self.last.micro if delta == 0 and self.last.delta != BAR else none
        return [
            self.programs[part], pitch, self.heard[part].micro, beside,
            match.micro if match else none, self.position + delta, velocity,
        ]  # fmt: skip

    def push(self, event: Event) -> None:
        """The event has happened."""
        self.matcher.push(event)
        if event.delta == BAR:
            none = KINDS["pitch"] - 1
            self.last = self.last._replace(delta=BAR, part=v.MAX_PARTS, pitch=none)
            self.last_program = KINDS["program"] - 1
            return
        same = event.delta == 0 and self.last.delta != BAR and self.last.part == event.part
        self.stroke = self.stroke + 1 if same else 1
        self.now += event.delta
        self.bars = self.bars.add(self.position, event)
        before = self.heard[event.part]
        heard = Heard(
            event.pitch, before.pitch, event.duration, event.velocity, event.micro,
            self.now, self.now + _STEPS[event.duration],
        )  # fmt: skip
        parts = list(self.heard)
        parts[event.part] = heard
        self.heard = tuple(parts)
        self.last, self.last_program = event, self.programs[event.part]
        if self.given:
            here = (self.now, event.part, event.pitch)
            while self.given_passed < len(self.given) and self.given[self.given_passed] <= here:
                self.given_passed += 1

    def snapshot(self) -> Snapshot:
        """A moment to come back to; costs a few microseconds, whatever was played."""
        fields: dict[str, object] = self.__dict__.copy()
        del fields["matcher"]
        return Snapshot(fields, self.matcher.mark())

    def restore(self, snapshot: Snapshot) -> None:
        """Back to `snapshot`, an earlier moment of this same performance."""
        self.__dict__.update(snapshot.fields)
        self.matcher.rewind(snapshot.mark)

    def _same(self, delta: int, part: int, pitch: int) -> Event | None:
        match, _ = self.match()
        return match if match and match[:3] == (delta, part, pitch) else None
