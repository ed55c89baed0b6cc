"""The SMP server: a request frame in, a reply frame out, and never an exception.

Clients take a reply apart strictly, so a reply holds the documented keys and nothing else.
"""

from typing import Any

from gen_core.spec.errors import WireError
from targets.protocol import smp
from targets.runtime.access import SERIAL, Origin, writes
from targets.runtime.groups.registry import GROUPS
from targets.runtime.machine import Machine
from targets.runtime.rejection import Rejection


class Server:
    """Answers for one machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def handle(self, data: bytes, origin: Origin = SERIAL) -> bytes | None:
        """The reply to one frame from `origin`, as bytes; None for noise and for what is no request."""
        counts = self._machine.counts
        try:
            frame = smp.decode(data)
        except WireError:  # whatever crossed the wire, it was no message
            counts["noise"] += 1
            return None
        if frame.op not in (smp.Op.READ, smp.Op.WRITE):
            counts["noise"] += 1
            return None
        counts["requests"] += 1
        self._machine.speaker = origin
        reply = smp.encode(frame.answered(self._reply(frame)))
        if len(reply) <= self._machine.buffer_bytes:
            return reply
        return smp.encode(frame.answered({"rc": int(smp.ReturnCode.EMSGSIZE), "rsn": "the answer is too large"}))

    def _reply(self, frame: smp.Frame) -> dict[str, Any]:
        handler = GROUPS.get(frame.group, {}).get((frame.command, frame.op))
        if handler is None:
            self._machine.counts["not_supported"] += 1
            return {"rc": int(smp.ReturnCode.ENOTSUP)}
        if writes(frame) and not self._machine.speaker.may_write:
            self._machine.counts["denied"] += 1
            return {"rc": int(smp.ReturnCode.EACCESSDENIED), "rsn": "to write from here, show the board's token"}
        try:
            return handler(self._machine, frame.payload)
        except Rejection as rejection:
            self._machine.counts["refused"] += 1
            self._machine.log.say(f"refused: {rejection.cause}")
            return _refusal(frame, rejection)
        except Exception as error:  # a fault of ours, or a card that cannot be written: the next request may do better
            self._machine.counts["faults"] += 1
            self._machine.log.say(f"group {frame.group} command {frame.command}: {type(error).__name__}: {error}")
            return {"rc": int(smp.ReturnCode.EUNKNOWN), "rsn": str(error)}


def _refusal(frame: smp.Frame, rejection: Rejection) -> dict[str, Any]:
    """In the second version of SMP each group has its own codes; the first knows only the general ones."""
    if rejection.group is None:
        return {"rc": rejection.code, "rsn": rejection.cause}
    if frame.version == 0:
        code = smp.GENERAL.get((rejection.group, rejection.code), smp.ReturnCode.EINVAL)
        return {"rc": int(code), "rsn": rejection.cause}
    return {"err": {"group": int(rejection.group), "rc": rejection.code}}
