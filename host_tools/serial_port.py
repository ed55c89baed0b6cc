"""Opening a serial port, exclusively, with errors that say what to do."""

import errno
import os
from pathlib import Path

import serial

from gen_core.spec.errors import BusyError, LimonaireError, NoBoardError, NoPermissionError

BAUD = 115200  # what a UART board starts with; USB and pseudo-terminals do not care
POLL_S = 0.1  # how long a reader may take to notice that it should stop
WRITE_TIMEOUT_S = 10.0  # one upload chunk on a slow line; longer means that nobody is taking it


def open_port(path: str) -> serial.Serial:
    """The port, opened for us alone. Raises NoBoardError, NoPermissionError or BusyError."""
    try:
        return serial.Serial(path, BAUD, timeout=POLL_S, write_timeout=WRITE_TIMEOUT_S, exclusive=True)
    except (serial.SerialException, ValueError, OSError) as error:
        raise port_error(path, getattr(error, "errno", None), str(error)) from None


def port_error(path: str, number: int | None, words: str) -> LimonaireError:
    """What a failed open means: the system's error number (None where pyserial gives none) as one of our errors."""
    if number in (errno.EACCES, errno.EPERM):
        return NoPermissionError(f"this user may not open {path}", permission_hint(path))
    if number in (errno.EAGAIN, errno.EBUSY):
        return BusyError(f"{path} is in use by another program", "close it, or choose another board with --port")
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return NoBoardError(f"there is no port {path}", "see `limonaire devices`")
    return NoBoardError(f"{path} cannot be used as a serial port ({words})", "see `limonaire devices`")


def permission_hint(path: str) -> str:
    """How to be let in: the group that owns the port, which is dialout on most systems."""
    import grp  # not on Windows, where this question does not come up

    try:
        group = grp.getgrgid(os.stat(path).st_gid).gr_name
    except (OSError, KeyError):
        group = "dialout"
    if group == "root":
        return f"run `sudo chmod a+rw {Path(path)}`, or add a udev rule that gives the port to group dialout"
    return f"run `sudo usermod -aG {group} $USER` and log in again"
