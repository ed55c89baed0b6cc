"""What has arrived and waits to be read, sorted by subject, so that several readers do not take each other's."""

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")

KEPT = 100_000  # of one subject: an hour of dense music; older ones are dropped, so that memory stays bounded
SUBJECTS = 1000  # noise may invent addresses


class Mailbox(Generic[T]):
    """Items in the order in which they came. Any thread may put, take and listen."""

    def __init__(self, subject: Callable[[T], str]) -> None:
        self._subject = subject
        self._waiting: dict[str, deque[tuple[int, T]]] = {}
        self._count = itertools.count()
        self._changed = threading.Condition()
        self._listeners: list[Callable[[], None]] = []

    def put(self, items: Iterable[T]) -> None:
        """Leave items, and wake whoever waits."""
        with self._changed:
            for item in items:
                subject = self._subject(item)
                if subject in self._waiting or len(self._waiting) < SUBJECTS:
                    self._waiting.setdefault(subject, deque(maxlen=KEPT)).append((next(self._count), item))
            self._changed.notify_all()
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def take(self, timeout_s: float = 0.0, subject: str = "", most: int = KEPT) -> list[T]:
        """Take at most so many of what waits, of one subject if it is given; waits up to `timeout_s` for the first."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting.get(subject) if subject else self._waiting, timeout_s)
            taken: list[T] = []
            while len(taken) < most and (oldest := self._oldest(subject)):
                taken.append(self._waiting[oldest].popleft()[1])
                if not self._waiting[oldest]:
                    del self._waiting[oldest]
        return taken

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each arrival, in the thread that puts. Returns how to end it."""
        with self._changed:
            self._listeners.append(listener)

        def end() -> None:
            with self._changed:
                self._listeners.remove(listener)

        return end

    def _oldest(self, subject: str) -> str:
        """The subject of the item that came first; nothing if none waits."""
        if subject:
            return subject if subject in self._waiting else ""
        return min(self._waiting, key=lambda name: self._waiting[name][0][0], default="")
