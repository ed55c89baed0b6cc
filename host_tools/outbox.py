"""What waits to go over the line, in two lanes: OSC packets, and the lines of one SMP frame.

A packet goes between two lines, so that a parameter never waits for the end of a frame of 8 KiB. Of live values only
the newest of each address is kept: what the line cannot carry is left out, and nothing lags behind.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence

from gen_core.spec.errors import LimonaireError

OSC_BETWEEN_LINES = 128  # bytes: as long as a line, so that neither lane can starve the other
IN_FLIGHT_S = 1.0  # what was sent so shortly before a line was lost may not have arrived


class Ticket:
    """A frame on its way."""

    def __init__(self) -> None:
        self.error: LimonaireError | None = None
        self._ended = threading.Event()

    def end(self, error: LimonaireError | None = None) -> None:
        """It has been sent, or it never will be."""
        self.error = error
        self._ended.set()

    def wait(self) -> None:
        """Until it has been sent. Raises what went wrong."""
        self._ended.wait()
        if self.error:
            raise self.error


class Outbox:
    """Both lanes. Callers put in; the one writer takes out. OSC is held back until the board is known to be ours."""

    def __init__(self) -> None:
        self._packets: dict[object, bytes] = {}  # in their order; a newer value takes the place of the older
        self._sent: deque[tuple[float, str, bytes]] = deque()
        self._lines: deque[bytes] = deque()
        self._ticket: Ticket | None = None
        self._changed = threading.Condition()
        self._held, self._sending, self._between = True, False, 0
        self._error: LimonaireError | None = None  # of a packet, for whoever puts or flushes next

    def put(self, address: str, packet: bytes) -> None:
        """Leave a live value: only the newest of each address is sent. Kept while the line is lost."""
        self._add(address, packet)

    def queue(self, packet: bytes) -> None:
        """Leave a packet that is sent in its turn, and dropped if the line is lost before."""
        self._add(object(), packet)

    def post(self, lines: Sequence[bytes]) -> Ticket:
        """Leave the lines of a frame. One frame at a time."""
        with self._changed:
            self._ticket = ticket = Ticket()
            self._lines.extend(lines)
            self._changed.notify_all()
        return ticket

    def take(self, timeout_s: float) -> tuple[str, bytes] | None:
        """What to send next, ("osc", packet) or ("smp", line); None if nothing comes in time. `sent` must follow."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._lines or self._ready(), timeout_s):
                return None
            self._sending = True
            if not self._ready() or (self._lines and self._between >= OSC_BETWEEN_LINES):
                self._between = 0
                return "smp", self._lines.popleft()
            key = next(iter(self._packets))
            packet = self._packets.pop(key)
            self._between += len(packet)
            if isinstance(key, str):
                self._remember(key, packet)
            return "osc", packet

    def sent(self, kind: str, error: LimonaireError | None = None) -> None:
        """What was taken has been handed to the system, or could not be."""
        with self._changed:
            self._sending = False
            if kind == "smp" and (error or not self._lines):
                self._end_frame(error)
            elif error:
                self._error = error
            self._changed.notify_all()

    def hold(self, error: LimonaireError) -> None:
        """The line is lost: the frame fails, values wait, also those that may have been on their way."""
        with self._changed:
            self._held, self._sending = True, False
            self._end_frame(error)
            recent = time.monotonic() - IN_FLIGHT_S
            kept: dict[object, bytes] = {address: packet for sent_s, address, packet in self._sent if sent_s > recent}
            kept.update((key, packet) for key, packet in self._packets.items() if isinstance(key, str))
            self._packets = kept
            self._sent.clear()
            self._changed.notify_all()

    def release(self, first: Sequence[bytes] = ()) -> None:
        """The board is there: OSC may go, `first` before everything else."""
        with self._changed:
            self._held = False
            introduction: dict[object, bytes] = {object(): packet for packet in first}
            self._packets = introduction | self._packets
            self._changed.notify_all()

    def flush(self, timeout_s: float) -> bool:
        """Wait until no packet is waiting; False if that takes longer. Raises what went wrong with one."""
        with self._changed:
            done = self._changed.wait_for(lambda: self._error or not (self._packets or self._sending), timeout_s)
            self._raise()
            return bool(done)

    def _add(self, key: object, packet: bytes) -> None:
        with self._changed:
            self._raise()
            self._packets[key] = packet
            self._changed.notify_all()

    def _ready(self) -> bool:
        return bool(self._packets) and not self._held

    def _remember(self, address: str, packet: bytes) -> None:
        now_s = time.monotonic()
        self._sent.append((now_s, address, packet))
        while self._sent[0][0] < now_s - IN_FLIGHT_S:
            self._sent.popleft()

    def _end_frame(self, error: LimonaireError | None) -> None:
        self._lines.clear()
        ticket, self._ticket = self._ticket, None
        if ticket:
            ticket.end(error)

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error:
            raise error
