"""Sending a book over SMP: one chunk at a time, from wherever the board says it is, and only what it does not hold.

The first chunk carries the whole book's SHA-256, so a board that has part of it already answers with its offset: an
upload that was cut off goes on, whether an answer got lost, the cable was pulled, or this program was killed. Where
a piece of the book begins (`targets.protocol.pieces`) the board is asked whether it holds those bytes in a book of its
own; what it can copy does not travel.
"""

import hashlib
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gen_core.spec.errors import BoardTimeoutError, NoBoardError, RefusedError
from host_tools.progress import Progress
from host_tools.replies import NotSupported
from targets.protocol import pieces, smp

if TYPE_CHECKING:
    from host_tools.device import Device

FRAME_BYTES = 48  # of a message: header, length and checksum, the names and numbers around the data
FIRST_FRAME_BYTES = 64  # of the first one as well: slot, total length, hash
SETBACKS = 20  # a line that flips one bit in 10,000 bytes loses about ten answers for each book of some MB


class Uploading:
    """One book on its way: what it is made of, and what the board is known not to hold."""

    def __init__(self, data: bytes, room: int, slot: int = 1) -> None:
        self.data, self._room = data, room
        self._opening = {"image": slot, "len": len(data), "sha": hashlib.sha256(data).digest()}
        self._askable = {
            piece.offset: piece for piece in pieces.cut(io.BytesIO(data)) if piece.size >= pieces.MIN_PIECE_BYTES
        }
        self.copied_bytes = 0

    def request(self, offset: int | None) -> tuple[int, int, dict[str, Any]]:
        """What to ask when the board wants the byte at `offset`; None opens the upload. Group, command, payload."""
        if offset is None:
            chunk = self._chunk(0, self._room - FIRST_FRAME_BYTES)
            return smp.Group.IMAGE, smp.ImageCommand.UPLOAD, self._opening | chunk
        piece = self._askable.get(offset)
        if piece is None:
            return smp.Group.IMAGE, smp.ImageCommand.UPLOAD, self._chunk(offset, self._room)
        sha = pieces.hash_of(self.data[offset : piece.end])
        return smp.Group.LIMONAIRE, smp.LimonaireCommand.COPY, {"off": offset, "size": piece.size, "sha": sha}

    def answered(self, asked: dict[str, Any], offset: int) -> bool:
        """Take note of an answer; False if the board did not go on though it was given something."""
        if "sha" in asked and "len" not in asked:
            self.copied_bytes += max(0, offset - asked["off"])
            self._askable.pop(asked["off"], None)
            return True
        return offset != asked["off"]

    def copy_no_more(self) -> None:
        """The board does not know how to."""
        self._askable.clear()

    def _chunk(self, offset: int, room: int) -> dict[str, Any]:
        """As much as fits, but only to where the next piece begins that the board may hold."""
        end = min(self._starts_behind(offset), default=len(self.data))
        return {"off": offset, "data": self.data[offset : min(offset + room, end)]}

    def _starts_behind(self, offset: int) -> Iterator[int]:
        return (start for start in self._askable if start > offset)


def upload(device: "Device", data: bytes, progress: Progress, slot: int = 1) -> int:
    """Bring `data` into the slot that does not play; `progress(done, total)` in bytes. Returns the bytes copied there.

    Raises RefusedError if the board will not have it, BoardTimeoutError or NoBoardError if the line stays broken.
    """
    uploading = Uploading(data, device.buffer_bytes() - FRAME_BYTES, slot)
    offset: int | None = None  # None: the board must be asked where it is
    setbacks = 0
    while offset is None or offset < len(data):
        group, command, asked = uploading.request(offset)
        try:
            answer = device.ask(smp.Op.WRITE, group, command, asked)
        except NotSupported:
            if group != smp.Group.LIMONAIRE:
                raise
            uploading.copy_no_more()
            continue
        except (BoardTimeoutError, NoBoardError):
            setbacks += 1
            if setbacks > SETBACKS:
                raise
            device.reconnect()
            offset = None
            continue
        if answer.get("match") is False:
            raise RefusedError("the board does not accept the book", "sign it with a key that the board trusts")
        offset = int(answer["off"])
        if not uploading.answered(asked, offset) and (setbacks := setbacks + 1) > SETBACKS:
            raise RefusedError(f"the board takes nothing after byte {offset}", "reset the board and flash again")
        progress(offset, len(data))
        if offset == 0:  # it has forgotten what this is about
            offset = None
    return uploading.copied_bytes
