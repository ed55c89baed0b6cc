"""A board as Python sees it.

with Device() as board:
    board.set("energy", 0.8)
    for note in board.notes(seconds=10):
        print(note)

It survives the cable: pulled out and plugged in again, perhaps under another name, the board is found, subscriptions
are renewed, and what was pending is sent. `AsyncDevice` is the same for asyncio.
"""

import contextlib
import os
import struct
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, NamedTuple

from gen_core.spec.errors import BoardTimeoutError, LimonaireError, NoBoardError
from gen_core.spec.param import find
from host_tools import ports, replies
from host_tools.board_calls import READ_ATTEMPTS, BoardCalls
from host_tools.curve import Point
from host_tools.handshake import PRODUCT, shake_hands
from host_tools.link import Ask, Event, Link
from host_tools.output import short
from host_tools.subscriptions import Listening, Subscriptions, notes_in
from targets.protocol import change, osc, smp

__all__ = ["PRODUCT", "Device", "Event", "Landed", "notes_in"]

RECONNECT_S = 30.0  # to put a plug back, or for a Pi to start


class Landed(NamedTuple):
    """A change that the board has acknowledged: the value it took, and the bar and beat on which it lands."""

    id: str
    value: float
    bar: int
    beat: float


class Device(BoardCalls, Listening):
    """An open board, ours alone until it is closed. Every method may raise BoardTimeoutError and NoBoardError.

    `port`: path of a port, a URL of pyserial (rfc2217://, socket://), or udp://HOST; without it, the only board there
    is. `timeout_s`: how long to wait for one answer. `baud`: of a UART (115200); what is sent is paced by it.
    `reconnect_s`: how long to look for a board that was unplugged, 0 to raise at once. `on_event`: called with what
    happens to the connection (lost, back, gone) from a thread of its own. `token`: lets an IP address write; without
    it, what the variable LIMONAIRE_TOKEN says.
    Raises NoBoardError, NoPermissionError and BusyError where the port cannot be opened.
    """

    def __init__(
        self,
        port: str | None = None,
        timeout_s: float = 2.0,
        *,
        baud: int | None = None,
        reconnect_s: float = RECONNECT_S,
        on_event: Callable[[Event], None] | None = None,
        token: str | None = None,
    ) -> None:
        self.timeout_s, self.serial = timeout_s, ""
        self._token = os.environ.get("LIMONAIRE_TOKEN", "") if token is None else token
        self._subscriptions, self._on_event = Subscriptions(), on_event
        port = ports.choose(port)
        self.link = Link(port, baud, self._greet, self._subscriptions.messages, reconnect_s, self._happened)

    @property
    def port(self) -> str:
        """Where the board is; that may change."""
        return self.link.port

    def __enter__(self) -> "Device":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Tell the board to be quiet, and close the port."""
        if self._subscriptions.topics and self.link.up:
            with contextlib.suppress(NoBoardError, BoardTimeoutError):  # it cannot hear us, and that is as good
                self.link.tell(osc.Message("/unsubscribe", ()))
        self.link.close()

    def ask(self, op: int, group: int, command: int, payload: Mapping[str, Any] | None = None, **how: Any) -> dict:
        """One SMP exchange: the payload of the answer. `timeout_s` and `attempts` may be given. RefusedError if no."""
        request = smp.Frame(op=op, group=group, command=command, payload=dict(payload or {}))
        answer = self.link.ask(request, how.get("timeout_s", self.timeout_s), how.get("attempts", 1))
        return replies.check(answer)

    # ---- setting

    def set(self, param_id: str, value: float, quantum: str = "", over: str = "") -> Landed:
        """Set a parameter (`value` in its unit) and wait for the board's word. UsageError if it is out of range.

        `quantum`: now, beat, bar, phrase or section; without it, as the parameter declares. `over`: how long it takes
        from there, "30s", "4beats" or "8bars". OSC has no checksum, so a change counts as made only when the board has
        acknowledged this very value.
        """
        value = find(self.params(), param_id).check(value)
        self.subscribe("ack")
        message = osc.Message(f"/param/{param_id}", change.arguments(change.Change(value, over, quantum)))
        for _ in range(READ_ATTEMPTS):
            self.link.tell(message)
            for answer in self.messages(self.timeout_s, "/ack"):
                if answer.args[:2] == (param_id, _float32(value)):
                    return Landed(param_id, short(answer.args[1]), int(answer.args[2]), short(answer.args[3]))
        raise BoardTimeoutError(f"the board does not acknowledge {param_id}", "see `limonaire info`, then try again")

    def send(self, param_id: str, value: float) -> None:
        """Set a parameter without waiting for anything: for sensors and faders. UsageError if it is out of range.

        Where values come faster than the line carries them, the last one of each parameter wins. During an upload
        they go between its lines. What is not sent while the board is unplugged is sent when it is back.
        """
        self.link.put(osc.Message(f"/param/{param_id}", (find(self.params(), param_id).check(value),)))

    def stream(self, points: Iterable[Point]) -> int:
        """Set parameters over time, (seconds from now, values by id). Returns how many values were given to the line.

        Where they come faster than the line carries them, the last value of each parameter wins. Not acknowledged.
        """
        start_s, given = time.monotonic(), 0
        for at_s, values in points:
            time.sleep(max(0.0, start_s + at_s - time.monotonic()))
            for param_id, value in values.items():
                self.link.put(osc.Message(f"/param/{param_id}", (float(value),)))
                given += 1
        self.link.flush()
        return given

    # ---- restarting

    def reset(self) -> None:
        """Restart the board's runtime. Its answer may die with it: `wait_until_back` tells how it went.

        Where no answer comes, a board that says that it never restarted is asked again. One that did is not: a second
        restart would end the trial of a book.
        """
        for _ in range(READ_ATTEMPTS):
            asked_s = time.monotonic()
            try:
                self.ask(smp.Op.WRITE, smp.Group.OS, smp.OsCommand.RESET)
                return
            except NoBoardError:
                return
            except BoardTimeoutError:
                if not self._up_since_before(asked_s):
                    return

    def wait_until_back(self, timeout_s: float = 30.0) -> dict[str, Any]:
        """After `reset`: wait until the board has started again and sounds; its status then."""
        asked_s = time.monotonic()
        self._params = None
        while time.monotonic() < asked_s + timeout_s:
            try:
                status = self.info(timeout_s=0.5, attempts=1)
                if status["uptime_s"] < time.monotonic() - asked_s + 1.0 and status["stats"]["blocks"] > 0:
                    self.renew()
                    return status
            except (BoardTimeoutError, NoBoardError):
                self.reconnect()
            time.sleep(0.05)
        raise BoardTimeoutError(f"the board on {self.port} did not come back in {timeout_s:g} s", "reset it by hand")

    def reconnect(self) -> None:
        """Have the board back if it is there: a real one takes its port away while it restarts, a bench board not."""
        try:
            self.link.reopen()
        except LimonaireError:
            time.sleep(0.2)

    def _up_since_before(self, then_s: float) -> bool:
        """True if the board says so; one that says nothing may be about to start."""
        try:
            return self.info(timeout_s=0.5)["uptime_s"] > time.monotonic() - then_s
        except (BoardTimeoutError, NoBoardError):
            return False

    def _greet(self, ask: Ask, port: str) -> None:
        self.serial = shake_hands(ask, port, self.timeout_s, self.serial, self._token)

    def _happened(self, event: Event) -> None:
        if event.kind == "back":
            self._params = None  # it may play another book now
        if self._on_event:
            self._on_event(event)


def _float32(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])
