"""The board's folder, seen as the few operations whose order a power cut can tear apart.

Everything that must survive goes through here, so that a test can stop the world after any one of them.
"""

import os
from pathlib import Path
from typing import BinaryIO


class Storage:
    """Flat files in one folder. Content lasts after `sync`, a name (new, moved or gone) after `sync_names`."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self.root.mkdir(parents=True, exist_ok=True)

    def read(self, name: str) -> bytes | None:
        """Whole content, or None if there is no such file."""
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            return None

    def open(self, name: str) -> BinaryIO | None:
        """The content to be read in parts, or None if there is no such file. Whoever opens it closes it."""
        try:
            return (self.root / name).open("rb")
        except FileNotFoundError:
            return None

    def read_piece(self, name: str, offset: int, count: int) -> bytes:
        """At most `count` bytes from `offset` on. FileNotFoundError if there is no such file."""
        with open(self.root / name, "rb") as file:
            file.seek(offset)
            return file.read(count)

    def names(self) -> list[str]:
        """Every file's name."""
        return os.listdir(self.root)

    def size(self, name: str) -> int | None:
        """Length in bytes, or None if there is no such file."""
        try:
            return (self.root / name).stat().st_size
        except FileNotFoundError:
            return None

    def create_private(self, name: str) -> None:
        """Make an empty file that only the board's user may read; it stays so when it is written and renamed."""
        os.close(os.open(self.root / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))

    def write(self, name: str, data: bytes) -> None:
        """Make the file hold exactly `data`; what it held before is gone."""
        (self.root / name).write_bytes(data)

    def append(self, name: str, data: bytes) -> None:
        """Add `data` at the end."""
        with open(self.root / name, "ab") as file:
            file.write(data)

    def sync(self, name: str) -> None:
        """Return when the file's content is on the card."""
        _fsync(self.root / name, os.O_RDWR)

    def rename(self, old: str, new: str) -> None:
        """Move `old` over `new` in one step."""
        os.replace(self.root / old, self.root / new)

    def remove(self, name: str) -> None:
        """Take the file away; no error if it is not there."""
        (self.root / name).unlink(missing_ok=True)

    def sync_names(self) -> None:
        """Return when every rename and removal is on the card."""
        _fsync(self.root, os.O_RDONLY)


def write_atomic(storage: Storage, name: str, data: bytes, private: bool = False) -> None:
    """Replace a small file so that after a power cut it is either the old or the new one, whole.

    Each of the steps is needed: without either fsync, confirmed books were lost or half-written state was read back in
    a simulation of 2,880 cuts. The removal is for a rename that was cut in half and left both names on one file.
    """
    fresh = name + ".new"
    storage.remove(fresh)
    if private:
        storage.create_private(fresh)
    storage.write(fresh, data)
    storage.sync(fresh)
    storage.rename(fresh, name)
    storage.sync_names()


def _fsync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
