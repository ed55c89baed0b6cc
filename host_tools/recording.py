"""Recording a board: notes come over the cable, sound from the file that a bench board's sink writes."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gen_core.score.score import DRUM_PROGRAM, Score, Tempo, Track, make_notes
from gen_core.spec.errors import UsageError
from gen_core.spec.note import Note
from gen_core.spec.time import TICKS_PER_QUARTER
from host_tools.device import Device, notes_in

DEFAULT_BPM = 120.0  # what a MIDI file without a tempo means
HEADER_WAIT_S = 3.0  # a sink brings its header up to date twice a second


@dataclass(frozen=True)
class Take:
    """What was recorded. Notes count from the start of the performance; audio (frames, 2) float32, if asked for."""

    notes: list[Note]
    part_names: list[str]
    bpm: float
    seconds: float
    audio: NDArray[np.float32] | None = None
    sample_rate_hz: int = 0
    programs: Mapping[str, int] = field(default_factory=dict)


class Tape:
    """A recording that is running: made when it starts, `stop` ends it."""

    def __init__(self, device: Device, sound: bool) -> None:
        self._device = device
        self._wav = wav_of(device) if sound else None
        self._part_names = part_names(device)
        self._bpm = device.get("bpm") if "bpm" in device.params() else DEFAULT_BPM
        device.link.heard(address="/note")  # what was told before does not belong to this take
        device.subscribe("notes")
        self._first_frame = frames_of(device)
        self._start_s = time.monotonic()

    def stop(self) -> Take:
        """The take, from start until now."""
        seconds = time.monotonic() - self._start_s
        notes = list(notes_in(self._device.link.heard(address="/note")))
        if self._wav is None:
            return Take(notes, self._part_names, self._bpm, seconds)
        audio, rate = cut(self._wav, self._first_frame, frames_of(self._device))
        return Take(notes, self._part_names, self._bpm, seconds, audio, rate)


def record(device: Device, seconds: float, sound: bool) -> Take:
    """Record for so many seconds. UsageError if sound is wanted and the board writes none."""
    tape = Tape(device, sound)
    time.sleep(seconds)
    return tape.stop()


def save(take: Take, files: Mapping[str, Path]) -> dict[str, object]:
    """Write the take as .mid and .wav; what was written, as plain facts."""
    facts: dict[str, object] = {"seconds": round(take.seconds, 3), "notes": len(take.notes)}
    if ".mid" in files:
        from gen_core.score.midi import write_midi

        write_midi(score(take), files[".mid"])
        facts["mid"] = str(files[".mid"])
    if ".wav" in files and take.audio is not None:
        write_wav(files[".wav"], take.audio, take.sample_rate_hz)
        facts |= {"wav": str(files[".wav"]), "frames": len(take.audio), "sample_rate_hz": take.sample_rate_hz}
    return facts


def score(take: Take) -> Score:
    """The take as a score that begins with the quarter of its first note; one track for each part that played."""
    start = min((note.tick for note in take.notes), default=0) // TICKS_PER_QUARTER * TICKS_PER_QUARTER
    tracks = []
    for part in sorted({note.part for note in take.notes}):
        name = take.part_names[part] if part < len(take.part_names) else f"part {part + 1}"
        rows = [(n.tick - start, n.duration, n.pitch, n.velocity) for n in take.notes if n.part == part]
        program = DRUM_PROGRAM if name == "drums" else take.programs.get(name, 0)
        tracks.append(Track(name, program, make_notes(rows)))
    return Score(tuple(tracks), (Tempo(0, take.bpm),))


def write_wav(path: Path, audio: NDArray[np.float32], sample_rate_hz: int) -> None:
    """16-bit WAV of (frames, 2) float32 in -1..1."""
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, sample_rate_hz, subtype="PCM_16")


def part_names(device: Device) -> list[str]:
    """The parts in their order: every part has a level."""
    return [name.removeprefix("level.") for name in device.params() if name.startswith("level.")]


def wav_of(device: Device) -> Path:
    """The file that the board's sound goes to; UsageError if there is none here."""
    sink = device.info()["sink"]
    if "wav" not in sink["kind"] or not Path(sink["path"]).exists():
        cause = f"the board's sound goes to {sink['kind']}, which cannot be recorded from here"
        raise UsageError(cause, "start it as `limonaire bench-board --wav FILE`, or record only a .mid")
    return Path(sink["path"])


def frames_of(device: Device) -> int:
    """How many frames the board's sink has taken."""
    return int(device.info()["sink"]["frames"])


def cut(path: Path, first: int, last: int) -> tuple[NDArray[np.float32], int]:
    """Frames first..last of a WAV file that is still being written, as (frames, 2) float32, and its rate in Hz."""
    import soundfile

    deadline_s = time.monotonic() + HEADER_WAIT_S
    while soundfile.info(path).frames < last and time.monotonic() < deadline_s:
        time.sleep(0.1)
    audio, rate = soundfile.read(path, frames=last - first, start=first, dtype="float32", always_2d=True)
    return audio, int(rate)


def programs(ensemble: Sequence[Mapping[str, object]]) -> dict[str, int]:
    """General MIDI program by part, from an ensemble of a book's manifest."""
    return {str(row["part"]): int(str(row["program"])) for row in ensemble}
