"""Which port is the board on? Exactly one board is used; several are listed and refused; unknown ports are never poked.

A board is known by its USB identity (the gadget's 1d6b:0104 with the product string) or by the record that a bench
board leaves while it runs. `--port`, the variable LIMONAIRE_PORT and `port = …` in the configuration file override.
"""

import os
import sys
import tomllib
from typing import NamedTuple

from serial.tools import list_ports

from gen_core.spec.errors import NoBoardError, UsageError
from host_tools import paths
from targets.protocol import bench

USB_VENDOR, USB_PRODUCT, USB_PRODUCT_NAME = 0x1D6B, 0x0104, "Limonaire"


class Port(NamedTuple):
    """One port with a board of ours on it."""

    path: str
    kind: str  # usb or bench
    serial: str  # the board's serial number


def boards() -> list[Port]:
    """Every port that says of itself that it is ours, without opening any. USB boards first."""
    usb = [
        Port(port.device, "usb", port.serial_number or "")
        for port in list_ports.comports()
        if (port.vid, port.pid) == (USB_VENDOR, USB_PRODUCT) and port.product in _product_names()
    ]
    running = [Port(record.port, "bench", record.serial) for record in bench.running()]
    return sorted(usb) + sorted(running)


def at(path: str) -> Port | None:
    """The board of ours at this path, if the list has one there."""
    return next((port for port in boards() if port.path == path), None)


def find_again(board: Port) -> str | None:
    """Where a board is now that was unplugged: the system may have given it another name. None while it is away.

    A board without a serial number is looked for where it was.
    """
    for port in boards():
        if port.kind == board.kind and (port.serial == board.serial if board.serial else port.path == board.path):
            return port.path
    return None


def choose(wanted: str | None = None) -> str:
    """The path of the port to open: `wanted`, else variable, else configuration, else the only board there is.

    Raises NoBoardError where there is none or more than one.
    """
    named = wanted or os.environ.get("LIMONAIRE_PORT") or configured()
    if named:
        return named
    found = boards()
    if len(found) == 1:
        return found[0].path
    if not found:
        raise NoBoardError("no board is connected", "plug one in, or start `limonaire bench-board` in another terminal")
    listed = ", ".join(f"{port.path} ({port.kind} {port.serial})" for port in found)
    raise NoBoardError(f"{len(found)} boards are connected: {listed}", f"say which, for example --port {found[0].path}")


def _product_names() -> tuple[str | None, ...]:
    """Windows does not tell the name of the product: there the numbers must do, and the handshake."""
    return (USB_PRODUCT_NAME, None) if sys.platform == "win32" else (USB_PRODUCT_NAME,)


def configured() -> str | None:
    """`port` of the configuration file, if there is one."""
    path = paths.config_file()
    try:
        port = tomllib.loads(path.read_text(encoding="utf-8")).get("port")
    except FileNotFoundError:
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no TOML ({error})", "mend or remove it") from None
    if port is not None and not isinstance(port, str):
        raise UsageError(f"port in {path} is no text", 'write port = "/dev/ttyACM0"')
    return port
