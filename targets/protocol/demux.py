"""One wire, two languages: takes SMP lines and OSC packets in SLIP apart, and steps over everything else.

They can share a wire because the END of SLIP is no character of base64, and an OSC packet begins with "/" or "#".
What makes it robust, learnt from fuzzing:
- A "/" or "#" begins a packet wherever no line is open, so senders with an END at the end only are understood, and a
  stray END cannot swallow what follows. If no zero byte ends the address, it was only text, and nothing is lost.
- Inside a line any strange byte ends it, and is looked at again: it may be an END, or the start of another line.
- Packets may stand between the lines of one frame. Text may too.
- A whole SMP line inside a packet means that the packet's END was lost: the packet is dropped, the line is read.
- Every length has a limit, so that noise costs neither memory nor the next message.
Time is linear in what arrives, but for what is still open: at most one line or packet is looked at again.
"""

import contextlib
import re

from gen_core.spec.errors import WireError
from targets.protocol import slip, smp_serial

MAX_PACKET_BYTES = 16384  # an OSC packet with its escapes; ours have less than 100
MAX_ADDRESS_BYTES = 255
_OPENING = re.compile(rb"\x06(?:\x09|\Z)|\x04(?:\x14|\Z)|[/#]")
_BASE64 = re.compile(rb"[A-Za-z0-9+/=]*\r?")
_LINES = re.compile(rb"(?:\x04\x14[A-Za-z0-9+/]+=*\n)+")  # not possessive: Python 3.11.2 then finds no second line
_ADDRESS = re.compile(rb"[/#][!-~]{0,%d}" % MAX_ADDRESS_BYTES)
# Twelve characters of base64 between mark and newline do not happen by chance in a packet; the smallest frame has 20.
_LOST_END = re.compile(rb"\x06\x09[A-Za-z0-9+/=]{12,}\r?\n|\x04\x14[A-Za-z0-9+/=]{4,}\r?\n")
_MORE = -1  # what is open cannot be judged before more arrives


class Demux:
    """Feed it what a port gives, in pieces of any size. Frames and packets come out in their order.

    An "smp" frame has the right length and checksum. An "osc" packet has a sound frame; `osc.decode` judges it.
    """

    def __init__(
        self, max_frame_bytes: int = smp_serial.MAX_FRAME_BYTES, max_packet_bytes: int = MAX_PACKET_BYTES
    ) -> None:
        self._max_characters = (max_frame_bytes + 4 + 2) // 3 * 4
        self._max_packet_bytes = max_packet_bytes
        self._open = b""  # a line or packet of which more must arrive
        self._looked = 0  # how much of it needs no second look
        self._frame: list[bytes] = []  # the text of the frame that has begun
        self._missing = 0  # how many characters of base64 it still needs
        self._in_runs = True  # its lines are read many at a time
        self._found: list[tuple[str, bytes]] = []

    def feed(self, data: bytes) -> list[tuple[str, bytes]]:
        """Take what arrived; returns ("smp", frame) and ("osc", packet) for everything that it completes."""
        data, self._open = self._open + data, b""
        self._found = []
        at = 0
        while opening := _OPENING.search(data, at):
            start = opening.start()
            at = self._packet(data, start) if data[start] in b"/#" else self._line(data, start)
            if at == _MORE:
                self._open = data[start:]
                break
            self._looked = 0
        return self._found

    def _line(self, data: bytes, start: int) -> int:
        """Read a line, or several of one frame, from the first mark on; returns where to go on."""
        if len(data) < start + 2:
            return _MORE
        if self._frame and self._in_runs and (run := _LINES.match(data, start)):
            text = run[0][2:-1].replace(b"\n\x04\x14", b"")
            self._in_runs = len(text) <= self._missing  # else the beginning of the next frame was lost
            if self._in_runs:
                self._take(text)
                return run.end()
        text_start = start + 2
        match = _BASE64.match(data, max(text_start, start + self._looked))
        end = match.end() if match else text_start
        if end - text_start > self._max_characters:
            self._drop_frame()
            return end
        if end == len(data):
            self._looked = max(0, end - start - 1)  # a \r at the very end is looked at again
            return _MORE
        if data[end] != 0x0A:
            self._drop_frame()
            return end
        text = data[text_start:end].rstrip(b"\r")
        if data[start] == smp_serial.START[0]:
            self._begin(text)
        elif self._frame:
            self._take(text)
        return end + 1

    def _begin(self, text: bytes) -> None:
        """Open a frame with its first line; one that was open is lost."""
        self._drop_frame()
        try:
            self._missing = smp_serial.wanted_characters(text)
        except WireError:
            return
        if self._missing <= self._max_characters:
            self._take(text)

    def _take(self, text: bytes) -> None:
        """Add text to the open frame, and give it out when nothing is missing."""
        self._frame.append(text)
        self._missing -= len(text)
        if self._missing > 0:
            return
        with contextlib.suppress(WireError):  # damaged, or too long
            self._found.append(("smp", smp_serial.from_text(b"".join(self._frame))))
        self._drop_frame()

    def _drop_frame(self) -> None:
        self._frame, self._missing, self._in_runs = [], 0, True

    def _packet(self, data: bytes, start: int) -> int:
        """Read a packet from its first character on; returns where to go on."""
        match = _ADDRESS.match(data, start)
        body = match.end() if match else start
        if body == len(data) and body - start <= MAX_ADDRESS_BYTES:
            return _MORE
        if body == len(data) or data[body] != 0:
            return body  # printable so far: only text
        end = data.find(slip.END, max(body, start + self._looked), start + self._max_packet_bytes)
        lost = self._lost_end(data, body, end if end >= 0 else len(data))
        if lost is not None:
            return lost
        if end < 0 and len(data) - start < self._max_packet_bytes:
            self._looked = len(data) - start
            return _MORE
        if end < 0:
            return start + self._max_packet_bytes
        try:
            packet = slip.decode(data[start:end])
        except WireError:
            return end
        if len(packet) % 4 == 0:
            self._found.append(("osc", packet))
        return end

    def _lost_end(self, data: bytes, start: int, end: int) -> int | None:
        """Where an SMP line begins inside a packet, if one does."""
        if data.find(b"\n", start, end) < 0:
            return None
        match = _LOST_END.search(data, start, end)
        if match is None or (data[match.start()] == smp_serial.CONTINUE[0] and not self._frame and len(match[0]) < 15):
            return None
        return match.start()
