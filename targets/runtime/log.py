"""What the board says about itself: kept in memory, bounded, and printed to stderr by whoever has the time."""

import contextlib
import sys
import time
from collections import deque
from typing import TextIO

KEPT_LINES = 500


class Log:
    """Lines from any thread. `say` never waits, so that the audio thread may call it; `flush` prints."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._unprinted: deque[str] = deque(maxlen=KEPT_LINES)
        self._stream = stream or sys.stderr
        self._born_s = time.monotonic()

    def say(self, text: str) -> None:
        """Note one line, stamped with the seconds since start (most boards have no clock)."""
        line = f"[{time.monotonic() - self._born_s:9.3f}] {text}"
        self.lines.append(line)
        self._unprinted.append(line)

    def flush(self) -> None:
        """Print what is new. A closed or full stderr is no reason to stop the music."""
        with contextlib.suppress(OSError, ValueError):
            while self._unprinted:
                print(self._unprinted.popleft(), file=self._stream, flush=True)
