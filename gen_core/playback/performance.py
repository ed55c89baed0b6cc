"""A book being played: director, composer, player and synthesizer behind one door.

One thread composes (`compose_ahead`), one renders (`render_block`), any thread sets. The renderer never waits for the
composer: notes that come too late start at once and are counted.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.director.composer import BAR_TICKS, EARLY_TICKS
from gen_core.director.director import AT_BAR_LINES, CONTROLS, Change, Director, Ensemble
from gen_core.playback.asking import BY_ITSELF, Asking
from gen_core.playback.clock import Clock
from gen_core.playback.courses import Course, Courses
from gen_core.playback.measures import Measures
from gen_core.playback.mixing import Mixing
from gen_core.playback.opening import open_model, open_synth
from gen_core.playback.player import Player
from gen_core.spec import span
from gen_core.spec.errors import UsageError
from gen_core.spec.note import Note
from gen_core.spec.param import Param, find
from gen_core.spec.time import TICKS_PER_QUARTER, ticks_to_seconds
from gen_core.theory.lead_sheet import LeadSheet

KEPT_TICKS = 8 * BAR_TICKS  # behind the sound: where changes may still be looked up


class Performance:
    """Plays the book of `manifest` and `files`. Without a seed one is drawn and kept in the parameter `seed`.

    `sheet` and `length_bars` as for the director; `engine`: "onnx" or "numba", see `open_synth`.
    """

    def __init__(
        self,
        manifest: Mapping[str, Any],
        files: Mapping[str, bytes],
        seed: int | None = None,
        values: Mapping[str, float] | None = None,
        sheet: LeadSheet | None = None,
        length_bars: int | None = None,
        engine: str = "onnx",
    ) -> None:
        self.params = {data["id"]: Param.from_dict(data) for data in manifest["params"]}
        self._values = {name: param.default for name, param in self.params.items()}
        self._values["seed"] = float(int.from_bytes(os.urandom(3), "little") if seed is None else seed)
        self._values |= {name: find(self.params, name).check(value) for name, value in (values or {}).items()}
        self.params["seed"].check(self._values["seed"])
        self.sample_rate_hz, self.block_frames = int(manifest["sample_rate_hz"]), int(manifest["block_frames"])
        ensembles = [Ensemble.from_manifest(name, parts) for name, parts in manifest["ensembles"].items()]
        self.part_names = list(ensembles[0].parts)
        self._director = Director(open_model(manifest, files), ensembles, self._values, sheet, length_bars)
        self._synth = open_synth(manifest, files, engine)
        self._synth.warm({name for ensemble in ensembles for name in ensemble.instruments})
        self._player = Player(self._synth, Clock(self.sample_rate_hz, self._values["bpm"]), self.block_frames)
        self._mixing, self._courses = Mixing(self._synth, self.part_names), Courses()
        self._ensemble = ""
        self._seats: deque[tuple[int, Ensemble]] = deque([(0, self._director.ensemble_at(0))])
        self._lock = threading.Lock()
        self._measured = Measures(self.sample_rate_hz, self.block_frames)
        self._asking = Asking(self._director, self._player, self._measured)
        self._mixing.settle_all(self._values)

    @property
    def seed(self) -> int:
        """The seed in force."""
        return int(self._values["seed"])

    def get(self, param_id: str) -> float:
        """What the parameter was set to last, or where it is on its way, in its unit."""
        course = self._courses.get(find(self.params, param_id).id)
        return self._on_course(course) if course else self._values[param_id]

    def values(self) -> dict[str, float]:
        """The same of every parameter."""
        return self._values | {course.param.id: self._on_course(course) for course in self._courses}

    def set(self, param_id: str, value: float, quantum: str = "", over: str | float = "") -> tuple[int, float]:
        """Set a parameter; returns (bar, beat) where it lands. Raises UsageError for a wrong name, value or quantum.

        `over`: how long it then takes to get there, as `span.parse` reads it; `get` tells where it is on its way. What
        was on its way before ends where it is.
        """
        param = find(self.params, param_id)
        value, length, quantum = param.check(value), span.parse(over), quantum or param.quantum
        if quantum not in span.QUANTA:
            raise UsageError(f"there is no quantum {quantum!r}", f"give one of {', '.join(span.QUANTA)}")
        with self._lock:
            if param_id in CONTROLS:
                self._director.check(self.values() | {param_id: value})
            if length.number or (quantum != "now" and (param_id not in CONTROLS or param_id == "bpm")):
                return self._begin_course(param, value, quantum, length)
            self._values[param_id] = value
            self._courses.drop(param_id)
            return self._set_at_once(param_id, value, quantum)

    def play(self, part: str | int, pitch: int, velocity: int) -> None:
        """A key of a part is struck, velocity 1..127, or let go, 0; it sounds with the next block.

        UsageError for a part or a key that there is not. What is played along is mixed like the part, and not told as
        a note: whoever plays it knows it.
        """
        index = self.part_names.index(part) if part in self.part_names else part
        if not isinstance(index, int) or not 0 <= index < len(self.part_names):
            raise UsageError(f"there is no part {part!r}", f"it has {', '.join(self.part_names)}")
        if not (0 <= pitch <= 127 and 0 <= velocity <= 127):
            raise UsageError(f"key {pitch} with velocity {velocity} cannot be played", "both are 0 to 127")
        self._player.strike(index, pitch, velocity)

    def _set_at_once(self, param_id: str, value: float, quantum: str) -> tuple[int, float]:
        """Without a course: the mixer glides there, the composer takes it in from its landing on."""
        clock = self._player.clock
        self._mixing.settle(param_id, self.values())
        if param_id not in CONTROLS:
            return self._director.bars.locate(clock.tick)
        if param_id == "bpm":
            clock.set_bpm(value)
        quantum = "bar" if param_id in AT_BAR_LINES and quantum in ("now", "beat") else quantum
        tick = self._asking.landing(quantum)
        self._asking.ask(Change(tick, param_id, value), quantum, clock.frames)
        return self._director.bars.locate(clock.tick if param_id == "bpm" else tick)

    def _begin_course(self, param: Param, goal: float, quantum: str, length: span.Span) -> tuple[int, float]:
        """From its landing on, over `length`."""
        clock, bars = self._player.clock, self._director.bars
        composed = param.id in CONTROLS and param.id != "bpm"
        if composed:
            quantum = "bar" if param.id in AT_BAR_LINES and quantum in ("now", "beat") else quantum
            start = self._asking.landing("beat" if quantum == "now" else quantum)
        else:
            start = clock.tick if quantum == "now" else bars.line_of(clock.tick, quantum)
        begin, lasts = self.get(param.id), length.number
        course = Course(param, begin, goal, start)
        if length.unit == "s" and composed:  # the composer counts in ticks alone
            course.ticks = round(lasts * self.get("bpm") / 60.0 * TICKS_PER_QUARTER)
        elif length.unit == "s":
            course.frames = round(lasts * self.sample_rate_hz)
        else:
            course.ticks = round(lasts * (bars.ticks_of_bar(start) if length.unit == "bars" else TICKS_PER_QUARTER))
        self._values[param.id] = goal
        self._courses.put(course)
        return bars.locate(start)

    def _on_course(self, course: Course) -> float:
        clock = self._player.clock
        return course.at(clock.tick, clock.frames)

    def compose_ahead(self) -> bool:
        """Take in what was asked and compose up to one bar; True while there was something to do."""
        for course in self._asking.follow(self._courses):
            self._end(course)
        self._asking.take_in(self._take_back)
        if self._director.complete or self._director.composed_until >= self._asking.wanted_until():
            return False
        start, began = self._director.composed_until, time.perf_counter()
        notes = self._director.compose()
        until = self._director.composed_until
        seconds = ticks_to_seconds(until - start, self._values["bpm"])
        self._measured.composed(len(notes), seconds, time.perf_counter() - began)
        self._seats.append((start, self._director.ensemble_at(start)))
        self._player.add(notes)
        self._director.forget(min(self._player.clock.tick, until) - KEPT_TICKS)
        return True

    def render_block(self) -> NDArray[np.float32]:
        """The next (block_frames, 2) of sound."""
        began, clock = time.perf_counter(), self._player.clock
        if self._courses:
            self._move_on()
        seats = self._seats  # looked up once: the composer may put another in its place
        while seats and clock.frame_of(seats[0][0] - EARLY_TICKS) < self.block_frames:
            self._seat(seats.popleft()[1])
        block = self._player.render_block()
        heard = min(clock.tick, self._director.composed_until - 1)  # what is not composed yet has no effect
        self._measured.rendered(time.perf_counter() - began, heard, clock.frames)
        return block

    def take_notes(self) -> list[Note]:
        """Notes whose onset was rendered since the last call."""
        return self._player.take_started()

    def position(self) -> tuple[int, float]:
        """Bar and beat now sounding, both from 0."""
        return self._director.bars.locate(self._player.clock.tick)

    @property
    def tick(self) -> int:
        """The first tick that has not sounded wholly yet, 480 a quarter."""
        return self._player.clock.tick

    def stats(self) -> dict[str, float]:
        """Figures of this performance so far."""
        tick = self._player.clock.tick
        return self._measured.figures() | {
            "notes": float(self._player.notes),
            "late_notes": float(self._player.late_notes),
            "voices": float(self._synth.active_voices),
            "broken_blocks": float(self._synth.broken_blocks),
            "tick": float(tick),
            "next_bar_tick": float(self._director.bars.line_after(tick)),
        }

    def _move_on(self) -> None:
        """The renderer's part of courses: what the mixer and the clock have moves with every block."""
        clock, values = self._player.clock, self.values()
        for course in self._courses:
            name = course.param.id
            if clock.tick < course.start or (name in CONTROLS and name != "bpm"):
                continue
            course.land(clock.frames)
            self._mixing.settle(name, values)
            if name == "bpm":
                clock.set_bpm(values[name])
            if course.ended(clock.tick, clock.frames):
                self._end(course, wait=False)

    def _end(self, course: Course, wait: bool = True) -> None:
        """It has arrived; unless another has taken its place meanwhile. Without `wait` the next block may do it."""
        if not self._lock.acquire(blocking=wait):
            return
        try:
            if self._courses.get(course.param.id) is not course:
                return
            self._courses.drop(course.param.id)
            if course.param.id == "bpm" and course.told != course.goal:  # the clock has come to it between two beats
                change = Change(self._asking.landing("beat"), "bpm", course.goal)
                self._asking.ask(change, "beat", BY_ITSELF)
        finally:
            self._lock.release()

    def _take_back(self, tick: int) -> None:
        """What was composed from `tick` on is composed anew."""
        seats = list(self._seats)  # in one step: the renderer may take one meanwhile
        self._seats = deque(seat for seat in seats if seat[0] < tick)

    def _seat(self, ensemble: Ensemble) -> None:
        if ensemble.name != self._ensemble:
            self._ensemble = ensemble.name
            for part, (instrument, gain_db) in enumerate(zip(ensemble.instruments, ensemble.gains_db, strict=True)):
                self._synth.assign(part, instrument)
                self._synth.set_trim(part, 10.0 ** (gain_db / 20.0))


def by_kernels(
    manifest: Mapping[str, Any],
    files: Mapping[str, bytes],
    seed: int | None = None,
    values: Mapping[str, float] | None = None,
) -> Performance:
    """A performance that sounds by Numba's kernels in place of the book's graph: cheaper, where Numba is installed."""
    return Performance(manifest, files, seed, values, engine="numba")
