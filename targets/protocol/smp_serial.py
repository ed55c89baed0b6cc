"""SMP frames on a serial line: lines of base64, with length and checksum around the frame.

    line     = (06 09 | 04 14) base64 0A        the first line of a frame, every further one
    content  = u16 length | frame | u16 crc     big-endian; length counts frame and crc; CRC-16/XMODEM over the frame

Source: Zephyr, "SMP over console" and mcumgr's serial framing.
"""

import binascii
import struct

from gen_core.spec.errors import UsageError, WireError

START, CONTINUE, END = b"\x06\x09", b"\x04\x14", b"\n"
LINE_LENGTH = 128  # Zephyr's buffer for a line, terminator of a string included
MAX_FRAME_BYTES = 0xFFFF - 2
_LENGTH = struct.Struct("!H")


def to_lines(frame: bytes, line_length: int = LINE_LENGTH) -> bytes:
    """A frame as lines that are shorter than `line_length` bytes each, all of them in one piece."""
    if len(frame) > MAX_FRAME_BYTES:
        raise UsageError(f"a frame of {len(frame)} bytes is too large", f"send at most {MAX_FRAME_BYTES} at once")
    content = _LENGTH.pack(len(frame) + 2) + frame + _LENGTH.pack(binascii.crc_hqx(frame, 0))
    text = binascii.b2a_base64(content, newline=False)
    step = max(4, (line_length - 4) // 4 * 4)  # base64 is cut between its groups of four
    return START + (END + CONTINUE).join(text[at : at + step] for at in range(0, len(text), step)) + END


def wanted_characters(text: bytes) -> int:
    """How much base64 a frame has in all, by its first four characters. WireError if it can be no frame."""
    try:
        (length,) = _LENGTH.unpack_from(binascii.a2b_base64(text[:4], strict_mode=True))
    except (binascii.Error, struct.error):
        raise WireError("no frame begins so") from None
    if length < 2:
        raise WireError("a frame shorter than its checksum")
    return (_LENGTH.size + length + 2) // 3 * 4


def from_text(text: bytes) -> bytes:
    """The frame in the joined base64 of its lines. WireError if length or checksum differ."""
    try:
        content = binascii.a2b_base64(text, strict_mode=True)
        (length,) = _LENGTH.unpack_from(content)
    except (binascii.Error, struct.error):
        raise WireError("no base64") from None
    if length != len(content) - _LENGTH.size or length < 2:
        raise WireError(f"a frame announces {length} bytes and has {len(content) - _LENGTH.size}")
    if binascii.crc_hqx(content[_LENGTH.size :], 0) != 0:  # over frame and checksum together the remainder is 0
        raise WireError("a frame's checksum differs")
    return content[_LENGTH.size : -2]
