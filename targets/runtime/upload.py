"""A book arriving in pieces: kept on the card with its hash, so that a broken upload goes on where it stopped.

`part.book` is what has arrived, `part.json` says of what. Nothing of a slot changes before the whole book has been
verified; then one rename puts it there.
"""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from gen_core.spec.errors import LimonaireError, VerificationError
from targets.protocol import book as books
from targets.protocol import mcuboot, smp
from targets.runtime.rejection import Rejection
from targets.runtime.slots import Slots, file_name
from targets.runtime.storage import write_atomic

PART, RECORD = "part.book", "part.json"
SYNC_BYTES = 256 * 1024  # in slices, because the client waits only 2 s for the last reply


@dataclass(frozen=True)
class Arrival:
    """What is arriving: length in bytes and SHA-256 in hex ("" if the client did not say; then it cannot resume)."""

    length: int
    sha: str


class Upload:
    """Receives one book at a time into the spare slot."""

    def __init__(self, slots: Slots) -> None:
        self.slots, self.storage, self.log = slots, slots.storage, slots.log
        self.arrival: Arrival | None = None
        self.offset = 0
        self._in_place = False  # it has arrived whole and lies in the spare slot
        self._digest = hashlib.sha256()
        self._unsynced = 0
        self._pick_up()

    def chunk(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Handle one request; the reply names the offset of the next byte wanted. Rejection when it cannot be."""
        offset, data = request.get("off"), request.get("data")
        if not _is_count(offset) or not isinstance(data, bytes):
            raise Rejection(smp.ReturnCode.EINVAL, "an upload needs off and data")
        try:
            if offset == 0 and "len" in request:
                self._begin(request, data)
            elif self.arrival and offset == self.offset:
                self._take(data)
            return self._reply()
        except OSError as error:  # most likely the card is full: make room
            with contextlib.suppress(OSError):
                self.abandon()
            raise Rejection(smp.ImageError.FLASH_WRITE_FAILED, str(error), smp.Group.IMAGE) from None

    def abandon(self) -> None:
        """Forget what has arrived."""
        self.arrival, self.offset, self._in_place = None, 0, False
        self.storage.remove(RECORD)
        self.storage.remove(PART)

    def _begin(self, request: Mapping[str, Any], data: bytes) -> None:
        length, sha = request.get("len"), request.get("sha") or b""
        if not _is_count(length) or not isinstance(sha, bytes):
            raise Rejection(smp.ReturnCode.EINVAL, "an upload needs len, and sha must be bytes")
        if request.get("image") not in (None, 0, 1):
            raise Rejection(smp.ImageError.INVALID_SLOT, "there are slots 0 and 1", smp.Group.IMAGE)
        self.slots.check_writable()
        arrival = Arrival(length, sha.hex())
        if sha and arrival == self.arrival:
            self.log.say(f"upload goes on at byte {self.offset} of {length}")
            return
        self._check_header(length, data, only_newer=request.get("upgrade") is True)
        self.arrival, self.offset, self._unsynced, self._in_place = arrival, 0, 0, False
        self._digest = hashlib.sha256()
        self.storage.remove(PART)  # after a rename that was cut in half it may be another name of a slot's book
        self.storage.write(PART, b"")
        write_atomic(self.storage, RECORD, json.dumps({"len": length, "sha": arrival.sha}).encode())
        self._take(data)

    def _check_header(self, length: int, data: bytes, only_newer: bool) -> None:
        """Say no to what can never be taken before it crosses the cable."""
        limit_bytes = self.slots.board.max_book_bytes
        if length > limit_bytes:
            cause = f"{length} bytes, and this board takes {limit_bytes}"
            raise Rejection(smp.ImageError.TOO_LARGE, cause, smp.Group.IMAGE)
        code = smp.ImageError.INVALID_MAGIC
        try:
            if not data:
                raise VerificationError("an upload begins with data")
            mcuboot.check_start(data)
            code = smp.ImageError.INVALID_HEADER
            header = mcuboot.read_header(data, limit_bytes) if len(data) >= mcuboot.HEADER.size else None
        except VerificationError as error:
            raise Rejection(code, error.cause, smp.Group.IMAGE) from None
        playing = self.slots.held(self.slots.active)
        if only_newer and header and playing and header.version[:3] <= playing.version[:3]:
            cause = f"version {playing.version} plays, and only a newer one is wanted"
            raise Rejection(smp.ImageError.NEWER_IS_PLAYING, cause, smp.Group.IMAGE)

    def _take(self, data: bytes) -> None:
        assert self.arrival is not None
        if self.offset + len(data) > self.arrival.length:
            raise Rejection(smp.ImageError.DATA_OVERRUN, "more data than announced", smp.Group.IMAGE)
        self.storage.append(PART, data)
        self._digest.update(data)
        self.offset += len(data)
        self._unsynced += len(data)
        if self._unsynced >= SYNC_BYTES:
            self.storage.sync(PART)
            self._unsynced = 0

    def _reply(self) -> dict[str, Any]:
        offset = self.offset
        if self.arrival is None or offset < self.arrival.length:
            return {"off": offset}
        if not self._in_place:  # else only the last answer was lost
            self._in_place = self._finish(self.arrival)
        if self._in_place:
            return {"off": offset, "match": True}
        self.abandon()
        return {"off": offset, "match": False}

    def _finish(self, arrival: Arrival) -> bool:
        """Verify what has arrived and move it into its slot. False, and nothing changed, if it is not to be trusted."""
        try:
            if arrival.sha and self._digest.hexdigest() != arrival.sha:
                raise Rejection(smp.ReturnCode.ECORRUPT, "the data does not have the announced hash")
            book = books.read(self.storage.read(PART) or b"", self.slots.trusted)
            books.check_board(book, self.slots.board)
            slot = self.slots.check_writable()
        except LimonaireError as error:
            self.log.say(f"upload refused: {error}")
            return False
        self.storage.sync(PART)
        self.storage.rename(PART, file_name(slot))
        self.storage.remove(RECORD)
        self.storage.sync_names()
        self.slots.moved_in(slot, book)
        self.log.say(f"slot {slot} now holds {book.manifest.get('name')} {book.image.version}")
        return True

    def _pick_up(self) -> None:
        """Find what a previous life left behind."""
        try:
            record, part = self.storage.read(RECORD), self.storage.read(PART)
            if record is None or part is None:
                return
            values = json.loads(record)
            arrival = Arrival(int(values["len"]), str(values["sha"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            self.log.say(f"{RECORD} cannot be read ({error}): uploads start from the beginning")
            return
        if arrival.sha and len(part) <= arrival.length:
            self.arrival, self.offset = arrival, len(part)
            self._digest.update(part)


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
