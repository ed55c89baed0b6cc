"""The date and time, on boards most of which have no battery for it.

A board without network starts with the time at which it was switched off, so the system's clock counts only while the
kernel calls it synchronised. Whoever sets the time over the wire sets it here: the system's own clock is left alone.
"""

import ctypes
import time
from collections.abc import Callable
from datetime import UTC, datetime

TIMEX_BYTES = 512  # struct timex has 208 on 64-bit Linux; all zero asks and changes nothing
UNSYNCHRONISED = 5  # TIME_ERROR of adjtimex(2)


def synchronised() -> bool:
    """Whether the kernel says that its clock is right. Other systems than Linux keep it without being asked."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    except (OSError, AttributeError):
        return True
    return 0 <= state != UNSYNCHRONISED


class WallClock:
    """Tells the time where it is known. What was set holds until the board starts again."""

    def __init__(
        self,
        trusted: Callable[[], bool] = synchronised,
        system: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._trusted, self._system, self._monotonic = trusted, system, monotonic
        self._began_s: float | None = None  # seconds since 1970 at which the monotonic clock read 0, once set

    def now(self) -> datetime | None:
        """The time in UTC, or None where nobody knows it."""
        if self._began_s is not None:
            return datetime.fromtimestamp(self._began_s + self._monotonic(), UTC)
        return datetime.fromtimestamp(self._system(), UTC) if self._trusted() else None

    def set(self, when: datetime) -> None:
        """It is `when` now; without a time zone, UTC."""
        aware = when if when.tzinfo else when.replace(tzinfo=UTC)
        self._began_s = aware.timestamp() - self._monotonic()
