"""Pieces of books that are on the board already, so that they need not cross the cable again."""

from targets.protocol import pieces
from targets.runtime.boot_state import FACTORY, SLOTS
from targets.runtime.slots import Slots, file_name

MOST_HASHED_BYTES = 8 << 20  # for one request: a slow card reads that much while a client still waits


class Sources:
    """Looks for pieces in every slot. What has been cut and hashed is remembered until the slot changes."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._cuts: dict[str, list[pieces.Piece]] = {}  # by slot
        self._digests: dict[tuple[str, pieces.Piece], bytes] = {}

    def find(self, size: int, sha: bytes) -> bytes | None:
        """The `size` bytes whose SHA-256 is `sha`, or None if no book here is known to hold them."""
        left_bytes = MOST_HASHED_BYTES
        for slot in (self._slots.active, *SLOTS, FACTORY):
            for piece in self._cut(slot):
                if piece.size != size or self._digests.get((slot, piece), sha) != sha:
                    continue
                left_bytes -= size
                data = self._read(slot, piece)
                if data is not None and self._digests[slot, piece] == sha:
                    return data
                if left_bytes <= 0:
                    return None
        return None

    def forget(self, slot: str) -> None:
        """The slot holds another book now."""
        self._cuts.pop(slot, None)
        self._digests = {key: digest for key, digest in self._digests.items() if key[0] != slot}

    def _cut(self, slot: str) -> list[pieces.Piece]:
        if slot not in self._cuts:
            file = self._slots.storage.open(file_name(slot)) if slot else None
            if file is None:
                return []
            with file:
                self._cuts[slot] = pieces.cut(file)
        return self._cuts[slot]

    def _read(self, slot: str, piece: pieces.Piece) -> bytes | None:
        file = self._slots.storage.open(file_name(slot))
        if file is None:
            return None
        with file:
            data = pieces.read(file, piece)
        self._digests[slot, piece] = pieces.hash_of(data)
        return data
