"""SMP group 0, the system: echo, date and time, reset, buffer sizes, who are you, how do you start."""

import platform
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import gen_core
from targets.protocol import smp
from targets.runtime.machine import PRODUCT, Commands, Machine
from targets.runtime.rejection import Rejection

GROUP = smp.Group.OS
BUFFERS = 1  # one request at a time
BOOTLOADER = PRODUCT  # takes images of MCUboot, and is not MCUboot
DIRECT_XIP_WITH_REVERT = 5  # MCUboot's number for: played from the slot where it lies, and back unless confirmed


def echo(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{"d": text} → {"r": text}."""
    if not isinstance(request.get("d"), str):
        raise Rejection(smp.ReturnCode.EINVAL, "echo needs a text d")
    return {"r": request["d"]}


def get_time(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{} → {"datetime": ISO 8601 in UTC}; an error where nobody has told the board what time it is."""
    now = machine.clock.now()
    if now is None:
        raise Rejection(smp.OsError.RTC_NOT_SET, "the clock was not set", GROUP)
    return {"datetime": now.isoformat(timespec="microseconds")}


def set_time(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{"datetime": ISO 8601, without a zone UTC} → {}; holds until the next start."""
    try:
        machine.clock.set(datetime.fromisoformat(request.get("datetime", "")))
    except (ValueError, TypeError, OverflowError):
        raise Rejection(smp.ReturnCode.EINVAL, "datetime must read like 2026-03-01T12:00:00+00:00") from None
    return {}


def reset(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{} → {}; the board starts again once the reply is on its way."""
    machine.reset_asked = True
    return {}


def parameters(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{} → sizes of the buffers for messages."""
    return {"buf_size": machine.buffer_bytes, "buf_count": BUFFERS}


def info(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{"format": letters} → the fields named, in this order, parted by blanks.

    The letter b, when it was built, is left out: nothing here is.
    """
    held = machine.slots.held(machine.slots.active)
    fields = {
        "s": PRODUCT,
        "n": machine.serial,
        "r": gen_core.__version__,
        "v": f"{held.name} {held.version}" if held else "no book",
        "m": platform.machine(),
        "p": platform.processor() or "unknown",
        "i": machine.board,
        "o": platform.system(),
    }
    letters = request.get("format", "s")
    if not isinstance(letters, str) or not set(letters) <= {*fields, "a"}:
        raise Rejection(smp.OsError.INVALID_FORMAT, "formats are the letters s n r v m p i o a", GROUP)
    return {"output": " ".join(text for letter, text in fields.items() if letter in letters or "a" in letters)}


def bootloader(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{} → {"bootloader": name}; {"query": "mode"} → also {"response": {"mode": number}}."""
    query = request.get("query")
    if query not in (None, "mode"):
        raise Rejection(smp.OsError.QUERY_YIELDS_NO_ANSWER, "the only query is mode", GROUP)
    mode = {"response": {"mode": DIRECT_XIP_WITH_REVERT}} if query else {}
    return {"bootloader": BOOTLOADER} | mode


COMMANDS: Commands = {
    (smp.OsCommand.ECHO, smp.Op.WRITE): echo,
    (smp.OsCommand.ECHO, smp.Op.READ): echo,
    (smp.OsCommand.DATETIME, smp.Op.READ): get_time,
    (smp.OsCommand.DATETIME, smp.Op.WRITE): set_time,
    (smp.OsCommand.RESET, smp.Op.WRITE): reset,
    (smp.OsCommand.PARAMS, smp.Op.READ): parameters,
    (smp.OsCommand.INFO, smp.Op.READ): info,
    (smp.OsCommand.BOOTLOADER, smp.Op.READ): bootloader,
}
