"""The threads that make the sound: one composes ahead, one renders block by block and hands over to the sink.

The audio thread never waits for the composer, the link or the log. What goes wrong in either is counted and told,
and the music goes on; only when it cannot go on at all is the engine `broken`, and the board starts again.
"""

import os
import threading
import time

import numpy as np

from targets.runtime.log import Log
from targets.runtime.meter import Meter
from targets.runtime.performer import Performer
from targets.runtime.sinks import Sink
from targets.runtime.vitals import Vitals

BREAK_AFTER = 100  # failures in a row (about 1 s of blocks) before the engine gives up
COMPOSER_REST_S = 0.02  # between looks at the look-ahead when it is full
AUDIO_PRIORITY = 20  # of 1..99: before every ordinary thread, behind the kernel's own
FIRST_MUSIC_S = 2.0  # the sound begins with the first notes, but does not wait longer for them
RENDER, SINK, COMPOSE = "a block cannot be rendered", "the sink takes no block", "the composer stumbled"


class Engine:
    """Runs a performance into a sink. Counters are written by one thread each and may be read by any."""

    def __init__(self, performance: Performer, sink: Sink, log: Log) -> None:
        self.performance, self.sink, self.log = performance, sink, log
        self.blocks = self.deadline_misses = self.starved = self.render_errors = self.compose_errors = 0
        self.render_peak_ms = 0.0
        self.vitals, self.meter = Vitals(performance.block_frames / performance.sample_rate_hz), Meter()
        self.broken = ""
        self.realtime = False
        self._failures = {RENDER: 0, SINK: 0, COMPOSE: 0}  # in a row
        self._stop = threading.Event()
        self._composed = threading.Event()  # the look-ahead has been full once
        self._threads = [
            threading.Thread(target=self._render, name="audio", daemon=True),
            threading.Thread(target=self._compose, name="composer", daemon=True),
        ]

    def start(self) -> None:
        """Begin to sound."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let the current block and phrase end, then close the sink."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=2.0)
        if not self._threads[0].is_alive():
            self.sink.close()

    def stats(self) -> dict[str, float]:
        """Counts since start, and the peak of the last second in dBFS.

        A deadline is missed when a block took longer than it lasts, or the sink starved.
        """
        return {
            "blocks": self.blocks,
            "deadline_misses": self.deadline_misses,
            "starved": self.starved,
            "render_errors": self.render_errors,
            "compose_errors": self.compose_errors,
            "render_peak_ms": self.render_peak_ms,
            "peak_db": self.vitals.peak_db,
            "realtime": int(self.realtime),
        }

    def failing(self) -> list[str]:
        """What goes wrong at present; empty if all is well."""
        return [what for what, failures in self._failures.items() if failures]

    def _render(self) -> None:
        performance, block_s = self.performance, self.performance.block_frames / self.performance.sample_rate_hz
        silence = np.zeros((performance.block_frames, 2), np.float32)
        self.realtime = _go_first()
        self._composed.wait(FIRST_MUSIC_S)
        while not self._stop.is_set():
            started_s = time.perf_counter()
            try:
                block = performance.render_block()
                self._failures[RENDER] = 0
            except Exception as error:  # a block of silence is better than no more blocks
                block = silence
                self.render_errors += 1
                self._trouble(RENDER, error)
            took_s = time.perf_counter() - started_s
            try:
                starved = self.sink.write(block)
                self._failures[SINK] = 0
            except Exception as error:  # without this thread the board would be silent and not know it
                starved = True
                self._trouble(SINK, error)
                time.sleep(block_s)
            late = starved or took_s > block_s
            self.vitals.note(block, late)
            self.meter.note(block)
            self.blocks += 1
            self.starved += starved
            self.deadline_misses += late
            self.render_peak_ms = max(self.render_peak_ms, took_s * 1000.0)

    def _compose(self) -> None:
        while not self._stop.is_set():
            try:
                busy = self.performance.compose_ahead()
                self._failures[COMPOSE] = 0
            except Exception as error:  # what is composed already sounds on; the next look may do better
                busy = False
                self.compose_errors += 1
                self._trouble(COMPOSE, error)
            if not busy:
                self._composed.set()
                self._stop.wait(COMPOSER_REST_S)

    def _trouble(self, what: str, error: Exception) -> None:
        self._failures[what] += 1
        if self._failures[what] == 1:
            self.log.say(f"{what}: {type(error).__name__}: {error}")
        if self._failures[what] >= BREAK_AFTER:
            self.broken = f"{what}: {error}"


def _go_first() -> bool:
    """Ask for real-time scheduling of the calling thread; True if the system grants it (limit `rtprio`)."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(AUDIO_PRIORITY))
    except (OSError, AttributeError):
        return False
    return True
