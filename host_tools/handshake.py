"""Is this a board of ours, and the one that it was? Asked before anything else is sent."""

from gen_core.spec.errors import BoardTimeoutError, NoBoardError
from host_tools import replies
from host_tools.link import Ask
from host_tools.patience import waits
from targets.protocol import smp

PRODUCT = "Limonaire"
ATTEMPTS = 2  # the first may end a line of noise


def shake_hands(ask: Ask, port: str, timeout_s: float, serial: str = "", token: str = "") -> str:
    """The serial number of the board; with `serial`, only of this one. `token` lets an IP address write.

    Raises NoBoardError for a stranger, BoardTimeoutError if nobody answers, RefusedError for a wrong token.
    """
    status = _asked(ask, smp.LimonaireCommand.STATUS, smp.Op.READ, {}, port, timeout_s)
    if status.get("product") != PRODUCT:
        raise NoBoardError(f"what answers on {port} is no Limonaire board", "see `limonaire devices`")
    found = str(status.get("serial", ""))
    if serial and found != serial:
        raise NoBoardError(f"another board ({found}) is on {port} now, not {serial}", "see `limonaire devices`")
    if token:
        _asked(ask, smp.LimonaireCommand.TOKEN, smp.Op.WRITE, {"token": token}, port, timeout_s)
    return found


def _asked(ask: Ask, command: int, op: int, payload: dict, port: str, timeout_s: float) -> dict:
    frame = smp.Frame(op=op, group=smp.Group.LIMONAIRE, command=command, payload=payload)
    for wait_s in waits(timeout_s, ATTEMPTS):
        answer = ask(frame, wait_s)
        if answer is not None:
            return _understood(answer)
    cause = f"the board on {port} does not answer ({ATTEMPTS} x {timeout_s:g} s)"
    raise BoardTimeoutError(cause, "check the cable, or give it more time with --timeout")


def _understood(answer: smp.Frame) -> dict:
    """Another product may not know the question."""
    try:
        return replies.check(answer)
    except replies.NotSupported:
        return {}
