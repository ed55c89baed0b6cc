"""The book: a ZIP with a manifest and the files that it names, inside a signed MCUboot image.

A board takes nothing from a book before its signature is verified; the limits below hold all the same, so that an
honest mistake gets a line that says what is wrong.
"""

import io
import json
import re
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from gen_core.spec.errors import UsageError, VerificationError
from targets.boards.board import Board
from targets.protocol import mcuboot
from targets.protocol.window import Window

FORMAT = 1
MANIFEST = "manifest.json"
MAX_FILES = 256
MAX_TOTAL_BYTES = 256_000_000  # unpacked; a board has its own, smaller limit for the packed book
_NAME = re.compile(r"(?!\.)[A-Za-z0-9_.-]{1,64}(/(?!\.)[A-Za-z0-9_.-]{1,64}){0,3}")
_WHEN = (1980, 1, 1, 0, 0, 0)  # the earliest a ZIP can say: the same book is the same bytes whenever it is made


@dataclass(frozen=True)
class Contents:
    """A verified book, its files still packed."""

    manifest: Mapping[str, Any]
    image: mcuboot.Image


@dataclass(frozen=True)
class Book:
    """A verified book: what it says of itself, its files by name, and the image that carried it."""

    manifest: Mapping[str, Any]
    files: Mapping[str, bytes]
    image: mcuboot.Image


def read(data: bytes, trusted: Sequence[bytes] | None) -> Book:
    """Verify a book and unpack it into memory. `trusted`: public keys in PEM, None takes any signer.

    Raises VerificationError: no book, damaged, without signature, of a stranger, of a newer format, or incomplete.
    """
    image = mcuboot.verify(data, trusted)
    files = _unpack(image.payload(data))
    manifest = _manifest(files.pop(MANIFEST, b""))
    _check_held(manifest, files)
    return Book(manifest, files, image)


def inspect(file: BinaryIO, trusted: Sequence[bytes] | None) -> Contents:
    """Verify a book in an open file without unpacking it. Raises as `read` does."""
    image = mcuboot.verify_file(file, trusted)
    return Contents(manifest_in(file, image.header), image)


def manifest_in(file: BinaryIO, header: mcuboot.Header) -> Mapping[str, Any]:
    """The manifest of a book in an open file whose image is verified; that it holds all it names is checked."""
    try:
        with zipfile.ZipFile(Window(file, header.size, header.payload_size)) as archive:
            entries = archive.infolist()
            _check_entries(entries)
            names = {entry.filename for entry in entries}
            text = archive.read(MANIFEST) if MANIFEST in names else b""
    except VerificationError:
        raise
    except Exception as error:
        raise _unpackable(error) from None
    manifest = _manifest(text)
    _check_held(manifest, names)
    return manifest


def pack(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    """The ZIP of a book, to be signed. The same content gives the same bytes. UsageError if it cannot be a book."""
    for name in files:
        if not _NAME.fullmatch(name) or name == MANIFEST:
            raise UsageError(f"a book cannot hold a file {name!r}", "use letters, digits, _ - . and at most 3 folders")
    missing = sorted({name for name in _named(manifest) if name not in files})
    if missing:
        raise UsageError(f"the manifest names {', '.join(missing)}", "give these files to the book")
    if len(files) >= MAX_FILES or sum(map(len, files.values())) > MAX_TOTAL_BYTES:
        raise UsageError("the book is too large", f"at most {MAX_FILES} files, {MAX_TOTAL_BYTES} bytes")
    try:
        text = json.dumps({"format": FORMAT, **manifest}, indent=1, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError) as error:
        raise UsageError(f"the manifest cannot be written: {error}", "give plain data without nan") from None
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in [(MANIFEST, text), *sorted(files.items())]:
            archive.writestr(_entry(name), data, zipfile.ZIP_DEFLATED, 9)
    return content.getvalue()


def check_board(book: Book | Contents, board: Board) -> None:
    """UsageError unless the book was made for this board and fits it."""
    check_made_for(book.manifest, board)
    if book.image.size_bytes > board.max_book_bytes:
        cause = f"the book has {book.image.size_bytes} bytes; {board.name} takes {board.max_book_bytes}"
        raise UsageError(cause, "leave out ensembles, or choose a larger board")


def check_early(manifest: Mapping[str, Any], board: Board) -> None:
    """What an unverified manifest can tell: VerificationError for a newer format, UsageError for another board."""
    if isinstance(manifest.get("format"), int):
        _check_format(manifest["format"])
    check_made_for(manifest, board)


def check_made_for(manifest: Mapping[str, Any], board: Board) -> None:
    """UsageError if the manifest names boards and this is none of them."""
    made_for = manifest.get("boards")
    if isinstance(made_for, list) and made_for and board.name not in made_for:
        names = ", ".join(map(str, made_for))
        raise UsageError(f"the book is made for {names}, not for {board.name}", "build it for this board")


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _WHEN)
    entry.create_system, entry.external_attr = 3, 0o644 << 16  # as on Unix, wherever it is made
    return entry


def _unpack(payload: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            entries = archive.infolist()
            _check_entries(entries)
            return {entry.filename: archive.read(entry) for entry in entries}
    except VerificationError:
        raise
    except Exception as error:
        raise _unpackable(error) from None


def _unpackable(error: Exception) -> VerificationError:
    """zipfile raises a dozen kinds, from struct.error to NotImplementedError."""
    cause = f"what the book holds cannot be unpacked ({type(error).__name__}: {error})"
    return VerificationError(cause, mcuboot.AGAIN)


def _check_held(manifest: Mapping[str, Any], names: Collection[str]) -> None:
    missing = sorted({name for name in _named(manifest) if name not in names})
    if missing:
        raise VerificationError(f"the book names files that it does not hold: {', '.join(missing)}", mcuboot.AGAIN)


def _check_entries(entries: Sequence[zipfile.ZipInfo]) -> None:
    """Look before anything is unpacked; a file never gives more bytes than its entry announces."""
    names = [entry.filename for entry in entries]
    total = sum(entry.file_size for entry in entries)
    strange = [name for name in names if not _NAME.fullmatch(name)]
    if strange:
        raise VerificationError(f"the book holds a file of forbidden name: {strange[0]!r}", mcuboot.BUILD)
    if len(set(names)) != len(names):
        raise VerificationError("the book holds two files of one name", mcuboot.BUILD)
    if len(names) > MAX_FILES or total > MAX_TOTAL_BYTES:
        cause = f"the book unpacks to {len(names)} files with {total} bytes"
        raise VerificationError(cause, f"at most {MAX_FILES} files with {MAX_TOTAL_BYTES} bytes are taken")


def _manifest(text: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(text)
    except (ValueError, RecursionError):
        manifest = None
    if not isinstance(manifest, dict) or type(manifest.get("format")) is not int:
        raise VerificationError(f"the book's {MANIFEST} is missing or unreadable", mcuboot.BUILD)
    _check_format(manifest["format"])
    kinds = {"name": str, "version": str, "model": dict, "synth": dict, "params": list}
    wrong = [key for key, kind in kinds.items() if not isinstance(manifest.get(key), kind)]
    if wrong or manifest["format"] < 1:
        raise VerificationError(f"the book's {MANIFEST} lacks {', '.join(wrong) or 'a known format'}", mcuboot.BUILD)
    return manifest


def _check_format(number: int) -> None:
    if number > FORMAT:
        cause = f"the book is made for a newer Limonaire (format {number}; this one reads {FORMAT})"
        raise VerificationError(cause, "update with `pip install --upgrade limonaire`")


def _named(manifest: Mapping[str, Any]) -> Iterator[str]:
    """The files that the manifest's model and synth name: every text in them that is a path."""
    waiting = [manifest.get("model"), manifest.get("synth")]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str) and "/" in value and _NAME.fullmatch(value):
            yield value
        elif isinstance(value, Mapping):
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value
