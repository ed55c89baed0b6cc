"""Live values on their way out: while the line is busy, the last value of each address wins."""

import threading
from collections.abc import Callable

from targets.protocol.osc import Message


class Outbox:
    """Sends messages from a thread of its own, the newest of each address. `send` may block."""

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send
        self._waiting: dict[str, Message] = {}
        self._changed = threading.Condition()
        self._sending = self._closed = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="limonaire-outbox", daemon=True)
        self._thread.start()

    def put(self, message: Message) -> None:
        """Leave a message to be sent. Raises what sending an earlier one raised."""
        with self._changed:
            self._raise()
            self._waiting[message.address] = message
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait until everything is sent. Raises what sending raised."""
        with self._changed:
            self._changed.wait_for(lambda: self._error or not (self._waiting or self._sending))
            self._raise()

    def close(self) -> None:
        """Stop; what is still waiting is dropped."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _raise(self) -> None:
        if self._error:
            raise self._error

    def _run(self) -> None:
        while True:
            with self._changed:
                self._sending = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                message = self._waiting.pop(next(iter(self._waiting)))
                self._sending = True
            try:
                self._send(message)
            except Exception as error:  # handed to whoever puts or flushes next
                with self._changed:
                    self._error, self._closed = error, True
                    self._changed.notify_all()
                return
