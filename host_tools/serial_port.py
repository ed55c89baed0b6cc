"""Opening a serial port, exclusively, with errors that say what to do; and what kind of port a name means."""

import errno
import os
import re
import sys

import serial

from gen_core.spec.errors import BusyError, LimonaireError, NoBoardError, NoPermissionError
from host_tools import port_trouble, ports

BAUD = 115200  # what a UART board starts with; USB and pseudo-terminals do not care
POLL_S = 0.1  # how long a reader may take to notice that it should stop
WRITE_TIMEOUT_S = 10.0  # one upload chunk on a slow line; longer means that nobody is taking it
TERMINAL = re.compile(r"/dev/(pts/\d+|ttys\d+|pty\w+)")  # Linux; macOS, where /dev/tty.* are no terminals but ports
GADGET = re.compile(r"/dev/(ttyACM|ttyGS|cu\.usbmodem)")  # no baud rate is real there


def open_port(port: str, baud: int = BAUD) -> serial.SerialBase:
    """The port, opened for us alone: a device path or a URL of pyserial. NoBoardError, NoPermissionError, BusyError."""
    path = device_path(port)
    try:
        if "://" in path:
            # Over RFC 2217 a write cannot time out; the connection is TCP's affair there.
            limit_s = None if path.startswith("rfc2217:") else WRITE_TIMEOUT_S
            return serial.serial_for_url(path, baud, timeout=POLL_S, write_timeout=limit_s)
        return serial.Serial(path, baud, timeout=POLL_S, write_timeout=WRITE_TIMEOUT_S, exclusive=True)
    except (serial.SerialException, ValueError, OSError) as error:
        raise port_error(path, getattr(error, "errno", None), str(error)) from None


def device_path(port: str) -> str:
    """The path to open. On macOS opening /dev/tty.NAME waits for a carrier that never comes; /dev/cu.NAME does not."""
    return port.replace("/dev/tty.", "/dev/cu.", 1) if sys.platform == "darwin" else port


def kind_of(port: str) -> str:
    """The scheme of a URL, else pty, usb (rate and buffers are no matter) or uart (they are)."""
    if "://" in port:
        return port.partition("://")[0]
    path = os.path.realpath(port)
    if TERMINAL.fullmatch(path):
        return "pty"
    ours = {board.path for board in ports.boards() if board.kind == "usb"}
    return "usb" if GADGET.match(path) or port in ours else "uart"


def port_error(path: str, number: int | None, words: str) -> LimonaireError:
    """What a failed open means: the system's error number (None where pyserial gives none) as one of our errors."""
    if number in (errno.EACCES, errno.EPERM) and sys.platform == "win32":
        number = errno.EBUSY  # Windows refuses a port that another program has open with the same words
    if number in (errno.EACCES, errno.EPERM):
        return NoPermissionError(f"this user may not open {path}", port_trouble.permission_hint(path))
    if number in (errno.EAGAIN, errno.EBUSY):
        cause, hint = port_trouble.busy_words(path)
        return BusyError(cause, hint)
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return NoBoardError(f"there is no port {path}", "see `limonaire devices`")
    return NoBoardError(f"{path} cannot be used as a serial port ({words})", "see `limonaire devices`")
