"""The sockets of a board: SMP and OSC over UDP, OSCQuery over HTTP, on which addresses, and who may write there.

Without other orders a board listens to its own machine and to the far end of its USB cable. A port that is taken is a
line in the log: the board plays on without it.
"""

import argparse
import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from targets.protocol.ip_ports import HTTP_PORT, OSC_PORT, SMP_PORT
from targets.runtime.access import is_loopback
from targets.runtime.log import Log

KINDS = ("smp", "osc", "http")
GADGET = "usb0"  # the interface of a USB gadget, on every board
BUFFER_BYTES = 262144  # for what comes in while a block of an upload is written to a card
BACKLOG = 8
BIND_TO_DEVICE, INTERFACE_ADDRESS = 25, 0x8915  # SO_BINDTODEVICE and SIOCGIFADDR of Linux


@dataclass(frozen=True)
class Place:
    """An address to listen on. `writes`: "local", whoever can send there may write; "token", who knows the token."""

    address: str
    writes: str
    interface: str = ""  # nothing else comes in, whatever address it claims


@dataclass(frozen=True)
class Listener:
    """An open socket. `writes` as in Place; "none" where nothing can be written."""

    kind: str
    socket: socket.socket
    writes: str

    def told(self) -> dict[str, Any]:
        """What the board says of it."""
        address, port = self.socket.getsockname()[:2]
        return {"kind": self.kind, "address": address, "port": port, "writes": self.writes}

    def word(self) -> str:
        """It as a word for the command line of the child that inherits the descriptor."""
        return f"{self.kind}:{self.socket.fileno()}:{self.writes}"


def ip_arguments(parser: argparse.ArgumentParser) -> None:
    """Where a board listens."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--bind", type=_address, action="append", default=[], metavar="ADDRESS", help="listen here only")
    where.add_argument("--no-ip", action="store_true", help="do not listen on IP at all")
    for kind, port in zip(KINDS, (SMP_PORT, OSC_PORT, HTTP_PORT), strict=True):
        help_ = f"port for {kind} ({port}); 0: any free one"
        parser.add_argument(f"--{kind}-port", type=_port, default=port, metavar="N", help=help_)


def open_all(given: argparse.Namespace, log: Log) -> list[Listener]:
    """Every socket that was asked for and can be had."""
    opened: list[Listener] = []
    places = [] if given.no_ip else _places(given.bind)
    for kind in KINDS:
        port = getattr(given, f"{kind}_port")
        for place in places:
            try:
                opened.append(_open(kind, place, port))
                port = opened[-1].told()["port"]  # any free one: the same on every address
            except OSError as error:
                where = f"{place.address} port {port}"
                log.say(f"{kind} is not to be had on {where}, and is left out: {error.strerror or error}")
    return opened


def inherited(words: Iterable[str]) -> list[Listener]:
    """The sockets that the supervisor opened, from what `Listener.word` said of them."""
    found = []
    for word in words:
        kind, descriptor, writes = word.split(":")
        found.append(Listener(kind, socket.socket(fileno=int(descriptor)), writes))
        found[-1].socket.setblocking(False)
    return found


def interface_address(name: str) -> str:
    """The IPv4 address of an interface of this machine, or nothing."""
    try:
        import fcntl

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            request = name.encode().ljust(40, b"\0")
            return socket.inet_ntoa(fcntl.ioctl(asking, INTERFACE_ADDRESS, request)[20:24])
    except (OSError, ImportError):
        return ""


def _places(bind: list[str]) -> list[Place]:
    if bind:
        return [Place(address, "local" if is_loopback(address) else "token") for address in bind]
    gadget = interface_address(GADGET)
    return [Place("127.0.0.1", "local")] + ([Place(gadget, "local", GADGET)] if gadget else [])


def _open(kind: str, place: Place, port: int) -> Listener:
    family = socket.AF_INET6 if ":" in place.address else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM if kind == "http" else socket.SOCK_DGRAM)
    try:
        _prepare(opened, kind, place)
        opened.bind((place.address, port))
        if kind == "http":
            opened.listen(BACKLOG)
    except BaseException:
        opened.close()
        raise
    return Listener(kind, opened, "none" if kind == "http" else place.writes)


def _prepare(opened: socket.socket, kind: str, place: Place) -> None:
    opened.setblocking(False)
    if opened.family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if kind == "http":
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what the last life left behind is no hindrance
    else:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    if place.interface:
        opened.setsockopt(socket.SOL_SOCKET, BIND_TO_DEVICE, place.interface.encode() + b"\0")


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no IP address; give one of this machine's own") from None


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from 0 to 65535")
    return int(text)
