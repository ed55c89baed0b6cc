"""A board as Python sees it.

with Device() as board:
    board.set("energy", 0.8)
    for note in board.notes(seconds=10):
        print(note)
"""

import contextlib
import struct
import time
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, NamedTuple

from gen_core.spec.errors import BoardTimeoutError, NoBoardError
from gen_core.spec.note import Note
from gen_core.spec.param import Param, find
from host_tools import ports, replies
from host_tools.curve import Point
from host_tools.link import Link
from host_tools.outbox import Outbox
from host_tools.output import short
from targets.protocol import change, osc, smp

PRODUCT = "Limonaire"
READ_ATTEMPTS = 3  # a line may lose a byte; asking again changes nothing
TOPICS = ("notes", "beat", "ack", "levels", "health")


class Landed(NamedTuple):
    """A change that the board has acknowledged: the value it took, and the bar and beat on which it lands."""

    id: str
    value: float
    bar: int
    beat: float


class Device:
    """An open board, ours alone until it is closed. Every method may raise BoardTimeoutError and NoBoardError.

    `port`: path of a port; without it, the only board there is. `timeout_s`: how long to wait for one answer.
    Raises NoBoardError, NoPermissionError and BusyError where the port cannot be opened.
    """

    def __init__(self, port: str | None = None, timeout_s: float = 2.0) -> None:
        self.port, self.timeout_s = ports.choose(port), timeout_s
        self.link = Link(self.port)
        self._params: dict[str, Param] | None = None
        self._topics: set[str] = set()
        try:
            self._shake_hands()
        except BaseException:
            self.link.close()
            raise

    def __enter__(self) -> "Device":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Tell the board to be quiet, and close the port."""
        try:
            if self._topics:
                self.link.tell(osc.Message("/unsubscribe", ()))
        except (NoBoardError, BoardTimeoutError):
            pass  # it cannot hear us, and that is as good
        self.link.close()

    # ---- asking

    def ask(self, op: int, group: int, command: int, payload: Mapping[str, Any] | None = None, **how: Any) -> dict:
        """One SMP exchange: the payload of the answer. `timeout_s` and `attempts` may be given. RefusedError if no."""
        request = smp.Frame(op=op, group=group, command=command, payload=dict(payload or {}))
        answer = self.link.ask(request, how.get("timeout_s", self.timeout_s), how.get("attempts", 1))
        return replies.check(answer)

    def info(self, **how: Any) -> dict[str, Any]:
        """The board's status: board, serial, book, seed, bar, beat, uptime_s, rss_bytes, sink, stats."""
        how = {"attempts": READ_ATTEMPTS} | how
        return self.ask(smp.Op.READ, smp.Group.LIMONAIRE, smp.LimonaireCommand.STATUS, **how)

    def buffer_bytes(self) -> int:
        """The largest SMP message that the board takes."""
        answer = self.ask(smp.Op.READ, smp.Group.OS, smp.OsCommand.PARAMS, attempts=READ_ATTEMPTS)
        return int(answer["buf_size"])

    def slots(self) -> list[dict[str, Any]]:
        """The books that the board holds; slot 0 is the one that plays."""
        answer = self.ask(smp.Op.READ, smp.Group.IMAGE, smp.ImageCommand.STATE, attempts=READ_ATTEMPTS)
        return list(answer["images"])

    # ---- parameters

    def listed_params(self) -> list[tuple[Param, float]]:
        """Every parameter that the board declares, with its value now."""
        listed: list[tuple[Param, float]] = []
        total = 1
        while len(listed) < total:
            page = self.ask(
                smp.Op.READ,
                smp.Group.LIMONAIRE,
                smp.LimonaireCommand.PARAMS,
                {"off": len(listed)},
                attempts=READ_ATTEMPTS,
            )
            total = int(page["total"])
            listed += [(Param.from_dict(entry), float(entry["value"])) for entry in page["params"]]
            if not page["params"]:
                break
        self._params = {param.id: param for param, _ in listed}
        return listed

    def params(self) -> dict[str, Param]:
        """Every parameter that the board declares, by id. Asked once for each book."""
        if self._params is None:
            self.listed_params()
        return self._params or {}

    def get(self, param_id: str) -> float:
        """The value of a parameter, in its unit. UsageError if there is none of that name."""
        name = find(self.params(), param_id).id
        command = smp.SettingsCommand.READ_WRITE
        answer = self.ask(smp.Op.READ, smp.Group.SETTINGS, command, {"name": name}, attempts=READ_ATTEMPTS)
        return short(struct.unpack("<f", answer["val"])[0])

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

    def stream(self, points: Iterable[Point]) -> int:
        """Set parameters over time, (seconds from now, values by id). Returns how many values were given to the line.

        Where they come faster than the line carries them, the last value of each parameter wins. Not acknowledged.
        """
        outbox = Outbox(self.link.tell)
        start_s, given = time.monotonic(), 0
        try:
            for at_s, values in points:
                time.sleep(max(0.0, start_s + at_s - time.monotonic()))
                for param_id, value in values.items():
                    outbox.put(osc.Message(f"/param/{param_id}", (float(value),)))
                    given += 1
            outbox.flush()
        finally:
            outbox.close()
        return given

    # ---- listening

    def subscribe(self, *topics: str) -> None:
        """Ask the board to tell: notes, beat, ack, or all."""
        wanted = {t for topic in topics for t in (TOPICS if topic == "all" else (topic,))} - self._topics
        if wanted:
            self.link.tell(osc.Message("/subscribe", tuple(sorted(wanted))))
            self._topics |= wanted

    def messages(self, seconds: float | None = None, address: str = "") -> Iterator[osc.Message]:
        """What the board tells, as it comes, for so many seconds (for ever without); of one address if it is given."""
        ends_s = float("inf") if seconds is None else time.monotonic() + seconds
        while (left_s := ends_s - time.monotonic()) > 0:
            yield from self.link.heard(min(left_s, 0.5), address)

    def notes(self, seconds: float | None = None) -> Iterator[Note]:
        """The notes that the board plays, as they sound, for so many seconds (for ever without)."""
        self.subscribe("notes")
        yield from notes_in(self.messages(seconds, "/note"))

    # ---- books

    def test(self, image_hash: bytes) -> None:
        """Mark a book to be tried at the next reset."""
        self._mark({"hash": image_hash, "confirm": False})

    def confirm(self) -> None:
        """Keep the book that plays."""
        self._mark({"confirm": True})

    def reset(self) -> None:
        """Restart the board's runtime. Its answer may die with it: `wait_until_back` tells how it went."""
        with contextlib.suppress(BoardTimeoutError):
            self.ask(smp.Op.WRITE, smp.Group.OS, smp.OsCommand.RESET)

    def wait_until_back(self, timeout_s: float = 30.0) -> dict[str, Any]:
        """After `reset`: wait until the board has started again and sounds; its status then."""
        asked_s = time.monotonic()
        self._params, topics, self._topics = None, self._topics, set()
        while time.monotonic() < asked_s + timeout_s:
            try:
                status = self.info(timeout_s=0.5, attempts=1)
                if status["uptime_s"] < time.monotonic() - asked_s + 1.0 and status["stats"]["blocks"] > 0:
                    self.subscribe(*topics)
                    return status
            except (BoardTimeoutError, NoBoardError):
                self.reconnect()
            time.sleep(0.05)
        raise BoardTimeoutError(f"the board on {self.port} did not come back in {timeout_s:g} s", "reset it by hand")

    def _mark(self, payload: dict[str, Any]) -> None:
        self.ask(smp.Op.WRITE, smp.Group.IMAGE, smp.ImageCommand.STATE, payload, attempts=READ_ATTEMPTS)

    def reconnect(self) -> None:
        """Open the port again if it is there: a real board takes it away while it restarts, a bench board does not."""
        try:
            self.link.reopen()
        except NoBoardError:
            time.sleep(0.2)

    def _shake_hands(self) -> None:
        try:
            product = self.info(attempts=2).get("product")
        except replies.NotSupported:
            product = None
        if product != PRODUCT:
            raise NoBoardError(f"what answers on {self.port} is no Limonaire board", "see `limonaire devices`")


def notes_in(messages: Iterable[osc.Message]) -> Iterator[Note]:
    """The notes among messages: /note tick part pitch duration velocity."""
    for message in messages:
        if message.address == "/note" and len(message.args) == 5:
            yield Note(*(int(arg) for arg in message.args))


def _float32(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])
