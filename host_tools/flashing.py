"""Flashing, from file to sounding board: verify here, upload, try, wait until it sounds, keep."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gen_core.spec.errors import RefusedError
from host_tools.device import Device
from host_tools.progress import Progress
from host_tools.replies import NotSupported
from host_tools.uploading import upload
from targets import boards
from targets.protocol import book as books

BACK_TIMEOUT_S = 60.0  # a slow board loads its graphs
HEALTH_TIMEOUT_S = 10.0  # a start may miss a few blocks


@dataclass(frozen=True)
class Flashable:
    """A book that was verified here, with its bytes."""

    data: bytes
    book: books.Book


@dataclass(frozen=True)
class FlashReport:
    """What was flashed.

    `copied_bytes` did not travel, the board had them in a book; `resumed_bytes` came in an upload that was cut off.

    `wire_bytes` counts both directions; `payload_ratio` is what travelled of the book, by them.
    """

    name: str
    version: str
    bytes: int
    copied_bytes: int
    resumed_bytes: int
    wire_bytes: int
    payload_ratio: float
    seconds: float
    confirmed: bool


def load(path: Path, trusted: Sequence[bytes]) -> Flashable:
    """Read and verify a book. VerificationError says what is wrong with it."""
    data = path.read_bytes()
    return Flashable(data, books.read(data, trusted))


def flash(
    device: Device, flashable: Flashable, progress: Progress, confirm: bool = True, slot: int = 1
) -> FlashReport:
    """Bring a book to the board and start it; `progress(done, total)` is called with bytes.

    Raises UsageError if the book does not fit the board, RefusedError if the board will not have it, does not play it,
    or does not play it well. The old book stays until the new one has sounded. `slot`: 0 and 1 both mean the one that
    does not play.
    """
    book, data, link = flashable.book, flashable.data, device.link
    books.check_board(book, boards.find(device.info()["board"]))
    wire_before, start_s = link.sent_bytes + link.received_bytes, time.monotonic()
    copied_bytes, resumed_bytes = upload(device, data, progress, slot)
    seconds = time.monotonic() - start_s
    wire_bytes = link.sent_bytes + link.received_bytes - wire_before
    device.test(book.image.hash)
    device.reset()
    check_playing(device.wait_until_back(BACK_TIMEOUT_S)["book"], book)
    await_health(device)
    check_playing(device.info()["book"], book)  # a board that was started again meanwhile is healthy with the old one
    if confirm:
        device.confirm()
        check_playing(next((slot for slot in device.slots() if slot.get("active")), None), book)
    name, version = str(book.manifest["name"]), str(book.manifest["version"])
    ratio = (len(data) - copied_bytes - resumed_bytes) / wire_bytes
    counts = (len(data), copied_bytes, resumed_bytes, wire_bytes)
    return FlashReport(name, version, *counts, ratio, seconds, confirm)


def check_playing(playing: Mapping[str, Any] | None, book: books.Book) -> None:
    """RefusedError unless this book plays."""
    if not playing or playing["hash"] != book.image.hash:
        raise RefusedError("the board went back to its old book", "see what the board logs about the new one")


def await_health(device: Device) -> None:
    """Wait until the board says that all is well with the new book; RefusedError, and the old one back, if it is not.

    Health is of what the board does by itself: it does not hang on cables, so none of them can cause a revert.
    """
    ends_s = time.monotonic() + HEALTH_TIMEOUT_S
    while True:
        try:
            health = device.check_health()
        except NotSupported:  # an older board: that it sounds must do
            return
        if health["ok"]:
            return
        if time.monotonic() > ends_s:
            break
        time.sleep(0.2)
    device.reset()
    device.wait_until_back(BACK_TIMEOUT_S)
    reasons = "; ".join(map(str, health.get("reasons", ())))
    raise RefusedError(f"the new book does not play well ({reasons}), the old one is back", "see what the board logs")
