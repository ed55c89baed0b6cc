"""Standard MIDI files in and out, through symusic."""

from pathlib import Path
from typing import Any

import numpy as np
import symusic

from gen_core.score.score import NOTE_DTYPE, Meter, Score, Tempo, Track
from gen_core.sequence.vocabulary import DRUM_PROGRAM
from gen_core.spec.errors import UsageError
from gen_core.spec.time import TICKS_PER_QUARTER

_factory: Any = symusic  # its classes are made by factories that type checkers cannot see through
SUFFIXES = (".mid", ".midi", ".smf")
SLOWEST_BPM, FASTEST_BPM = 1.0, 10_000.0  # beyond is damage: a zero in the file would be infinitely fast


def read_midi(path: Path) -> Score:
    """Read a Standard MIDI file of any resolution. Raises UsageError where it is damaged, cut short or no MIDI."""
    if not path.is_file():
        raise UsageError(f"{path} does not exist", "give the path of a MIDI file")
    return parse_midi(path.read_bytes(), str(path))


def parse_midi(data: bytes, name: str) -> Score:
    """The same from bytes; `name` is for the error and the title."""
    try:
        raw = _factory.Score.from_midi(data).resample(TICKS_PER_QUARTER, min_dur=1)
    except (ValueError, RuntimeError, OSError, ArithmeticError):
        cause = f"{name} is not a readable MIDI file: cut short, damaged or of another kind"
        raise UsageError(cause, "export it again as MIDI type 0 or 1") from None
    return Score(
        tracks=tuple(_track(track) for track in raw.tracks if len(track.notes)),
        tempos=tuple(
            Tempo(int(t.time), float(t.qpm)) for t in raw.tempos if SLOWEST_BPM <= float(t.qpm) <= FASTEST_BPM
        ),
        meters=tuple(
            Meter(int(m.time), int(m.numerator), int(m.denominator))
            for m in raw.time_signatures
            if m.numerator > 0 and m.denominator > 0
        ),
        title=Path(name).stem,
    )


def write_midi(score: Score, path: Path) -> None:
    """Write a type 1 file, 480 ticks a quarter, with named tracks and the tempo map."""
    out: Any = symusic.Score(TICKS_PER_QUARTER)
    out.tempos = symusic.core.TempoTickList(
        [_factory.Tempo(t.tick, mspq=round(60e6 / t.bpm)) for t in score.tempos or (Tempo(0, 120.0),)]
    )
    out.time_signatures = symusic.core.TimeSignatureTickList(
        [_factory.TimeSignature(m.tick, m.numerator, m.denominator) for m in score.meters or (Meter(0, 4, 4),)]
    )
    for track in score.tracks:
        midi: Any = symusic.Track(track.name, 0 if track.is_drum else track.program, track.is_drum)
        columns = [track.notes["onset"], track.notes["duration"], track.notes["pitch"], track.notes["velocity"]]
        types = (np.int32, np.int32, np.int8, np.int8)
        midi.notes = symusic.Note.from_numpy(*(np.ascontiguousarray(c, t) for c, t in zip(columns, types, strict=True)))
        out.tracks.append(midi)
    path.parent.mkdir(parents=True, exist_ok=True)
    out.dump_midi(str(path))


def find_midi(folder: Path) -> list[Path]:
    """Every MIDI file below `folder`, sorted, so that a run over them is the same on every machine."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())


def _track(track: Any) -> Track:
    columns = track.notes.numpy()
    notes = np.empty(len(track.notes), NOTE_DTYPE)
    for name, source in (("onset", "time"), ("duration", "duration"), ("pitch", "pitch"), ("velocity", "velocity")):
        notes[name] = columns[source]
    notes["pitch"] &= 127  # symusic holds bytes as signed
    notes["velocity"] = np.clip(notes["velocity"], 1, 127)
    notes = notes[notes["duration"] > 0]
    notes.sort(order=("onset", "pitch", "duration"))
    return Track(track.name, DRUM_PROGRAM if track.is_drum else int(track.program), notes)
