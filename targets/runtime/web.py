"""OSCQuery over HTTP, GET only: a few connections at a time, each with little room and little time.

It shares the thread of the wire, and answers in under a millisecond; whoever is slow waits alone.
"""

import contextlib
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from targets.protocol import oscquery_http
from targets.protocol.oscquery_http import LARGEST_HEAD_BYTES
from targets.runtime.listeners import Listener

CONNECTIONS = 8  # more wait in the kernel until one ends
PATIENCE_S = 5.0  # from the first byte to the last of the answer
READ_BYTES = 4096
OVER = float("-inf")  # as if its time had passed


@dataclass
class Connection:
    """One request on its way in, or its answer on its way out."""

    socket: socket.socket
    ends_s: float
    head: bytes = b""
    answer: bytes = b""


class Web:
    """One listening socket and its connections. `query`: from what is asked for to (status, data)."""

    vital = False

    def __init__(
        self,
        listener: Listener,
        query: Callable[[str], tuple[int, Any]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._socket, self._query, self._clock = listener.socket, query, clock
        self._connections: dict[int, Connection] = {}

    def reading(self) -> list[int]:
        """Descriptors to wait for before reading."""
        accepting = [self._socket.fileno()] if len(self._connections) < CONNECTIONS else []
        return accepting + [fd for fd, connection in self._connections.items() if not connection.answer]

    def writing(self) -> list[int]:
        """Descriptors to wait for before writing."""
        return [fd for fd, connection in self._connections.items() if connection.answer]

    def turn(self, ready: set[int]) -> None:
        """One step of every connection that can make one."""
        if self._socket.fileno() in ready:
            self._accept()
        for descriptor, connection in list(self._connections.items()):
            try:
                if descriptor in ready:
                    self._step(connection)
                over = self._clock() > connection.ends_s
            except OSError:  # gone
                over = True
            if over:
                self._end(descriptor)

    def finish(self) -> bool:
        """Nobody waits for an answer of a board that starts again."""
        return True

    def close(self) -> None:
        """Listen no more."""
        for descriptor in list(self._connections):
            self._end(descriptor)
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            accepted, _ = self._socket.accept()
            accepted.setblocking(False)
            self._connections[accepted.fileno()] = Connection(accepted, self._clock() + PATIENCE_S)

    def _step(self, connection: Connection) -> None:
        if connection.answer:
            connection.answer = connection.answer[connection.socket.send(connection.answer) :]
            if not connection.answer:
                connection.ends_s = OVER
            return
        data = connection.socket.recv(READ_BYTES)
        connection.head += data
        if not data:
            connection.ends_s = OVER
        elif b"\r\n\r\n" in connection.head:
            connection.answer = self._answer(connection.head)
        elif len(connection.head) > LARGEST_HEAD_BYTES:
            connection.answer = oscquery_http.response(431)

    def _answer(self, head: bytes) -> bytes:
        status, target = oscquery_http.target_of(head)
        return oscquery_http.response(*(self._query(target) if status == 200 else (status, None)))

    def _end(self, descriptor: int) -> None:
        connection = self._connections.pop(descriptor)
        with contextlib.suppress(OSError):
            connection.socket.shutdown(socket.SHUT_RDWR)
        connection.socket.close()
