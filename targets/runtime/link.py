"""One end of the cable: a non-blocking file descriptor, read through the demultiplexer.

Nobody may be listening at the other end. What cannot be sent is dropped, whole messages at a time; the music and
the next request never wait for it.
"""

import os
import time
from collections import deque

from targets.protocol.demux import Demux

READ_BYTES = 65536
QUEUE_BYTES = 128 * 1024  # a reply is at most 11 kB on the wire; the rest is room for notes
STALE_S = 2.0  # as long as a client waits for an answer; later it would only be confused by it
CLOSED_REST_S = 0.05  # a far end that is closed may be opened again; until then it is not asked all the time


class Link:
    """Reads and writes `descriptor`, which is made non-blocking. Whoever owns it waits until there is something."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self._demux = Demux()
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._stuck_since_s: float | None = None
        self._rests_until_s = 0.0
        self.dropped = 0  # messages

    def read(self) -> list[tuple[str, bytes]]:
        """What has arrived, as ("smp" | "osc", payload). Does not wait."""
        try:
            return list(self._demux.feed(os.read(self.descriptor, READ_BYTES)))
        except BlockingIOError:
            return []
        except OSError:  # the other end is closed
            self._rests_until_s = time.monotonic() + CLOSED_REST_S
            return []

    def write(self, data: bytes) -> None:
        """Queue one whole message and send what fits; dropped if the queue is full."""
        if self._queued_bytes + len(data) > QUEUE_BYTES:
            self.dropped += 1
            return
        self._queue.append(data)
        self._queued_bytes += len(data)
        self.send()

    @property
    def listening(self) -> bool:
        """True when it is worth waiting for something to read."""
        return time.monotonic() >= self._rests_until_s

    @property
    def idle(self) -> bool:
        """True when everything queued has been sent."""
        return not self._queue

    @property
    def room_bytes(self) -> int:
        """How much may be written of what can wait; the other half of the queue is kept for replies."""
        return max(0, QUEUE_BYTES // 2 - self._queued_bytes)

    @property
    def stuck_s(self) -> float:
        """For how long nobody has been reading."""
        return 0.0 if self._stuck_since_s is None else time.monotonic() - self._stuck_since_s

    def send(self) -> None:
        """Send as much of the queue as the other end takes now; forget what has waited too long."""
        try:
            while self._queue:
                sent = os.write(self.descriptor, self._queue[0])
                self._stuck_since_s = None
                self._queued_bytes -= sent
                rest = self._queue.popleft()[sent:]
                if rest:
                    self._queue.appendleft(rest)
        except OSError:  # full, or nobody there
            self._stuck_since_s = self._stuck_since_s or time.monotonic()
        if self.stuck_s > STALE_S:
            self.dropped += len(self._queue)
            self._queue.clear()
            self._queued_bytes = 0
