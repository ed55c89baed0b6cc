"""The ends of the wire, and waiting for all of them at once.

Each end reads and answers in its turn and never waits, so that none holds up another. The cable is what a board cannot
do without; an IP end that fails again and again is closed, and the rest goes on.
"""

import select
from collections.abc import Sequence
from typing import Protocol

from targets.protocol import smp, smp_serial
from targets.runtime.access import SERIAL, Origin
from targets.runtime.link import Link
from targets.runtime.log import Log
from targets.runtime.osc_server import OscServer
from targets.runtime.server import Server

DESERTED_S = 10.0  # a subscriber that has not read for so long is gone
CLOSED_AFTER = 100  # failures in a row


class End(Protocol):
    """Something to read from and write to."""

    vital: bool  # the board starts again rather than do without it

    def reading(self) -> list[int]: ...
    def writing(self) -> list[int]: ...
    def turn(self, ready: set[int]) -> None: ...
    def finish(self) -> bool: ...
    def close(self) -> None: ...


class Cable:
    """A serial line with SMP and OSC on it."""

    vital = True

    def __init__(self, link: Link, server: Server, osc: OscServer, origin: Origin = SERIAL) -> None:
        self._link, self._server, self._osc, self._origin = link, server, osc, origin

    def reading(self) -> list[int]:
        """Descriptors to wait for before reading."""
        return [self._link.descriptor] if self._link.listening else []

    def writing(self) -> list[int]:
        """Descriptors to wait for before writing."""
        return [] if self._link.idle else [self._link.descriptor]

    def turn(self, ready: set[int]) -> None:
        """Read what came, answer it, and tell what is to be told."""
        self._link.send()
        for kind, packet in self._link.read() if self._link.descriptor in ready else []:
            if kind == "osc":
                self._osc.receive(packet, self._origin)
            else:
                self._answer(packet)
        for packet in self._osc.outgoing(self._link.room_bytes, self._origin):
            self._link.write(packet)
        if self._link.stuck_s > DESERTED_S:
            self._osc.subscribers.forget(self._origin)

    def finish(self) -> bool:
        """Send what waits; True when all of it has gone."""
        self._link.send()
        return self._link.idle

    def close(self) -> None:
        """A cable stays where it is."""

    def _answer(self, packet: bytes) -> None:
        """Reply to one SMP frame, and keep OSC quiet around it."""
        reply = self._server.handle(packet, self._origin)
        if reply is None:
            return
        frame = smp.decode(reply)
        upload = (frame.group, frame.command) == (smp.Group.IMAGE, smp.ImageCommand.UPLOAD)
        self._osc.subscribers.smp_seen(self._origin, upload)
        self._link.write(smp_serial.to_lines(reply))


class Ends:
    """All ends of a board. `lifeline`: a descriptor whose end means: stop."""

    def __init__(self, ends: Sequence[End], log: Log, lifeline: int | None = None) -> None:
        self._failures = dict.fromkeys(ends, 0)  # in a row
        self._log, self._lifeline = log, lifeline
        self.cut = False  # the lifeline ended

    def turn(self, timeout_s: float) -> None:
        """Wait until something can be read or sent, at most so long, and give every end its turn."""
        reading = [fd for end in self._failures for fd in end.reading()]
        writing = [fd for end in self._failures for fd in end.writing()]
        lifeline = [] if self._lifeline is None else [self._lifeline]
        readable, writable, _ = select.select(reading + lifeline, writing, [], timeout_s)
        self.cut = self.cut or self._lifeline in readable
        for end in list(self._failures):
            self._take_turn(end, {*readable, *writable})

    def finish(self) -> bool:
        """Send what waits; True when all of it has gone."""
        select.select([], [fd for end in self._failures for fd in end.writing()], [], 0.01)
        return all([end.finish() for end in self._failures])

    def _take_turn(self, end: End, ready: set[int]) -> None:
        try:
            end.turn(ready)
            self._failures[end] = 0
        except Exception as error:
            if end.vital:
                raise
            self._failures[end] += 1
            if self._failures[end] == 1:
                self._log.say(f"{type(end).__name__}: {type(error).__name__}: {error}")
            if self._failures[end] >= CLOSED_AFTER:
                self._log.say(f"{type(end).__name__} is closed, because it fails all the time")
                del self._failures[end]
                end.close()
