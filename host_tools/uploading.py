"""Sending a book over SMP: one chunk at a time, from wherever the board says it is, and only what it does not hold.

The first chunk carries the whole book's SHA-256, so a board that has part of it already answers with its offset: an
upload that was cut off goes on, whether an answer got lost, the cable was pulled, or this program was killed. Where
a piece of the book begins (`targets.protocol.pieces`) the board is asked whether it holds those bytes in a book of its
own; what it can copy does not travel.
"""

import hashlib
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from gen_core.spec.errors import BoardTimeoutError, NoBoardError, RefusedError
from host_tools.progress import Progress
from host_tools.replies import NotSupported
from targets.protocol import mcuboot, pieces, smp

if TYPE_CHECKING:
    from host_tools.device import Device

FRAME_BYTES = 48  # of a message: header, length and checksum, the names and numbers around the data
FIRST_FRAME_BYTES = 64  # of the first one as well: slot, total length, hash
SETBACKS = 20  # in a row, without one byte gained: then the line is not bad but broken
BAD_LINE = 32  # losses: one damaged frame of 65,536 passes for sound, and after so many it is worth another try
SMALLEST_CHUNK, GROWTH = 128, 1.25  # bytes; what is lost halves the next chunk, what arrives lets it grow again
# An answer is given up after so many times what the slowest of late took, but not sooner than a busy board may need. On
# a bad line nearly all time is spent waiting for what is lost; to ask too soon costs one chunk, sent again.
SOONEST_S, SLOWER = 0.05, 4.0


class Uploaded(NamedTuple):
    """How it went. `copied_bytes` the board took from a book of its own, `resumed_bytes` it had from a cut upload."""

    copied_bytes: int
    resumed_bytes: int


class Footing:
    """How large a chunk may be and how long an answer may take, by how the line has been."""

    def __init__(self, room: int, timeout_s: float) -> None:
        self._most, self.room, self._longest_s = room, float(room), timeout_s
        self.timeout_s, self._slowest_s = timeout_s, 0.0
        self.setbacks = self.losses = 0  # in a row, and in all

    def gained(self, waited_s: float) -> None:
        """A chunk has arrived, and was answered so soon after it had left."""
        self.setbacks = 0
        self.room = min(self.room * GROWTH, self._most)
        self._slowest_s = max(waited_s, 0.9 * self._slowest_s)
        self.timeout_s = min(max(SLOWER * self._slowest_s, SOONEST_S), self._longest_s)

    def lost(self) -> bool:
        """One was lost; False when there have been too many in a row."""
        self.setbacks, self.losses = self.setbacks + 1, self.losses + 1
        self.room = max(self.room / 2, SMALLEST_CHUNK)
        self.timeout_s = min(2.0 * self.timeout_s, self._longest_s)
        return self.setbacks <= SETBACKS


class Uploading:
    """One book on its way: what it is made of, and what the board is known not to hold."""

    def __init__(self, data: bytes, slot: int = 1) -> None:
        self.data = data
        self._opening = {"image": slot, "len": len(data), "sha": hashlib.sha256(data).digest()}
        self._askable = {
            piece.offset: piece for piece in pieces.cut(io.BytesIO(data)) if piece.size >= pieces.MIN_PIECE_BYTES
        }
        self.copied_bytes = 0
        self.resumed_bytes: int | None = None  # that were there when it was opened
        self.resumed = False  # something was there, then or after a loss of the connection

    def request(self, offset: int | None, room: int) -> tuple[int, int, dict[str, Any]]:
        """What to ask when the board wants the byte at `offset`; None opens the upload. Group, command, payload.

        `room`: how many bytes of data a message may hold.
        """
        if offset is None:
            chunk = self._chunk(0, max(room - FIRST_FRAME_BYTES, mcuboot.HEADER.size))
            return smp.Group.IMAGE, smp.ImageCommand.UPLOAD, self._opening | chunk
        piece = self._askable.get(offset)
        if piece is None:
            return smp.Group.IMAGE, smp.ImageCommand.UPLOAD, self._chunk(offset, room)
        sha = pieces.hash_of(self.data[offset : piece.end])
        return smp.Group.LIMONAIRE, smp.LimonaireCommand.COPY, {"off": offset, "size": piece.size, "sha": sha}

    def answered(self, asked: dict[str, Any], offset: int) -> bool:
        """Take note of an answer; False if the board did not go on though it was given something."""
        if "len" in asked:
            self._resume(offset if offset > len(asked["data"]) else 0)
        elif "sha" in asked:
            self.copied_bytes += max(0, offset - asked["off"])
            self._askable.pop(asked["off"], None)
            return True
        return offset != asked["off"]

    def copy_no_more(self) -> None:
        """The board does not know how to."""
        self._askable.clear()

    def _resume(self, offset: int) -> None:
        self.resumed = self.resumed or offset > 0
        if self.resumed_bytes is None:
            self.resumed_bytes = offset

    def _chunk(self, offset: int, room: int) -> dict[str, Any]:
        """As much as fits, but only to where the next piece begins that the board may hold."""
        end = min(self._starts_behind(offset), default=len(self.data))
        return {"off": offset, "data": self.data[offset : min(offset + room, end)]}

    def _starts_behind(self, offset: int) -> Iterator[int]:
        return (start for start in self._askable if start > offset)


def upload(device: "Device", data: bytes, progress: Progress, slot: int = 1) -> Uploaded:
    """Bring `data` into the slot that does not play; `progress(done, total)` in bytes.

    Raises RefusedError if the board will not have it, BoardTimeoutError or NoBoardError if the line stays broken.
    """
    footing = Footing(device.buffer_bytes() - FRAME_BYTES, device.timeout_s)
    for _ in range(2):
        uploading = Uploading(data, slot)
        if _arrived(device, uploading, footing, progress):
            return Uploaded(uploading.copied_bytes, uploading.resumed_bytes or 0)
        # What was there from before may have suffered, or a damaged frame was taken for sound; all is thrown away now.
        if not uploading.resumed and footing.losses < BAD_LINE:
            break
    raise RefusedError("the board does not accept the book", "sign it with a key that the board trusts")


def _arrived(device: "Device", uploading: Uploading, footing: Footing, progress: Progress) -> bool:
    """Bring the book over once; False if the board has all of it and does not accept it."""
    data = uploading.data
    offset: int | None = None  # None: the upload is to be opened, and the board says where it is
    while offset is None or offset < len(data):
        group, command, asked = uploading.request(offset, int(footing.room))
        try:
            answer = device.ask(smp.Op.WRITE, group, command, asked, timeout_s=footing.timeout_s)
        except NotSupported:
            if group != smp.Group.LIMONAIRE:
                raise
            uploading.copy_no_more()
            continue
        except (BoardTimeoutError, NoBoardError) as error:
            if not footing.lost():
                raise
            if isinstance(error, NoBoardError):
                device.reconnect()
                offset = None
            continue
        if answer.get("match") is False:
            return False
        offset = int(answer["off"])
        if uploading.answered(asked, offset):
            footing.gained(device.link.waited_s)
        elif not footing.lost():
            raise RefusedError(f"the board takes nothing after byte {offset}", "reset the board and flash again")
        progress(offset, len(data))
        offset = offset or None  # at 0 again it has forgotten what this is about
    return True
