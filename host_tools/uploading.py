"""Sending a book over SMP: one chunk at a time, from wherever the board says it is.

The first chunk carries the whole book's SHA-256, so a board that has part of it already answers with its offset: an
upload that was cut off goes on, whether an answer got lost, the cable was pulled, or this program was killed.
"""

import hashlib
from typing import TYPE_CHECKING, Any

from gen_core.spec.errors import BoardTimeoutError, NoBoardError, RefusedError
from host_tools.progress import Progress
from targets.protocol import smp

if TYPE_CHECKING:
    from host_tools.device import Device

FRAME_BYTES = 48  # of a message: header, length and checksum, the names and numbers around the data
FIRST_FRAME_BYTES = 64  # of the first one as well: slot, total length, hash
SETBACKS = 20  # a line that flips one bit in 10,000 bytes loses about ten answers for each book of some MB


def upload(device: "Device", data: bytes, progress: Progress) -> None:
    """Bring `data` into the slot that does not play; `progress(done, total)` in bytes.

    Raises RefusedError if the board will not have it, BoardTimeoutError or NoBoardError if the line stays broken.
    """
    room = device.buffer_bytes() - FRAME_BYTES
    opening = {"image": 1, "len": len(data), "sha": hashlib.sha256(data).digest()}
    offset: int | None = None  # None: the board must be asked where it is
    setbacks = 0
    while True:
        try:
            request = opening | part(data, 0, room - FIRST_FRAME_BYTES) if offset is None else part(data, offset, room)
            answer = device.ask(smp.Op.WRITE, smp.Group.IMAGE, smp.ImageCommand.UPLOAD, request)
        except (BoardTimeoutError, NoBoardError):
            setbacks += 1
            if setbacks > SETBACKS:
                raise
            device.reconnect()
            offset = None
            continue
        if answer.get("match") is False:
            raise RefusedError("the board does not accept the book", "sign it with a key that the board trusts")
        if answer["off"] == offset and (setbacks := setbacks + 1) > SETBACKS:
            raise RefusedError(f"the board takes nothing after byte {offset}", "reset the board and flash again")
        offset = int(answer["off"])
        progress(offset, len(data))
        if offset >= len(data):
            return


def part(data: bytes, offset: int, room: int) -> dict[str, Any]:
    """The chunk of at most `room` bytes that begins at `offset`."""
    return {"off": offset, "data": data[offset : offset + room]}
