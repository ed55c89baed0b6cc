"""Ways to a board: a serial port of this machine, one behind a URL of pyserial, or UDP.

Every wire has the same five methods, so that nothing above it knows which it is. On serial lines SMP frames travel as
lines and OSC packets in SLIP between them; a datagram holds one frame, or one packet.
"""

import contextlib
import select
import socket
import urllib.parse
from typing import Protocol

import serial

from gen_core.spec.errors import BoardTimeoutError, NoBoardError, UsageError
from host_tools import serial_port
from host_tools.pace import Pace
from targets.protocol import slip, smp_serial
from targets.protocol.demux import Demux

SMP_PORT, OSC_PORT = 1337, 9000
PIECE_BYTES = 4096  # handed over at once where nothing paces: a system call for each line would cost more than it does
DATAGRAM_BYTES = 65536

Packet = tuple[str, bytes]  # ("smp", frame) or ("osc", packet)


class Wire(Protocol):
    """One opening of a way to a board. Methods raise OSError when it is gone."""

    kind: str  # uart, usb, pty, udp, or the scheme of a URL

    def pieces(self, frame: bytes) -> list[bytes]:
        """An SMP frame as what is handed over at once."""

    def wait_s(self) -> float:
        """How long to wait before the next piece may be handed over."""

    def write(self, kind: str, data: bytes) -> int:
        """Send a piece of a frame ("smp") or an OSC packet ("osc"); how many bytes that took."""

    def read(self) -> tuple[int, list[Packet]]:
        """What has arrived, and of how many bytes; waits a moment for it."""

    def cancel(self) -> None:
        """A write that is stuck ends."""

    def close(self) -> None:
        """Give it back, when nobody reads or writes any more."""


class SerialWire:
    """A serial port. `baud` None: the usual rate, and pacing only where a UART is known to be."""

    def __init__(self, port: str, baud: int | None = None) -> None:
        self._serial = serial_port.open_port(port, baud or serial_port.BAUD)
        self.port, self.kind = port, serial_port.kind_of(port)
        self._demux = Demux()
        paced = baud is not None or self.kind in ("uart", "rfc2217")
        self._pace = Pace(baud or serial_port.BAUD, self._waiting) if paced else None

    def pieces(self, frame: bytes) -> list[bytes]:
        """One line each where the line is slow, else many."""
        lines = smp_serial.to_lines(frame)
        step = smp_serial.LINE_LENGTH if self._pace else PIECE_BYTES
        return cut_lines(lines, step)

    def wait_s(self) -> float:
        """Until the line has nearly sent what it was given."""
        return self._pace.wait_s() if self._pace else 0.0

    def write(self, kind: str, data: bytes) -> int:
        """BoardTimeoutError if nobody takes it."""
        data = slip.encode(data) if kind == "osc" else data
        try:
            self._serial.write(data)
        except serial.SerialTimeoutException:
            raise BoardTimeoutError(f"nobody takes what is sent to {self.port}", "reset the board") from None
        if self._pace:
            self._pace.sent(len(data))
        return len(data)

    def read(self) -> tuple[int, list[Packet]]:
        """Frames and packets that are complete."""
        data = self._serial.read(1)
        data += self._serial.read(self._serial.in_waiting) if data else b""
        return len(data), self._demux.feed(data)

    def cancel(self) -> None:
        """Not every port of pyserial can."""
        with contextlib.suppress(AttributeError, OSError, TypeError):
            self._serial.cancel_write()

    def close(self) -> None:
        """One that is gone may complain."""
        with contextlib.suppress(OSError):
            self._serial.close()

    def _waiting(self) -> int | None:
        """What the system has not sent yet, None where it does not say. 0 on every pseudo-terminal, whatever waits."""
        try:
            return int(self._serial.out_waiting)
        except (AttributeError, OSError, TypeError, NotImplementedError):
            return None


class UdpWire:
    """SMP datagrams to one port, OSC datagrams to another: udp://HOST[:1337][?osc=9000]."""

    kind = "udp"

    def __init__(self, url: str) -> None:
        host, smp_at, osc_at = udp_address(url)
        self._sockets = {"smp": connected(host, smp_at), "osc": connected(host, osc_at)}

    def pieces(self, frame: bytes) -> list[bytes]:
        """A frame is a datagram."""
        return [frame]

    def wait_s(self) -> float:
        """A network takes everything at once, or drops it."""
        return 0.0

    def write(self, kind: str, data: bytes) -> int:
        """Who refuses is not there now and may be soon; who asks notices that no answer comes."""
        with contextlib.suppress(ConnectionRefusedError):
            self._sockets[kind].send(data)
        return len(data)

    def read(self) -> tuple[int, list[Packet]]:
        """What came from the board's two ports; the kernel drops what comes from elsewhere."""
        found = []
        readable, _, _ = select.select(list(self._sockets.values()), [], [], serial_port.POLL_S)
        for kind, end in self._sockets.items():
            if end in readable:
                with contextlib.suppress(ConnectionRefusedError, BlockingIOError):
                    found.append((kind, end.recv(DATAGRAM_BYTES)))
        return sum(len(data) for _, data in found), found

    def cancel(self) -> None:
        """Nothing is ever stuck here."""

    def close(self) -> None:
        """Close both sockets."""
        for end in self._sockets.values():
            end.close()


def open_wire(port: str, baud: int | None = None) -> Wire:
    """A way to the board at `port`. Raises NoBoardError, NoPermissionError, BusyError, UsageError."""
    return UdpWire(port) if port.startswith("udp://") else SerialWire(port, baud)


def cut_lines(lines: bytes, step: int) -> list[bytes]:
    """Whole lines, as many as fit in `step` bytes, at least one."""
    pieces, at = [], 0
    while at < len(lines):
        end = lines.rfind(b"\n", at, at + step) + 1 or lines.find(b"\n", at) + 1 or len(lines)
        pieces.append(lines[at:end])
        at = end
    return pieces


def udp_address(url: str) -> tuple[str, int, int]:
    """Host, SMP port and OSC port of udp://HOST[:PORT][?osc=PORT]. UsageError if it is none."""
    try:
        parts = urllib.parse.urlsplit(url)
        options = urllib.parse.parse_qs(parts.query, strict_parsing=bool(parts.query))
        osc_at = int(options.pop("osc", [str(OSC_PORT)])[0])
        if parts.hostname and not (options or parts.path):
            return parts.hostname, parts.port or SMP_PORT, osc_at
    except ValueError:
        pass
    raise UsageError(f"{url!r} is no address of a board", "write udp://HOST, udp://HOST:PORT or udp://HOST?osc=PORT")


def connected(host: str, port: int) -> socket.socket:
    """A UDP socket that hears this one address only. NoBoardError if there is no such host."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        end = socket.socket(family, kind, protocol)
        end.connect(address)
    except OSError as error:
        raise NoBoardError(f"{host} cannot be reached ({error.strerror or error})", "check its name") from None
    end.setblocking(False)
    return end
