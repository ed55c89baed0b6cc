"""A book arriving in pieces: verified on the way, and kept, so that a broken upload goes on where it stopped.

`part.book` is what has arrived, `part.json` says of what. Nothing of a slot changes before the whole book has been
verified; then one rename puts it there. All hashing is done as the bytes come, because a client waits only 2 s for the
last reply, however large the book is.
"""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeGuard

from gen_core.spec.errors import LimonaireError, UsageError, VerificationError
from targets.protocol import book as books
from targets.protocol import mcuboot, smp
from targets.protocol.early import EarlyManifest
from targets.runtime.rejection import Rejection
from targets.runtime.slots import Slots, file_name
from targets.runtime.sources import Sources
from targets.runtime.storage import write_atomic

PART, RECORD = "part.book", "part.json"
SYNC_BYTES = 256 * 1024  # in slices, for the same reason


@dataclass(frozen=True)
class Arrival:
    """What is arriving: length in bytes and SHA-256 in hex ("" if the client did not say; then it cannot resume)."""

    length: int
    sha: str


class Upload:
    """Receives one book at a time into the spare slot."""

    def __init__(self, slots: Slots) -> None:
        self.slots, self.storage, self.log = slots, slots.storage, slots.log
        self.sources = Sources(slots)
        self.arrival: Arrival | None = None
        self._in_place = False  # it has arrived whole and lies in the spare slot
        self._behind: BinaryIO | None = None  # what a previous life took, while it is being read again
        self._start_anew()
        self._pick_up()

    def chunk(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Handle one request; the reply names the offset of the next byte wanted. Rejection when it cannot be."""
        offset, data = request.get("off"), request.get("data")
        if not _is_count(offset) or not isinstance(data, bytes):
            raise Rejection(smp.ReturnCode.EINVAL, "an upload needs off and data")
        while self.catching_up:
            self.catch_up()
        with self._making_room():
            if offset == 0 and "len" in request:
                self._begin(request, data)
            elif self.arrival and offset == self.offset:
                self._take(data)
            return self._reply()

    def copy(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Take the next piece from a book that is here, if one holds it; the reply is that of a chunk."""
        offset, size, sha = request.get("off"), request.get("size"), request.get("sha")
        if not _is_count(offset) or not _is_count(size) or not isinstance(sha, bytes):
            raise Rejection(smp.ReturnCode.EINVAL, "a copy needs off, size and sha")
        while self.catching_up:
            self.catch_up()
        with self._making_room():
            if self.arrival and offset == self.offset:
                data = self.sources.find(size, sha)
                if data is not None:
                    self._take(data)
            return self._reply()

    def abandon(self) -> None:
        """Forget what has arrived."""
        self.arrival, self._in_place = None, False
        self._start_anew()
        self.sources.forget(self.slots.spare)  # it may have been erased
        self.storage.remove(RECORD)
        self.storage.remove(PART)

    @contextlib.contextmanager
    def _making_room(self) -> Any:
        """A card that is full takes no more of this book: what has arrived goes."""
        try:
            yield
        except OSError as error:
            with contextlib.suppress(OSError):
                self.abandon()
            raise Rejection(smp.ImageError.FLASH_WRITE_FAILED, str(error), smp.Group.IMAGE) from None

    @property
    def catching_up(self) -> bool:
        """True while what a previous life took is not yet read again."""
        return self._behind is not None

    def catch_up(self) -> None:
        """Read and hash a slice of it. Called between requests, so that a board with a large one answers at once."""
        if self._behind is None:
            return
        try:
            data = self._behind.read(mcuboot.SLICE_BYTES)
            self._look(data)
            self.offset += len(data)
            if data:
                return
        except (OSError, LimonaireError) as error:
            self.log.say(f"{PART} cannot be used ({error}): uploads start from the beginning")
            self.arrival = None
        if self.arrival and self.offset <= self.arrival.length:
            self._let_go()
        else:
            self.arrival = None
            self._start_anew()

    def _let_go(self) -> None:
        if self._behind is not None:
            self._behind.close()
        self._behind = None

    def _start_anew(self) -> None:
        self._let_go()
        self.offset = self._unsynced = 0
        size_bytes = self.arrival.length if self.arrival else None
        self._arriving = mcuboot.Arriving(self.slots.board.max_book_bytes, size_bytes)
        self._early = EarlyManifest()

    def _begin(self, request: Mapping[str, Any], data: bytes) -> None:
        length, sha = request.get("len"), request.get("sha") or b""
        if not _is_count(length) or not isinstance(sha, bytes):
            raise Rejection(smp.ReturnCode.EINVAL, "an upload needs len, and sha must be bytes")
        if request.get("image") not in (None, 0, 1):
            raise Rejection(smp.ImageError.INVALID_SLOT, "there are slots 0 and 1", smp.Group.IMAGE)
        self.slots.check_writable()
        arrival = Arrival(length, sha.hex())
        if sha and arrival == self.arrival and self.offset:
            self.log.say(f"upload goes on at byte {self.offset} of {length}")
            return
        self._check_header(length, data, only_newer=request.get("upgrade") is True)
        self.arrival, self._in_place = arrival, False
        self._start_anew()
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
            code = smp.ImageError.INVALID_LENGTH
            if header:
                mcuboot.check_size(header, length)
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
        try:
            self._look(data)
        except LimonaireError as error:  # it can never become a book of this board: the rest need not come
            self.abandon()
            raise Rejection(smp.ReturnCode.EINVAL, str(error)) from None
        self.storage.append(PART, data)
        self.offset += len(data)
        self._unsynced += len(data)
        if self._unsynced >= SYNC_BYTES:
            self.storage.sync(PART)
            self._unsynced = 0

    def _look(self, data: bytes) -> None:
        """Hash it, and see whether it can still be a book for this board. VerificationError, UsageError if not."""
        manifest = self._early.feed(self._arriving.feed(data))
        if manifest is not None:
            books.check_early(manifest, self.slots.board)

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
        """Move what has arrived into its slot. False, and nothing changed, if it is not to be trusted."""
        try:
            if arrival.sha and self._arriving.sha.hex() != arrival.sha:
                raise VerificationError("the data does not have the announced hash", mcuboot.AGAIN)
            book = self._verified()
            books.check_board(book, self.slots.board)
            self.slots.check_counter(book.image.counter)
            slot = self.slots.check_writable()
        except Rejection:
            self.abandon()
            raise
        except (VerificationError, UsageError) as error:
            self.log.say(f"upload refused: {error}")
            return False
        self.storage.sync(PART)
        self.storage.rename(PART, file_name(slot))
        self.storage.remove(RECORD)
        self.storage.sync_names()
        self.slots.moved_in(slot, book)
        self.sources.forget(slot)
        self.log.say(f"slot {slot} now holds {book.manifest.get('name')} {book.image.version}")
        return True

    def _verified(self) -> books.Contents:
        image = self._arriving.finish()
        if self.slots.trusted is not None:
            mcuboot.check_signature(image, self.slots.trusted)
        file = self.storage.open(PART)
        if file is None:
            raise VerificationError("what has arrived is gone from the card", "flash it again")
        with file:
            return books.Contents(books.manifest_in(file, image.header), image)

    def _pick_up(self) -> None:
        """Find what a previous life left behind; `catch_up` reads it. Only a whole hash says that it is resumed."""
        try:
            record = self.storage.read(RECORD)
            values: dict[str, Any] = json.loads(record) if record is not None else {"len": 0, "sha": ""}
            arrival = Arrival(int(values["len"]), str(values["sha"]))
            if arrival.sha:
                self.arrival = arrival
                self._start_anew()
                self._behind = self.storage.open(PART)
        except (OSError, ValueError, KeyError, TypeError) as error:
            self.log.say(f"{RECORD} cannot be used ({error}): uploads start from the beginning")
        if self._behind is None:
            self.arrival = None


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
