"""Composing and rendering without a board: the same book, director, sampler and engine as on one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gen_core.spec.param import Param, find
from host_tools import default_book, keys
from targets.protocol import book as books

BEATS_PER_BAR = 4


def open_book(path: Path | None) -> books.Book:
    """A verified book; without a path, the default book."""
    return books.read((path or default_book.path()).read_bytes(), keys.trusted())


def compose(
    path: Path | None, length: tuple[float, str], seed: int, wishes: Mapping[str, str], files: Mapping[str, Path]
) -> dict[str, Any]:
    """Compose a piece and write it as .mid and .wav. `length`: a number of "s" or "bars". Returns what was done."""
    from gen_core.playback import offline

    book = open_book(path)
    params = {data["id"]: Param.from_dict(data) for data in book.manifest["params"]}
    values = {name: find(params, name).parse(text) for name, text in wishes.items()}
    bpm = values.get("bpm", params["bpm"].default)
    number, unit = length
    seconds = number * BEATS_PER_BAR * 60.0 / bpm if unit == "bars" else number
    notes, audio = offline.perform(book.manifest, book.files, seconds, seed, values)
    return {}
