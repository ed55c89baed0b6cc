"""A book's file cut into pieces that stay the same from one version to the next.

The cuts lie where the ZIP's files begin, so that a file which did not change is the same piece wherever it lies. A
board that holds a piece already is asked to copy it (group 65, COPY); only the others cross the cable. Whether the
whole is right is decided by its signature, as for any upload, so a piece needs no trust. Another zlib may pack the same
file to other bytes: then more pieces travel, and nothing else happens.
"""

import hashlib
import io
import zipfile
from typing import BinaryIO, NamedTuple

from gen_core.spec.errors import VerificationError
from targets.protocol import mcuboot
from targets.protocol.window import Window

MAX_PIECE_BYTES = 1 << 20  # read, hashed and written by a slow card within the time that a client waits
MIN_PIECE_BYTES = 256  # what is smaller travels: asking for it costs about as much


class Piece(NamedTuple):
    """Bytes of a book's file: where they begin, and how many there are."""

    offset: int
    size: int

    @property
    def end(self) -> int:
        return self.offset + self.size


def cut(file: BinaryIO) -> list[Piece]:
    """The pieces of an image's file, in their order and without gaps; none if it holds no ZIP. Nothing is verified."""
    try:
        header, size = _header(file), file.seek(0, io.SEEK_END)
        with zipfile.ZipFile(Window(file, header.size, header.payload_size)) as archive:
            starts = sorted(entry.header_offset + header.size for entry in archive.infolist())
            starts.append(archive.start_dir + header.size)
    except Exception:  # of a file that is no book anything may be raised; then it has no pieces
        return []
    bounds = [0, *starts, size]
    if any(a > b for a, b in zip(bounds, bounds[1:], strict=False)):
        return []
    return [piece for a, b in zip(bounds, bounds[1:], strict=False) for piece in _steps(a, b)]


def hash_of(data: bytes) -> bytes:
    """What names a piece: its SHA-256."""
    return hashlib.sha256(data).digest()


def read(file: BinaryIO, piece: Piece) -> bytes:
    """The bytes of a piece."""
    file.seek(piece.offset)
    return file.read(piece.size)


def _header(file: BinaryIO) -> mcuboot.Header:
    file.seek(0)
    start = file.read(mcuboot.HEADER.size)
    if len(start) < mcuboot.HEADER.size:
        raise VerificationError("too short for an image")
    return mcuboot.read_header(start)


def _steps(start: int, end: int) -> list[Piece]:
    return [Piece(at, min(MAX_PIECE_BYTES, end - at)) for at in range(start, end, MAX_PIECE_BYTES)]
