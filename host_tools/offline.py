"""Composing and rendering without a board: the same book, director, sampler and engine as on one."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.director.controls import meter_of
from gen_core.playback import offline
from gen_core.playback.graph_engine import GraphEngine
from gen_core.playback.instrument import Instrument
from gen_core.playback.synth import Engine, Synth
from gen_core.score.midi import read_midi, write_midi
from gen_core.score.performed import score_of
from gen_core.score.score import Score
from gen_core.sequence.vocabulary import DRUM_PROGRAM
from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param, find, suggestion
from gen_core.spec.time import TICKS_PER_QUARTER, ticks_to_seconds
from gen_core.synth.plan import Plan
from gen_core.theory.lead_sheet import LeadSheet
from host_tools import default_book, keys
from host_tools.audio import write_wav
from host_tools.seats import Limit, limited
from targets.protocol import book as books


def open_book(path: Path | None, trust: Sequence[Path] = ()) -> books.Book:
    """A verified book; without a path, the default book. VerificationError says what is wrong with it."""
    return books.read((path or default_book.path()).read_bytes(), keys.trusted(list(trust)))


def preset(book: books.Book, name: str) -> dict[str, str]:
    """The settings of one of the book's presets, as a person would type them; none without a name."""
    if not name:
        return {}
    presets: dict[str, dict[str, float]] = book.manifest.get("presets", {})
    if name not in presets:
        has = suggestion(name, presets) or f"it has {', '.join(presets)}"
        raise UsageError(f"the book has no preset {name!r}", has)
    return {param: f"{value:.9g}" for param, value in presets[name].items()}


def compose(
    book: books.Book,
    length: tuple[float, str],
    seed: int,
    wishes: Mapping[str, str],
    files: Mapping[str, Path],
    sheet: LeadSheet | None = None,
    limits: Sequence[Limit] = (),
) -> dict[str, Any]:
    """Compose a piece and write it as .mid and .wav. Returns what was done.

    `length`: a number of "s", at which the music is cut off, or of "bars", with which it ends. `sheet`: chords to obey;
    its metre holds where the wishes name none. `limits` on the parts of the ensemble. Raises UsageError for a wish that
    the book does not know or allow, and for wishes that contradict each other, the limits or the lead sheet.
    """
    if sheet and sheet.meter:
        wishes = {"meter": str(sheet.meter), **wishes}
    params = {data["id"]: Param.from_dict(data) for data in book.manifest["params"]}
    values = {name: find(params, name).parse(text) for name, text in wishes.items()}
    number, unit = length
    bpm = values.get("bpm", params["bpm"].default)
    meter = meter_of(values.get("meter", 0.0))
    bars = int(number) if unit == "bars" else None
    seconds = ticks_to_seconds(bars * meter.bar_ticks, bpm) if bars else number
    ensemble = list(book.manifest["ensembles"])[int(values.get("ensemble", 0))]
    manifest = limited(book.manifest, ensemble, limits)
    began_s = time.perf_counter()
    notes, audio, performance = offline.perform(manifest, book.files, seconds, seed, values, sheet, bars)
    took_s = time.perf_counter() - began_s
    if ".mid" in files:
        parts = [(str(seat["part"]), int(seat["program"])) for seat in manifest["ensembles"][ensemble]]
        write_midi(score_of(notes, parts, [(0, bpm)], f"seed {performance.seed}", meter), files[".mid"])
    if ".wav" in files:
        write_wav(files[".wav"], audio, performance.sample_rate_hz)
    facts = {"seed": performance.seed, "seconds": seconds, "notes": len(notes), "times_real_time": seconds / took_s}
    return facts | {suffix.strip("."): str(path) for suffix, path in files.items()}


def render(book: books.Book, midi: Path, wav: Path, engine: str = "onnx") -> dict[str, Any]:
    """Sound a MIDI file with the book's instruments; `engine`: onnx (the book's graph) or numba (the kernels)."""
    score = read_midi(midi)
    synth = open_synth(book, engine, max(len(score.tracks), 1))
    for part, track in enumerate(score.tracks):
        synth.assign(part, instrument_for(book.manifest["instruments"], track.program))
    began_s = time.perf_counter()
    audio = offline.sound(synth, timed_notes(score))
    took_s = time.perf_counter() - began_s
    rate = synth.plan.sample_rate_hz
    write_wav(wav, audio, rate)
    seconds = len(audio) / rate
    return {"wav": str(wav), "seconds": seconds, "notes": score.n_notes, "times_real_time": seconds / took_s}


def open_synth(book: books.Book, engine: str, parts: int) -> Synth:
    """The book's instruments behind one of the two renderings."""
    manifest = book.manifest
    plan = Plan.from_manifest(manifest["synth"])
    if engine == "numba":
        from gen_core.synth.kernel_engine import KernelEngine

        made: Engine = KernelEngine(plan)
    else:
        made = GraphEngine(book.files[manifest["synth"]["graph"]], plan)
    return Synth(made, [Instrument(row) for row in manifest["instruments"]], parts)


def instrument_for(rows: Sequence[Mapping[str, Any]], program: int) -> str:
    """The instrument or kit of a book for a General MIDI program (128: percussion); its first one where none is."""
    fits = (row for row in rows if ("kit" in row if program == DRUM_PROGRAM else program in row.get("programs", ())))
    return str(next(fits, rows[0])["name"])


def timed_notes(score: Score) -> list[tuple[float, float, int, int, int]]:
    """Every note as (start s, end s, part, pitch, velocity) by the score's tempo map."""
    timed = []
    for part, track in enumerate(score.tracks):
        starts = seconds_at(score, track.notes["onset"])
        ends = seconds_at(score, track.notes["onset"] + track.notes["duration"])
        columns = (starts, ends, track.notes["pitch"], track.notes["velocity"])
        rows = zip(*(column.tolist() for column in columns), strict=True)
        timed += [(start, end, part, pitch, velocity) for start, end, pitch, velocity in rows]
    return timed


def seconds_at(score: Score, ticks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Ticks (n,) → seconds (n,) from the start, through every change of tempo."""
    tempos = [tempo for tempo in score.tempos if tempo.tick > 0]
    edges = np.array([0, *(tempo.tick for tempo in tempos)])
    bpm = np.array([score.bpm_at(0), *(tempo.bpm for tempo in tempos)])
    rates = 60.0 / (bpm * TICKS_PER_QUARTER)  # seconds a tick
    at_edges = np.concatenate([[0.0], np.cumsum(np.diff(edges) * rates[:-1])])
    last = np.searchsorted(edges, ticks, side="right") - 1
    return np.asarray(at_edges[last] + (ticks - edges[last]) * rates[last])
