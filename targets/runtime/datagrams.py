"""SMP and OSC over UDP: a datagram is a frame or a packet, and the answer goes to where it came from."""

import contextlib
import itertools
import socket
from collections.abc import Iterator

from targets.runtime.access import Access, Origin
from targets.runtime.listeners import Listener
from targets.runtime.osc_server import OscServer
from targets.runtime.server import Server

LARGEST_BYTES = 16384  # a packet of 9000 bytes is the largest that networks carry; the rest is for OSC bundles at home
FRAMES_A_TURN, PACKETS_A_TURN = 8, 64  # then the others have theirs
ROOM_BYTES = 65536  # of what is told to one address in a turn
RECEIVE_ERRORS = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}  # of Linux

numbers = itertools.count(1)  # one for each listener, so that an answer leaves through the one that was asked


class Datagrams:
    """A UDP socket, read in turns."""

    vital = False

    def __init__(self, listener: Listener, access: Access) -> None:
        self._socket, self._access, self._number = listener.socket, access, next(numbers)
        self._local = listener.writes == "local"

    def reading(self) -> list[int]:
        """Descriptors to wait for before reading."""
        return [self._socket.fileno()]

    def writing(self) -> list[int]:
        """What a socket does not take at once is dropped, as a network would."""
        return []

    def finish(self) -> bool:
        """Nothing waits here."""
        return True

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()

    def _receive(self, most: int) -> Iterator[tuple[bytes, Origin]]:
        """What has arrived, `most` datagrams of it, without those that are too large.

        Who may write is asked one by one: the token may have come just before.
        """
        with contextlib.suppress(BlockingIOError):
            for _ in range(most):
                data, address = self._socket.recvfrom(LARGEST_BYTES + 1)
                if len(data) <= LARGEST_BYTES:
                    yield data, self._access.origin(address, self._local, self._number)


class SmpDatagrams(Datagrams):
    """Requests to the SMP server."""

    def __init__(self, listener: Listener, access: Access, server: Server) -> None:
        super().__init__(listener, access)
        self._server = server

    def turn(self, ready: set[int]) -> None:
        """Answer what came."""
        if self._socket.fileno() not in ready:
            return
        for frame, origin in self._receive(FRAMES_A_TURN):
            reply = self._server.handle(frame, origin)
            if reply is not None:
                with contextlib.suppress(OSError):  # nobody there, or no room: who needs the answer asks again
                    self._socket.sendto(reply, origin.address)


class OscDatagrams(Datagrams):
    """OSC in and out. An address where nobody listens any more is told by the kernel, and forgotten."""

    def __init__(self, listener: Listener, access: Access, osc: OscServer) -> None:
        super().__init__(listener, access)
        self._osc = osc
        with contextlib.suppress(OSError):
            self._socket.setsockopt(*RECEIVE_ERRORS[self._socket.family], 1)

    def turn(self, ready: set[int]) -> None:
        """Do what came, and tell what is to be told."""
        if self._socket.fileno() in ready:
            try:
                for packet, origin in self._receive(PACKETS_A_TURN):
                    self._osc.receive(packet, origin)
            except ConnectionRefusedError:
                self._forget_refused()
        for origin in self._osc.subscribers.addresses():
            if origin.through == self._number:
                self._tell(origin)

    def _tell(self, origin: Origin) -> None:
        for packet in self._osc.outgoing(ROOM_BYTES, origin):
            try:
                self._socket.sendto(packet, origin.address)
            except ConnectionRefusedError:  # of an earlier packet, perhaps to somebody else; this one was not sent
                self._forget_refused()
                with contextlib.suppress(OSError):
                    self._socket.sendto(packet, origin.address)
            except OSError:  # no room, no way
                return

    def _forget_refused(self) -> None:
        """Take the refusals from the socket's queue of errors; each names the address that it was about."""
        with contextlib.suppress(OSError, AttributeError):
            while True:
                address = self._socket.recvmsg(0, 512, socket.MSG_ERRQUEUE)[3]
                self._osc.subscribers.forget(Origin("ip", address, through=self._number))
