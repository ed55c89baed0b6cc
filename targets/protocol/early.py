"""The manifest of a book that is still arriving: it comes first, so that what is not for this board need not come.

Nothing here is verified. It may serve to refuse a book before the rest has crossed the cable, and for nothing else.
"""

import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

from targets.protocol.book import MANIFEST

# of a file in a ZIP: signature, version, flags, method, time, date, crc, sizes packed and unpacked, of name and extra
LOCAL = struct.Struct("<4sHHHHHIIIHH")
MAX_BYTES = 1 << 22  # packed as well as unpacked; a manifest has some 300 kB
SIZE_COMES_LATER = 1 << 3  # a flag: it was not known when the file was written


class EarlyManifest:
    """Takes a book's payload from its first byte until the manifest is there. `waiting` is false when there is no more
    to come: it was found, or lies elsewhere."""

    def __init__(self) -> None:
        self.waiting = True
        self._start = bytearray()
        self._begins = 0  # where the packed manifest lies
        self._ends = 0  # 0 while that is not known

    def feed(self, data: bytes) -> Mapping[str, Any] | None:
        """Take the next bytes; the manifest when these complete it, else None. Never an error."""
        if not self.waiting:
            return None
        self._start += data
        if not self._ends and len(self._start) >= LOCAL.size:
            self._read_local()
        if not self.waiting or not self._ends or len(self._start) < self._ends:
            return None
        name, packed = self._start[LOCAL.size :][: len(MANIFEST)], bytes(self._start[self._begins : self._ends])
        self._give_up()
        return self._unpacked(packed) if name == MANIFEST.encode() else None

    def _read_local(self) -> None:
        magic, _, flags, self._method, *_, size, _, name_size, extra_size = LOCAL.unpack_from(self._start)
        if magic != b"PK\3\4" or flags & SIZE_COMES_LATER or name_size != len(MANIFEST) or size > MAX_BYTES:
            self._give_up()
            return
        self._begins = LOCAL.size + name_size + extra_size
        self._ends = self._begins + size

    def _unpacked(self, packed: bytes) -> Mapping[str, Any] | None:
        try:
            unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
            text = unpacker.decompress(packed, MAX_BYTES) if self._method == zipfile.ZIP_DEFLATED else packed
            manifest = json.loads(text)
        except (zlib.error, ValueError, RecursionError):
            return None
        return manifest if isinstance(manifest, dict) else None

    def _give_up(self) -> None:
        self.waiting = False
        self._start = bytearray()
