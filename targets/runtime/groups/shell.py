"""SMP group 9, the shell: one command in, its text and exit code out."""

import shlex
from collections.abc import Mapping
from typing import Any

from targets.protocol import smp
from targets.runtime import shell
from targets.runtime.machine import Commands, Machine
from targets.runtime.rejection import Rejection

GROUP = smp.Group.SHELL
LONGEST = 256  # characters of all words together
ENVELOPE_BYTES = 64  # SMP header, framing, and the map around the text
CUT = "\n..."


def execute(machine: Machine, request: Mapping[str, Any]) -> dict[str, Any]:
    """{"argv": words, or one whole line} → {"o": text, "ret": exit code}; text that does not fit is cut.

    Refusals quote the general codes: clients know other codes for this group than the specification does.
    """
    text, code = shell.execute(machine, _words(request.get("argv")))
    return {"o": _fitting(text, machine.buffer_bytes - ENVELOPE_BYTES), "ret": code}


def _words(argv: Any) -> list[str]:
    if not isinstance(argv, list) or not all(isinstance(word, str) for word in argv):
        raise Rejection(smp.ReturnCode.EINVAL, "argv must be a list of words")
    if sum(map(len, argv)) > LONGEST:
        raise Rejection(smp.ReturnCode.EMSGSIZE, f"a command has at most {LONGEST} characters")
    try:
        words = shlex.split(argv[0]) if len(argv) == 1 else argv
    except ValueError as error:
        raise Rejection(smp.ReturnCode.EINVAL, f"the quotes do not match: {error}") from None
    if not words:
        raise Rejection(smp.ReturnCode.EINVAL, "an empty command")
    return words


def _fitting(text: str, room_bytes: int) -> str:
    data = text.encode()
    if len(data) <= room_bytes:
        return text
    return data[: room_bytes - len(CUT)].decode(errors="ignore") + CUT


COMMANDS: Commands = {(smp.ShellCommand.EXECUTE, smp.Op.WRITE): execute}
