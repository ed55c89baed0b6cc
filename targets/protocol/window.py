"""A part of an open file as a file of its own: the payload inside an image."""

import io
from typing import BinaryIO


class Window(io.RawIOBase):
    """Reads `size` bytes of `file` from `start` on. It does not own the file."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move within the window; ValueError before its beginning."""
        at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if at < 0:
            raise ValueError(f"negative seek position {at}")
        self._at = at
        return at

    def tell(self) -> int:
        """Bytes from the window's beginning."""
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what RawIOBase hands over
        """Fill the buffer as far as there is anything."""
        self._file.seek(self._start + self._at)
        data = self._file.read(max(0, min(len(buffer), self._size - self._at)))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
