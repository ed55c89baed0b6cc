"""A corpus: a folder of MIDI files, or of archives with a manifest that names source, split and licence.

A damaged file is skipped, counted and named; an empty corpus is an error.
"""

import csv
import hashlib
import io
import lzma
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

from gen_core.score.grid import Piece, encode
from gen_core.score.midi import find_midi, parse_midi
from gen_core.spec.errors import UsageError, VerificationError

SPLITS = ("train", "valid", "test")
LARGEST_BYTES = 1 << 24  # of one file: Beethoven's ninth, last movement, has a fortieth of it


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
    """Every piece of `folder` in the wanted splits. Raises UsageError where there is no music at all.

    VerificationError where an archive is damaged or cut short.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", "give a folder of MIDI files")
    items, skipped, wanted = [], [], False
    for found in _files(folder):
        if found.split not in splits:
            wanted = True
            continue
        try:
            items.append(Item(found.name, found.source, found.split, _read(found)))
        except UsageError as error:
            skipped.append(Skipped(found.name, error.cause))
    if not items:
        where = f" in the split {' or '.join(splits)}" if wanted else ""
        also = f", {len(skipped)} unreadable or empty" if skipped else ""
        raise UsageError(f"{folder} holds no MIDI music{where}{also}", "give a folder with .mid files below it")
    return items, skipped


class _Found(NamedTuple):
    """A MIDI file, not yet read."""

    name: str
    source: str
    split: str
    size: int  # bytes
    read: Callable[[], bytes]


def _read(found: _Found) -> Piece:
    """The piece in a file. Raises UsageError where there is none, or too much of one."""
    if found.size > LARGEST_BYTES:
        raise UsageError(f"{found.name} has {found.size >> 20} MiB, more than music needs")
    piece = encode(parse_midi(found.read(), found.name))
    if not piece.n_notes:
        raise UsageError(f"{found.name} holds no notes")
    return piece


def _files(folder: Path) -> Iterator[_Found]:
    """Every MIDI file below `folder` and in its archives, in a fixed order."""
    manifest = _manifest(folder / "manifest.csv")
    for path in find_midi(folder):
        name = path.relative_to(folder).as_posix()
        source, split = manifest.get(name, (path.parent.name, _split_by_name(name)))
        yield _Found(name, source, split, path.stat().st_size, path.read_bytes)
    for archive in sorted(folder.glob("*.tar.xz")):
        with _whole(archive):
            yield from _packed(archive, manifest)


@contextmanager
def _whole(archive: Path) -> Iterator[None]:
    """A cut archive is no smaller corpus: nothing of it is judged. Raises VerificationError."""
    try:
        yield
    except (tarfile.TarError, lzma.LZMAError, EOFError) as error:
        cause = f"{archive} is damaged or cut short ({error})"
        raise VerificationError(cause, "fetch it again, or take it out of the folder") from None


def _unpacked(archive: Path, handle: IO[bytes]) -> bytes:
    with _whole(archive):
        return handle.read()


def _packed(archive: Path, manifest: dict[str, tuple[str, str]]) -> Iterator[_Found]:
    """Those files of an archive that the manifest names."""
    with tarfile.open(archive, "r:xz") as tar:
        for member in tar:
            handle = tar.extractfile(member) if member.isfile() else None
            name = member.name.removeprefix("./")
            if handle and name in manifest:
                yield _Found(name, *manifest[name], member.size, partial(_unpacked, archive, handle))


def _manifest(path: Path) -> dict[str, tuple[str, str]]:
    if not path.is_file():
        return {}
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text", "save it as UTF-8, or take it away") from None
    with io.StringIO(text, newline="") as file:
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
