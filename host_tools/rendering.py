"""A MIDI file into sound files, block by block: the mix, and each part's dry bus where stems are wanted."""

import contextlib
import math
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.playback.synth import Synth
from gen_core.spec.errors import UsageError
from host_tools.audio import Writer, writing
from host_tools.midi_file import Song
from host_tools.orchestra import Orchestra
from host_tools.progress import Progress

TAIL_S = 10.0  # after the last key is let go, at most
_SILENT = 2.0**-24  # half of the last bit of a 24-bit file
_TEMPO, _OFF, _LEVEL, _ON = range(4)  # in this order at one frame
_BPM = (20.0, 400.0)  # what an echo can follow
_CLEAN, _DRIVEN = slice(0, 2), slice(5, 7)  # rows of the bus
_NAMES_KEPT = re.compile(r"[^a-z0-9_-]+")

Move = tuple[int, int, int, int, float]  # frame, what, part, pitch, velocity or gain or quarters a minute
Block = tuple[NDArray[np.float32], NDArray[np.float32]]  # after and before the effects, each (frames, 2)


def render(
    song: Song, orchestra: Orchestra, engine: str, output: Path, stems: Path | None, progress: Progress
) -> dict[str, Any]:
    """Sound a song into `output` and, if wanted, its parts into the folder `stems`. Returns what was done.

    Stems are float32 WAV files as long as the mix, aligned to the sample, before the effects; `mix.wav` beside them is
    their sum. The tail runs until digital silence, ten seconds at most.
    """
    players = [orchestra.player(part) for part in song.parts]
    synth = _seated(orchestra, engine, players)
    names = stem_names(players) if stems else []
    if stems and output.resolve() in {(stems / name).resolve() for name in (*names, "mix.wav")}:
        raise UsageError(f"{output} would be overwritten by a stem", "write the mix outside the folder of the stems")
    began_s = time.perf_counter()
    pieces = Pieces(song, synth, progress, len(names))
    frames, peak = _mix(pieces, output, stems)
    dropped = synth.dropped_notes
    if stems:
        dry = Pieces(song, _seated(orchestra.dry(), engine, players), progress, len(names) - 1, pieces.done)
        _stems(dry, stems, names, frames)
    took_s = time.perf_counter() - began_s
    rate = synth.plan.sample_rate_hz
    played = [dict(zip(("part", "instrument"), pair, strict=True)) for pair in zip(_titles(song), players, strict=True)]
    report: dict[str, Any] = {output.suffix.lower().strip("."): str(output), "seconds": frames / rate}
    report |= {"sample_rate_hz": rate, "engine": engine, "notes": len(song.notes), "dropped_notes": dropped}
    report |= {"peak_db": 20.0 * math.log10(peak) if peak else None, "times_real_time": frames / rate / took_s}
    report |= {"parts": played}
    return report | {"stems": [str(stems / name) for name in (*names, "mix.wav")]} if stems else report


def _seated(orchestra: Orchestra, engine: str, players: Sequence[str]) -> Synth:
    """A synth with a part for each player."""
    synth = orchestra.synth(engine, len(players))
    for part, name in enumerate(players):
        synth.assign(part, name)
    synth.warm(set(players))
    return synth


class Pieces:
    """A song on a synth, as often as needed from its start.

    For the progress: `more` passes follow the first, `done` blocks went before.
    """

    def __init__(self, song: Song, synth: Synth, progress: Progress, more: int = 0, done: int = 0) -> None:
        self.song, self.synth = song, synth
        rate = synth.plan.sample_rate_hz
        self.moves = moves(song, rate)
        self.end = max(move[0] for move in self.moves if move[1] == _OFF)  # the frame of the last note-off
        self.longest = self.end + round(TAIL_S * rate)
        self._progress, self._more, self.done = progress, more, done

    def blocks(self, frames: int, alone: int | None = None) -> Iterator[Block]:
        """At least so many frames from the start. `alone`: the one part that is heard; the others play at level 0."""
        synth, size, at = self.synth, self.synth.block_frames, 0
        synth.reset()
        for part in range(len(self.song.parts)):
            synth.set_level(part, 1.0 if alone in (None, part) else 0.0)
        count = math.ceil(frames / size)
        for block in range(count):
            while at < len(self.moves) and self.moves[at][0] < (block + 1) * size:
                self._move(self.moves[at], block * size, alone)
                at += 1
            audio = synth.render_block()
            bus = synth.engine.bus
            yield audio, np.ascontiguousarray((bus[_CLEAN] + bus[_DRIVEN]).T)
            self._progress(self.done + block + 1, self.done + (1 + self._more) * count)
        self.done, self._more = self.done + count, self._more - 1

    def _move(self, move: Move, begin: int, alone: int | None) -> None:
        frame, what, part, pitch, value = move
        if what == _ON:
            self.synth.note_on(part, pitch, int(value), frame - begin)
        elif what == _OFF:
            self.synth.note_off(part, pitch, frame - begin)
        elif what == _TEMPO:
            self.synth.desk.set_bpm(value)
        elif alone in (None, part):
            self.synth.set_level(part, value)


def moves(song: Song, sample_rate_hz: int) -> list[Move]:
    """Everything that happens, by frame. A note lasts a frame at least."""
    notes = song.notes
    starts = np.rint(notes["start"] * sample_rate_hz).astype(np.int64)
    ends = np.maximum(np.rint(notes["end"] * sample_rate_hz).astype(np.int64), starts + 1)
    columns = [starts.tolist(), ends.tolist(), *(notes[name].tolist() for name in ("part", "pitch", "velocity"))]
    listed: list[Move] = [(round(at * sample_rate_hz), _LEVEL, part, 0, gain) for at, part, gain in song.levels]
    listed += [(round(at * sample_rate_hz), _TEMPO, 0, 0, min(max(bpm, _BPM[0]), _BPM[1])) for at, bpm in song.tempos]
    for start, end, part, pitch, velocity in zip(*columns, strict=True):
        listed += [(start, _ON, part, pitch, float(velocity)), (end, _OFF, part, pitch, 0.0)]
    return sorted(listed)


def _mix(pieces: Pieces, output: Path, stems: Path | None) -> tuple[int, float]:
    """Write the mix, and its dry bus where there are stems; the frames written, and the peak."""
    rate, peak, written, silent = pieces.synth.plan.sample_rate_hz, 0.0, 0, 0
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(writing(output, rate, "PCM_24", pieces.longest))]
        if stems:
            files.append(stack.enter_context(writing(stems / "mix.wav", rate, "FLOAT", pieces.longest)))
        for block in pieces.blocks(pieces.longest):
            wanted = block[: len(files)]
            loudest, size = max(float(np.abs(part).max()) for part in wanted), len(block[0])
            if loudest < _SILENT and written + silent >= pieces.end:
                silent += size  # perhaps the end, perhaps a wait for an echo
                continue
            _rest(files, silent, size)
            for file, part in zip(files, wanted, strict=True):
                file.write(part)
            written, silent, peak = written + silent + size, 0, max(peak, float(np.abs(block[0]).max()))
    return written, peak


def _rest(files: Sequence[Writer], frames: int, size: int) -> None:
    """Silence that turned out not to be the end."""
    for _ in range(frames // size):
        for file in files:
            file.write(np.zeros((size, 2), np.float32))


def _stems(pieces: Pieces, folder: Path, names: Sequence[str], frames: int) -> None:
    """A file for each part, of so many frames. Which note has which lane does not depend on levels, so they add up."""
    rate = pieces.synth.plan.sample_rate_hz
    for part, name in enumerate(names):
        with writing(folder / name, rate, "FLOAT", frames) as file:
            for _, dry in pieces.blocks(frames, part):
                file.write(dry)


def stem_names(players: Sequence[str]) -> list[str]:
    """01-flute.wav, 02-standard.wav, …"""
    digits = max(len(str(len(players))), 2)
    plain = (_NAMES_KEPT.sub("-", name.lower()).strip("-") or "part" for name in players)
    return [f"{number:0{digits}}-{name}.wav" for number, name in enumerate(plain, 1)]


def _titles(song: Song) -> list[str]:
    """Parts as a person knows them."""
    return [part.name or f"part {number}" for number, part in enumerate(song.parts, 1)]
