"""Files that a host leaves on the board: flat names in one folder, bounded, each either whole or not there.

What arrives is collected in a part file and gets its name by one rename, so a power cut leaves the old file or the
new one. A part that was left behind is removed at the next start: without a hash nobody could go on with it.
"""

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from targets.protocol.smp import FsError, Group, ReturnCode
from targets.runtime.rejection import Rejection
from targets.runtime.storage import Storage

QUOTA_BYTES = 16 * 2**20  # all files together; a hash over them stays below the 2 s that a client waits
MAX_FILES = 64
SYNC_BYTES = 256 * 1024  # in slices, because the client waits only 2 s for the last reply
PREFIX, PART = "bundle.", "part.bundle"  # in the board's folder, beside slots and settings
_NAME = re.compile(r"(?!\.)[A-Za-z0-9_.-]{1,64}")  # no separator, so no way out of the folder


@dataclass
class _Arrival:
    name: str
    length: int
    offset: int = 0
    unsynced: int = 0
    in_place: bool = False


class Files:
    """The files by name. Raises Rejection with a code of SMP group 8, or a general one."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._arrival: _Arrival | None = None
        self._pictures: dict[str, bytes] = {}
        if storage.size(PART) is not None:
            storage.remove(PART)

    def names(self) -> list[str]:
        """All files, sorted."""
        return sorted(name.removeprefix(PREFIX) for name in self._storage.names() if name.startswith(PREFIX))

    def size(self, name: str) -> int:
        """Length in bytes."""
        size = self._storage.size(PREFIX + checked(name))
        if size is None:
            raise Rejection(FsError.FILE_NOT_FOUND, f"there is no file {name!r}", Group.FS)
        return size

    def read(self, name: str, offset: int, count: int) -> bytes:
        """At most `count` bytes from `offset` on."""
        self.size(name)
        return self._storage.read_piece(PREFIX + name, offset, count)

    def remove(self, name: str) -> None:
        """Take a file away, for good once this returns."""
        self.size(name)
        self._storage.remove(PREFIX + name)
        self._storage.sync_names()

    def take(self, name: str, offset: int, data: bytes, length: int | None) -> int:
        """One piece of an arriving file, with its `length` if it is the first; returns the offset that is wanted next.

        A piece from elsewhere than the wanted offset changes nothing: an answer was lost, and the client goes on from
        the one that it gets now.
        """
        if offset == 0:
            self._begin(checked(name), length)
        if self._arrival is None or self._arrival.name != name:
            raise Rejection(FsError.FILE_OFFSET_NOT_VALID, f"no upload of {name!r} is under way", Group.FS)
        if offset == self._arrival.offset:
            try:
                self._append(self._arrival, data)
            except OSError as error:  # most likely the card is full: make room
                with contextlib.suppress(OSError):
                    self.close()
                raise Rejection(FsError.FILE_WRITE_FAILED, str(error), Group.FS) from None
        return self._arrival.offset

    def picture(self, path: str, draw: Callable[[], bytes], afresh: bool) -> bytes:
        """What `draw` gives, kept from one `afresh` to the next, so that a download in pieces is of one piece."""
        if afresh or path not in self._pictures:
            self._pictures[path] = draw()
        return self._pictures[path]

    def close(self) -> None:
        """Forget pictures, and an upload that is not complete."""
        self._pictures.clear()
        if self._arrival and not self._arrival.in_place:
            self._storage.remove(PART)
        self._arrival = None

    def _begin(self, name: str, length: int | None) -> None:
        if length is None:
            raise Rejection(ReturnCode.EINVAL, "an upload begins with len")
        others = [other for other in self.names() if other != name]
        used_bytes = sum(self.size(other) for other in others)
        if used_bytes + length > QUOTA_BYTES or len(others) >= MAX_FILES:
            used = f"{len(others)} of {MAX_FILES} files, {used_bytes} of {QUOTA_BYTES} bytes"
            raise Rejection(ReturnCode.ENOMEM, f"{length} bytes do not fit: {used} are taken")
        self._arrival = _Arrival(name, length)
        self._storage.write(PART, b"")

    def _append(self, arrival: _Arrival, data: bytes) -> None:
        if arrival.offset + len(data) > arrival.length:
            raise Rejection(ReturnCode.EINVAL, "more data than announced")
        if arrival.in_place:
            return
        self._storage.append(PART, data)
        arrival.offset += len(data)
        arrival.unsynced += len(data)
        if arrival.unsynced >= SYNC_BYTES or arrival.offset == arrival.length:
            self._storage.sync(PART)
            arrival.unsynced = 0
        if arrival.offset == arrival.length:
            self._storage.rename(PART, PREFIX + arrival.name)
            self._storage.sync_names()
            arrival.in_place = True


def checked(name: str) -> str:
    """A name that a file may have, or a Rejection."""
    if not _NAME.fullmatch(name):
        raise Rejection(FsError.FILE_INVALID_NAME, f"a file cannot be called {name!r}", Group.FS)
    return name
