"""A performance without a book's graphs: a sine, a note every quarter, five parameters, the real interface.

Runs in the board's own process (`--performance fake_performance:FakePerformance`), so it imports board rooms only.
A manifest with `"crash": "load" | "render" | "exit"` makes it fail in that way.
"""

import os
import threading

import numpy as np

from gen_core.spec import span
from gen_core.spec.note import Note
from gen_core.spec.param import Param, find

PARAMS = (
    Param(id="fake_bpm", low=40, high=240, default=120, unit="bpm", quantum="bar"),
    Param(id="fake_energy", low=0, high=1, default=0.5, quantum="beat"),
    Param(id="fake_volume", low=0.1, high=1, default=0.9),
    Param(id="seed", low=0, high=2**24 - 1, default=0, kind="int"),
    Param(id="fake_key", low=0, high=2, default=0, kind="choice", choices=("any", "c", "d")),
)


def declarations() -> list[dict]:
    return [param.to_dict() for param in PARAMS]


class FakePerformance:
    def __init__(self, manifest, files, seed=None, values=None):
        self.crash = manifest.get("crash", "")
        if self.crash == "load":
            raise RuntimeError("this book cannot be loaded")
        if self.crash == "exit":
            os._exit(3)
        self.params = {param.id: param for param in PARAMS}
        self.sample_rate_hz, self.block_frames = 48000, 512
        self.part_names = ["lead", "bass"]
        self._values = {param.id: param.default for param in PARAMS}
        self._values |= {"seed": 4711.0 if seed is None else float(seed)} | dict(values or {})
        self._frame, self._composed, self._lock = 0, 0, threading.Lock()
        self._notes: list[Note] = []
        self.played, self.courses = [], []

    @property
    def tick(self):
        return self._frame * 480 // 24000

    @property
    def seed(self):
        return int(self._values["seed"])

    def get(self, param_id):
        return self._values[find(self.params, param_id).id]

    def values(self):
        return dict(self._values)

    def play(self, part, pitch, velocity):
        self.played.append((part, pitch, velocity))

    def set(self, param_id, value, quantum="", over=""):
        span.parse(over)
        self.courses.append((param_id, value, quantum, over))
        self._values[param_id] = find(self.params, param_id).check(value)
        bar, beat = self.position()
        return (bar + 1, 0.0) if (quantum or self.params[param_id].quantum) == "bar" else (bar, beat)

    def compose_ahead(self):
        wanted = self._frame // 24000 + 4  # quarters at 120 bpm
        ahead, self._composed = self._composed < wanted, wanted
        return ahead

    def render_block(self):
        if self.crash == "render":
            raise RuntimeError("this book cannot be rendered")
        time_s = (self._frame + np.arange(self.block_frames)) / self.sample_rate_hz
        quarter, self._frame = self._frame // 24000, self._frame + self.block_frames
        if self._frame // 24000 != quarter:
            with self._lock:
                self._notes.append(Note(480 * (quarter + 1), quarter % 2, 69, 240, 100))
        wave = (self.crash != "silent") * 0.3 * np.sin(2 * np.pi * 440 * time_s)
        return np.column_stack((wave, wave)).astype(np.float32)

    def take_notes(self):
        with self._lock:
            notes, self._notes = self._notes, []
        return notes

    def position(self):
        beats = self._frame / 24000
        return int(beats // 4), float(beats % 4)

    def stats(self):
        return {"notes": self._frame // 24000, "late_notes": 0, "compose_rtf": 0.0, "render_rtf": 0.0}
