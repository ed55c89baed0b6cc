"""Recording a board: notes come over the cable, sound from the file that a bench board's sink writes.

A take begins with the next bar, so that its notes stand on the bar lines of a MIDI file, and the sound with them.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.director.composer import EARLY_TICKS
from gen_core.score.midi import write_midi
from gen_core.score.performed import score_of
from gen_core.sequence.vocabulary import DRUM_PROGRAM
from gen_core.spec.errors import UsageError
from gen_core.spec.note import Note
from gen_core.spec.time import TICKS_PER_QUARTER, ticks_to_seconds
from gen_core.theory.meter import Meter, parse_meter
from host_tools.audio import rate_of, read_growing, write_wav
from host_tools.device import Device, notes_in

DEFAULT_BPM = 120.0  # what a MIDI file without a tempo means


@dataclass(frozen=True)
class Take:
    """What was recorded. Notes count from the take's first bar; audio (frames, 2) float32, if it was asked for."""

    notes: list[Note]
    part_names: list[str]
    bpm: float
    seconds: float
    audio: NDArray[np.float32] | None = None
    sample_rate_hz: int = 0
    meter: Meter = Meter()  # when the take began


class Tape:
    """A recording that is running. Making one waits for the next bar; `stop` ends it."""

    def __init__(self, device: Device, sound: bool) -> None:
        self._device = device
        self._wav = wav_of(device) if sound else None
        params = device.params()
        self._part_names = [name.removeprefix("level.") for name in params if name.startswith("level.")]
        self._bpm = device.get("bpm") if "bpm" in params else DEFAULT_BPM
        self._meter = parse_meter(params["meter"].spoken(device.get("meter"))) if "meter" in params else Meter()
        device.link.heard(address="/note")  # what was told before does not belong to this take
        device.subscribe("notes")
        self._rate = rate_of(self._wav) if self._wav else 0
        self._first_tick, wait_s, frames = self._next_bar(device.info())
        self._first_frame = frames + round(wait_s * self._rate)
        time.sleep(wait_s)
        self._start_s = time.monotonic()

    def _next_bar(self, status: Mapping[str, Any]) -> tuple[int, float, int]:
        """Tick of the next bar, seconds until then, and the frames that the sink has taken now."""
        stats, bar_ticks = status["stats"], self._meter.bar_ticks
        tick = int(status["bar"]) * bar_ticks + round(status["beat"] * TICKS_PER_QUARTER)
        bar = -(-tick // bar_ticks) * bar_ticks
        if "next_bar_tick" in stats:  # only the board knows where bars begin once the metre has changed
            tick, bar = int(stats["tick"]), int(stats["next_bar_tick"])
        return bar, ticks_to_seconds(bar - tick, self._bpm), int(status["sink"]["frames"])

    def stop(self) -> Take:
        """The take, from start until now."""
        seconds = time.monotonic() - self._start_s
        last_frame = int(self._device.info()["sink"]["frames"])
        heard = notes_in(self._device.link.heard(address="/note"))
        # A human downbeat may sound a little before its bar line; it belongs to the take.
        inside = [note for note in heard if note.tick >= self._first_tick - EARLY_TICKS]
        notes = [note._replace(tick=max(note.tick - self._first_tick, 0)) for note in inside]
        audio = read_growing(self._wav, self._first_frame, last_frame) if self._wav else None
        return Take(notes, self._part_names, self._bpm, seconds, audio, self._rate, self._meter)


def record(device: Device, seconds: float, sound: bool) -> Take:
    """Record for so many seconds. UsageError if sound is wanted and the board writes none."""
    tape = Tape(device, sound)
    time.sleep(seconds)
    return tape.stop()


def save(take: Take, files: Mapping[str, Path], programs: Mapping[str, int] | None = None) -> dict[str, object]:
    """Write the take as .mid and .wav; what was written, as plain facts. `programs`: General MIDI, by part."""
    facts: dict[str, object] = {"seconds": round(take.seconds, 3), "notes": len(take.notes)}
    if ".mid" in files:
        known = {"drums": DRUM_PROGRAM, **(programs or {})}
        count = max([len(take.part_names), *(note.part + 1 for note in take.notes)])
        names = [*take.part_names, *(f"part {part + 1}" for part in range(len(take.part_names), count))]
        parts = [(name, known.get(name, 0)) for name in names]
        write_midi(score_of(take.notes, parts, [(0, take.bpm)], meter=take.meter), files[".mid"])
        facts["mid"] = str(files[".mid"])
    if ".wav" in files and take.audio is not None:
        write_wav(files[".wav"], take.audio, take.sample_rate_hz)
        facts |= {"wav": str(files[".wav"]), "frames": len(take.audio), "sample_rate_hz": take.sample_rate_hz}
    return facts


def wav_of(device: Device) -> Path:
    """The file that the board's sound goes to; UsageError if there is none here."""
    sink = device.info()["sink"]
    if "wav" not in sink["kind"] or not Path(sink["path"]).exists():
        cause = f"the board's sound goes to {sink['kind']}, which cannot be recorded from here"
        raise UsageError(cause, "start it as `limonaire bench-board --wav FILE`, or record only a .mid")
    return Path(sink["path"])
