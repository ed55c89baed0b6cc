"""Flashing, from file to sounding board: verify here, upload, try, wait until it sounds, keep."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gen_core.spec.errors import RefusedError
from host_tools.device import Device
from host_tools.progress import Progress
from host_tools.uploading import upload
from targets import boards
from targets.protocol import book as books

BACK_TIMEOUT_S = 60.0  # a slow board loads its graphs


@dataclass(frozen=True)
class Flashable:
    """A book that was verified here, with its bytes."""

    data: bytes
    book: books.Book


@dataclass(frozen=True)
class FlashReport:
    """What was flashed. `wire_bytes` counts both directions, `payload_ratio` is bytes / wire_bytes of the upload."""

    name: str
    version: str
    bytes: int
    wire_bytes: int
    payload_ratio: float
    seconds: float
    confirmed: bool


def load(path: Path, trusted: Sequence[bytes]) -> Flashable:
    """Read and verify a book. VerificationError says what is wrong with it."""
    data = path.read_bytes()
    return Flashable(data, books.read(data, trusted))


def flash(device: Device, flashable: Flashable, progress: Progress, confirm: bool = True) -> FlashReport:
    """Bring a book to the board and start it; `progress(done, total)` is called with bytes.

    Raises UsageError if the book does not fit the board, RefusedError if the board will not have it or does not play
    it. The old book stays until the new one has sounded.
    """
    book, data, link = flashable.book, flashable.data, device.link
    books.check_board(book, boards.find(device.info()["board"]))
    wire_before, start_s = link.sent_bytes + link.received_bytes, time.monotonic()
    upload(device, data, progress)
    seconds = time.monotonic() - start_s
    wire_bytes = link.sent_bytes + link.received_bytes - wire_before
    device.test(book.image.hash)
    device.reset()
    playing = device.wait_until_back(BACK_TIMEOUT_S)["book"]
    if not playing or playing["hash"] != book.image.hash:
        raise RefusedError("the board went back to its old book", "see what the board logs about the new one")
    if confirm:
        device.confirm()
    name, version = str(book.manifest["name"]), str(book.manifest["version"])
    return FlashReport(name, version, len(data), wire_bytes, len(data) / wire_bytes, seconds, confirm)
