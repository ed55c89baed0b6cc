"""A corpus: a folder of MIDI files, or of archives with a manifest that names source, split and licence.

A damaged file is skipped, counted and named; an empty corpus is an error.
"""

import csv
import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gen_core.score.grid import Piece, encode
from gen_core.score.midi import find_midi, parse_midi
from gen_core.spec.errors import UsageError

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Item:
    """One piece of the corpus, read."""

    name: str
    source: str
    split: str
    piece: Piece


@dataclass(frozen=True)
class Skipped:
    """A file that could not be read, and why."""

    name: str
    reason: str


def read_corpus(folder: Path, splits: tuple[str, ...] = SPLITS) -> tuple[list[Item], list[Skipped]]:
    """Every piece of `folder` in the wanted splits. Raises UsageError where there is no music at all."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", "give a folder of MIDI files")
    items, skipped, wanted = [], [], False
    for name, source, split, data in _files(folder):
        if split not in splits:
            wanted = True
            continue
        try:
            piece = encode(parse_midi(data, name))
        except UsageError as error:
            skipped.append(Skipped(name, error.cause))
            continue
        if piece.n_notes:
            items.append(Item(name, source, split, piece))
        else:
            skipped.append(Skipped(name, f"{name} holds no notes"))
    if not items:
        where = f" in the split {' or '.join(splits)}" if wanted else ""
        also = f", {len(skipped)} unreadable or empty" if skipped else ""
        raise UsageError(f"{folder} holds no MIDI music{where}{also}", "give a folder with .mid files below it")
    return items, skipped


def _files(folder: Path) -> Iterator[tuple[str, str, str, bytes]]:
    """(name, source, split, bytes) of every MIDI file below `folder` and in its archives, in a fixed order."""
    manifest = _manifest(folder / "manifest.csv")
    for path in find_midi(folder):
        name = path.relative_to(folder).as_posix()
        source, split = manifest.get(name, (path.parent.name, _split_by_name(name)))
        yield name, source, split, path.read_bytes()
    for archive in sorted(folder.glob("*.tar.xz")):
        with tarfile.open(archive) as tar:
            for member in tar:
                handle = tar.extractfile(member) if member.isfile() else None
                name = member.name.removeprefix("./")
                if handle and name in manifest:
                    yield name, *manifest[name], handle.read()


def _manifest(path: Path) -> dict[str, tuple[str, str]]:
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        lines = csv.DictReader(file)
        missing = {"path", "source", "split"} - set(lines.fieldnames or ())
        if missing:
            cause = f"{path} lacks the column {' and '.join(sorted(missing))}"
            raise UsageError(cause, "name path, source and split of every piece in it, or take the file away")
        return {row["path"]: (row["source"], row["split"]) for row in lines}


def _split_by_name(name: str) -> str:
    """Where no manifest says: a tenth for validation, a tenth for the test, the same on every machine."""
    tenth = hashlib.sha256(name.encode()).digest()[0] % 10
    return {0: "valid", 1: "test"}.get(tenth, "train")
