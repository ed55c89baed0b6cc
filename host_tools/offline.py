"""Composing without a board: the same book, director, sampler and engine as on one."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gen_core.director.controls import meter_of
from gen_core.playback import offline
from gen_core.score.midi import write_midi
from gen_core.score.performed import score_of
from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param, find, suggestion
from gen_core.spec.time import ticks_to_seconds
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
