"""Notes on the clock: starts and ends them in the synthesizer at their frames, block by block."""

import heapq
import threading
from collections import deque
from collections.abc import Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gen_core.playback.clock import Clock
from gen_core.spec.note import Note

MOST_STRUCK = 256  # that wait for their block; more is no playing
AT_ONCE = 8  # keys down or up a block, two hands: a start takes up to half a millisecond, and the block must not wait
LONGEST_HELD_S = 30.0


class NoteSink(Protocol):
    """What the player needs of a synthesizer."""

    def note_on(self, part: int, pitch: int, velocity: int, frame: int) -> None: ...
    def note_off(self, part: int, pitch: int, frame: int) -> None: ...
    def render_block(self) -> NDArray[np.float32]: ...


class Player:
    """The notes to come, the notes that sound. `add` and `drop` from any thread, `render_block` from one."""

    def __init__(self, synth: NoteSink, clock: Clock, block_frames: int) -> None:
        self._synth, self.clock, self._block = synth, clock, block_frames
        self._lock = threading.Lock()
        self._waiting: list[Note] = []  # heap by tick
        self._ends: list[tuple[int, int, int]] = []  # heap of (tick, part, pitch)
        self._started: list[Note] = []
        self._struck: deque[tuple[int, int, int]] = deque(maxlen=MOST_STRUCK)  # part, pitch, velocity; from any thread
        self._held: dict[tuple[int, int], int] = {}  # part, pitch → the frame at which somebody struck it
        self.notes = self.late_notes = 0  # started; that came after their time

    def add(self, notes: Iterable[Note]) -> None:
        """Notes to play."""
        with self._lock:
            for note in notes:
                heapq.heappush(self._waiting, note)

    def drop(self, tick: int) -> None:
        """Forget what waits at or after `tick`."""
        with self._lock:
            self._waiting = [note for note in self._waiting if note.tick < tick]
            heapq.heapify(self._waiting)

    def strike(self, part: int, pitch: int, velocity: int) -> None:
        """Somebody plays along: a key goes down (velocity 1..127) or up (0) with the next block. From any thread."""
        self._struck.append((part, pitch, velocity))

    def take_started(self) -> list[Note]:
        """Notes whose onset was rendered since the last call."""
        with self._lock:
            started, self._started = self._started, []
        return started

    def render_block(self) -> NDArray[np.float32]:
        """The next block (block_frames, 2)."""
        self._play_along()
        for note in self._due():
            self._start(note)
        while self._ends and (frame := self.clock.frame_of(self._ends[0][0])) < self._block:
            _, part, pitch = heapq.heappop(self._ends)
            self._synth.note_off(part, pitch, max(frame, 0))
        block = self._synth.render_block()
        self.clock.advance(self._block)
        return block

    def _play_along(self) -> None:
        """What was struck since the last block. A key whose end got lost on the way is let go after a while."""
        for _ in range(min(len(self._struck), AT_ONCE)):
            part, pitch, velocity = self._struck.popleft()
            if self._held.pop((part, pitch), None) is not None:
                self._synth.note_off(part, pitch, 0)
            if velocity:
                self._held[part, pitch] = self.clock.frames
                self._synth.note_on(part, pitch, velocity, 0)
        oldest = self.clock.frames - round(LONGEST_HELD_S * self.clock.sample_rate_hz)
        for key in [key for key, frame in self._held.items() if frame < oldest]:
            del self._held[key]
            self._synth.note_off(*key, 0)

    def _due(self) -> list[Note]:
        """Notes that begin in this block or should have before; one whose end has passed as well is left out."""
        due = []
        with self._lock:
            while self._waiting and self.clock.frame_of(self._waiting[0].tick) < self._block:
                note = heapq.heappop(self._waiting)
                if self.clock.frame_of(note.tick + note.duration) > 0:
                    due.append(note)
                else:
                    self.late_notes += 1
            self._started += due
            self.notes += len(due)
        return due

    def _start(self, note: Note) -> None:
        """A note that sounds again ends first; an end inside this block still comes after its start."""
        frame = self.clock.frame_of(note.tick)
        self.late_notes += frame < 0
        frame = max(frame, 0)
        if any(end[1:] == (note.part, note.pitch) for end in self._ends):
            self._ends = [end for end in self._ends if end[1:] != (note.part, note.pitch)]
            heapq.heapify(self._ends)
            self._synth.note_off(note.part, note.pitch, frame)
        self._synth.note_on(note.part, note.pitch, note.velocity, frame)
        heapq.heappush(self._ends, (note.tick + note.duration, note.part, note.pitch))
