"""A book being played: director, composer, player and synthesizer behind one door.

One thread composes (`compose_ahead`), one renders (`render_block`), any thread sets. The renderer never waits for the
composer: notes that come too late start at once and are counted.
"""

import heapq
import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gen_core.director.composer import BAR_TICKS, EARLY_TICKS
from gen_core.director.director import AT_BAR_LINES, CONTROLS, QUANTA, Change, Director, Ensemble
from gen_core.playback.clock import Clock
from gen_core.playback.opening import open_model, open_synth
from gen_core.playback.player import Player
from gen_core.spec.errors import UsageError
from gen_core.spec.note import Note
from gen_core.spec.param import Param, find
from gen_core.spec.time import TICKS_PER_QUARTER, ticks_to_seconds
from gen_core.synth.knobs import KNOBS
from gen_core.theory.lead_sheet import LeadSheet

AHEAD_TICKS = 2 * BAR_TICKS
KEPT_TICKS = 8 * BAR_TICKS  # behind the sound: where changes may still be looked up
LEAST_MARGIN_S = 0.1  # between asking and landing
MARGIN_BARS = 2.0  # the same in the time that a bar takes to compose: the one in hand, then the one that changes


STREAMING_S = 1.0  # after a change more are to be expected: what is composed far ahead would be thrown away
GATHER_S = 0.05  # before the margin ends: changes of one beat are taken in together, for each taking-in is a rewind


class _Asked(NamedTuple):
    """A change on its way to the composer."""

    change: Change
    quantum: str  # beat or bar
    frame: int  # when it was asked for


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
        self._ensemble = ""
        self._asked: deque[_Asked] = deque()  # from any thread
        self._asked_until = -1  # frame until which changes are to be expected
        self._waiting: list[_Asked] = []  # the composer's: asked, but their landing is far off
        self._seats: deque[tuple[int, Ensemble]] = deque([(0, self._director.ensemble_at(0))])
        self._lock = threading.Lock()
        self._measured = _Measures(self.sample_rate_hz, self.block_frames)
        self._mix()

    @property
    def seed(self) -> int:
        """The seed in force."""
        return int(self._values["seed"])

    def get(self, param_id: str) -> float:
        """What the parameter was set to last, in its unit."""
        return self._values[find(self.params, param_id).id]

    def values(self) -> dict[str, float]:
        """What every parameter was set to last, in its unit."""
        return dict(self._values)

    def set(self, param_id: str, value: float, quantum: str = "") -> tuple[int, float]:
        """Set a parameter; returns (bar, beat) where it lands. Raises UsageError for a wrong name, value or quantum."""
        param = find(self.params, param_id)
        value = param.check(value)
        quantum = quantum or param.quantum
        if quantum not in QUANTA:
            raise UsageError(f"there is no quantum {quantum!r}", f"give one of {', '.join(QUANTA)}")
        clock = self._player.clock
        with self._lock:
            if param_id in CONTROLS:
                self._director.check(self._values | {param_id: value})
            self._values[param_id] = value
            if param_id not in CONTROLS:
                self._mix()
                return self._director.bars.locate(clock.tick)
            if param_id == "bpm":
                clock.set_bpm(value)
                self._synth.desk.set_bpm(value)
            quantum = "bar" if quantum == "bar" or param_id in AT_BAR_LINES else "beat"
            tick = self._landing(quantum)
            self._asked_until = clock.frames + round(STREAMING_S * self.sample_rate_hz)
            self._asked.append(_Asked(Change(tick, param_id, value), quantum, clock.frames))
        return self._director.bars.locate(clock.tick if param_id == "bpm" else tick)

    def compose_ahead(self) -> bool:
        """Take in what was asked and compose up to one bar; True while there was something to do."""
        self._take_in()
        if self._director.complete or self._director.composed_until >= self._wanted_until():
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

    def _landing(self, quantum: str) -> int:
        """The next beat or bar line for which there is time to compose."""
        earliest, bars = self._player.clock.tick_after(self._margin_s()), self._director.bars
        return bars.line_after(earliest) if quantum == "bar" else bars.beat_after(earliest)

    def _margin_s(self) -> float:
        return max(LEAST_MARGIN_S, MARGIN_BARS * self._measured.bar_s)

    def _wanted_until(self) -> int:
        clock = self._player.clock
        if clock.frames > self._asked_until:
            return clock.tick + AHEAD_TICKS
        return clock.tick_after(self._margin_s() + GATHER_S) + TICKS_PER_QUARTER

    def _take_in(self) -> None:
        """Changes just in time, in the order in which they were asked for."""
        while self._asked:
            self._waiting.append(self._asked.popleft())
        soon = self._player.clock.tick_after(self._margin_s() + GATHER_S)
        due = [asked for asked in self._waiting if asked.change.tick <= soon]
        self._waiting = [asked for asked in self._waiting if asked.change.tick > soon]
        for change, quantum, frame in due:
            if change.tick < self._player.clock.tick:  # taken in too late: what has sounded is not composed again
                change = change._replace(tick=self._landing(quantum))
            taken_back = self._director.change(change)
            self._player.drop(taken_back - EARLY_TICKS)
            seats = list(self._seats)  # in one step: the renderer may take one meanwhile
            self._seats = deque(seat for seat in seats if seat[0] < taken_back)
            if change.id != "bpm":
                self._measured.lands(change.tick, frame)

    def _seat(self, ensemble: Ensemble) -> None:
        if ensemble.name != self._ensemble:
            self._ensemble = ensemble.name
            for part, (instrument, gain_db) in enumerate(zip(ensemble.instruments, ensemble.gains_db, strict=True)):
                self._synth.assign(part, instrument)
                self._synth.set_trim(part, 10.0 ** (gain_db / 20.0))

    def _mix(self) -> None:
        values, synth = self._values, self._synth
        for part, name in enumerate(self.part_names):
            muted = values.get(f"mute.{name}", 0.0) >= 0.5
            synth.set_level(part, 0.0 if muted else values.get(f"level.{name}", 1.0))
            for knob in KNOBS:
                synth.set_knob(part, knob.id, values.get(f"{knob.id}.{name}", knob.default))
        for name in set(synth.desk.params) & set(values):
            synth.desk.set(name, values[name])
        synth.desk.set_bpm(values["bpm"])
        synth.set_volume(values.get("volume", 1.0))


def by_kernels(
    manifest: Mapping[str, Any],
    files: Mapping[str, bytes],
    seed: int | None = None,
    values: Mapping[str, float] | None = None,
) -> Performance:
    """A performance that sounds by Numba's kernels in place of the book's graph: cheaper, where Numba is installed."""
    return Performance(manifest, files, seed, values, engine="numba")


class _Measures:
    """Counts and times of one performance."""

    def __init__(self, sample_rate_hz: int, block_frames: int) -> None:
        self._rate_hz, self._block_s = sample_rate_hz, block_frames / sample_rate_hz
        self.bar_s = 0.0  # the longest of the last bars
        self._bars: deque[float] = deque(maxlen=8)
        self._notes = self._blocks = 0
        self._music_s = self._compose_s = self._render_s = 0.0
        self._waiting: deque[tuple[int, int]] = deque(maxlen=256)  # landing tick, frame of the asking; to the renderer
        self._landing: list[tuple[int, int]] = []  # the same as a heap, the renderer's own
        self._changes = 0
        self._latencies_s: deque[float] = deque(maxlen=256)

    def composed(self, notes: int, music_s: float, took_s: float) -> None:
        """A stretch of `music_s` seconds was composed in `took_s`; `notes` counts what is composed again, too."""
        self._bars.append(took_s)
        self.bar_s = max(self._bars)
        self._notes += notes
        self._music_s += music_s
        self._compose_s += took_s

    def lands(self, tick: int, frame: int) -> None:
        """What was asked for at `frame` will be heard from `tick` on."""
        self._waiting.append((tick, frame))

    def rendered(self, took_s: float, tick: int, frame: int) -> None:
        """A block was rendered in `took_s`; heard are `tick`, of what is composed, and `frame`."""
        self._render_s += took_s
        self._blocks += 1
        while self._waiting:
            heapq.heappush(self._landing, self._waiting.popleft())
        while self._landing and self._landing[0][0] <= tick:
            self._latencies_s.append((frame - heapq.heappop(self._landing)[1]) / self._rate_hz)
            self._changes += 1

    def figures(self) -> dict[str, float]:
        """The sums; real-time factors are music time by computing time, latencies run from asking to hearing."""
        rendered_s = self._blocks * self._block_s
        return {
            "notes_composed": float(self._notes),
            "compose_rtf": self._music_s / self._compose_s if self._compose_s else 0.0,
            "render_rtf": rendered_s / self._render_s if self._render_s else 0.0,
            "changes": float(self._changes),
            "effect_latency_median_s": median(self._latencies_s) if self._latencies_s else 0.0,
            "effect_latency_max_s": max(self._latencies_s, default=0.0),
        }
