"""SMP group 0, the system: echo, reset, buffer sizes, who are you."""

import platform
from collections.abc import Mapping
from typing import Any

import gen_core
from targets.protocol import smp
from targets.runtime.machine import PRODUCT, Commands, Machine
from targets.runtime.rejection import Rejection

GROUP = smp.Group.OS
BUFFERS = 1  # one request at a time


def echo(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{"d": text} → {"r": text}."""
    if not isinstance(request.get("d"), str):
        raise Rejection(smp.ReturnCode.EINVAL, "echo needs a text d")
    return {"r": request["d"]}


def reset(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{} → {}; the board starts again once the reply is on its way."""
    machine.reset_asked = True
    return {}


def parameters(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{} → sizes of the buffers for messages."""
    return {"buf_size": machine.buffer_bytes, "buf_count": BUFFERS}


def info(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{"format": letters} → the fields named, in this order, parted by blanks."""
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


COMMANDS: Commands = {
    (smp.OsCommand.ECHO, smp.Op.WRITE): echo,
    (smp.OsCommand.ECHO, smp.Op.READ): echo,
    (smp.OsCommand.RESET, smp.Op.WRITE): reset,
    (smp.OsCommand.PARAMS, smp.Op.READ): parameters,
    (smp.OsCommand.INFO, smp.Op.READ): info,
}
