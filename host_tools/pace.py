"""How far ahead of a slow line its writer may be.

A system takes 4 KiB at once for a serial port, which at 115 200 baud is a third of a second. A parameter that waits
behind them comes too late, so the next piece is handed over only when the last one has nearly been sent.
"""

import time
from collections.abc import Callable

BITS = 10  # of a byte: start, eight, stop
AHEAD_S = 0.008  # a line of SMP takes 11 ms at 115 200; this much is left of the last when the next is handed over


class Pace:
    """Knows when the line will be free, by its rate, and by what the system says is waiting where it says so."""

    def __init__(self, baud: int, waiting: Callable[[], int | None] = lambda: None) -> None:
        self._byte_s, self._waiting = BITS / baud, waiting
        self._free_s = 0.0

    def sent(self, count: int) -> None:
        """So many bytes were handed to the system."""
        self._free_s = max(self._free_s, time.monotonic()) + count * self._byte_s

    def wait_s(self) -> float:
        """How long to wait before more is handed over. The clocks of two ends differ, so the system is asked too."""
        busy_s = self._free_s - time.monotonic()
        waiting = self._waiting()
        return max(0.0, max(busy_s, (waiting or 0) * self._byte_s) - AHEAD_S)
