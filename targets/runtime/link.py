"""One end of the cable: a non-blocking file descriptor, read through the demultiplexer.

Nobody may be listening at the other end. What cannot be sent is dropped, whole messages at a time; the music and
the next request never wait for it.
"""

import os
import select
import time
from collections import deque

from targets.protocol.demux import Demux

READ_BYTES = 65536
QUEUE_BYTES = 128 * 1024  # a reply is at most 11 kB on the wire; the rest is room for notes
STALE_S = 2.0  # as long as a client waits for an answer; later it would only be confused by it


class Link:
    """Reads and writes `descriptor`, which is made non-blocking. `lifeline`: a descriptor whose end means: stop."""

    def __init__(self, descriptor: int, lifeline: int | None = None) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor, self._lifeline = descriptor, lifeline
        self._demux = Demux()
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._stuck_since_s: float | None = None
        self.dropped = 0  # messages
        self.cut = False  # the lifeline ended

    def read(self, timeout_s: float) -> list[tuple[str, bytes]]:
        """Whatever arrives within the time, as ("smp" | "osc", payload); sends what is waiting meanwhile."""
        reading = [self._descriptor] + ([self._lifeline] if self._lifeline is not None else [])
        writing = [self._descriptor] if self._queue else []
        readable, _, _ = select.select(reading, writing, [], timeout_s)
        self.cut = self.cut or self._lifeline in readable
        if self._queue:
            self._send()
        if self._descriptor not in readable:
            return []
        try:
            return list(self._demux.feed(os.read(self._descriptor, READ_BYTES)))
        except BlockingIOError:
            return []
        except OSError:  # the other end is closed; it may be opened again
            time.sleep(min(timeout_s, 0.05))
            return []

    def write(self, data: bytes) -> None:
        """Queue one whole message and send what fits; dropped if the queue is full."""
        if self._queued_bytes + len(data) > QUEUE_BYTES:
            self.dropped += 1
            return
        self._queue.append(data)
        self._queued_bytes += len(data)
        self._send()

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

    def _send(self) -> None:
        """Send as much as the other end takes now; forget what has waited too long."""
        try:
            while self._queue:
                sent = os.write(self._descriptor, self._queue[0])
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
