"""The host's end of the cable, which outlives the cable: when the port goes away, the board is looked for again."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from gen_core.spec.errors import BoardTimeoutError, LimonaireError, NoBoardError
from host_tools import ports
from host_tools.connection import Connection, ConnectionLost, Traffic
from host_tools.mailbox import KEPT, Mailbox
from host_tools.outbox import Outbox
from host_tools.patience import waits
from host_tools.wires import open_wire
from targets.protocol import osc, smp

LOOK_EVERY_S = 0.2
KEEP_ALIVE_S = 20.0  # a board forgets an address that has said nothing for a minute
FLUSH_TIMEOUT_S = 60.0

Ask = Callable[[smp.Frame, float], smp.Frame | None]


class Event(NamedTuple):
    """What happened to the connection: "lost", "back", or "gone" when patience is over; and the port."""

    kind: str
    port: str


class Link:
    """A connection to one board, opened again whenever it is lost.

    `greet(ask, port)` must raise unless the board at the other end is the right one; nothing but its questions is sent
    before. `introduce()` gives the messages to begin with, such as subscriptions. `reconnect_s`: how long to look for
    a board that is gone; 0 means not at all.
    """

    def __init__(
        self,
        port: str,
        baud: int | None = None,
        greet: Callable[[Ask, str], None] = lambda ask, port: None,
        introduce: Callable[[], Sequence[osc.Message]] = tuple,
        reconnect_s: float = 0.0,
        on_event: Callable[[Event], None] = lambda event: None,
    ) -> None:
        self.port, self.reconnect_s = port, reconnect_s
        self._baud, self._greet, self._introduce, self._on_event = baud, greet, introduce, on_event
        self._listed = ports.at(port)
        self.messages: Mailbox[osc.Message] = Mailbox(lambda message: message.address)
        self.events: Mailbox[Event] = Mailbox(lambda event: event.kind)
        self._outbox, self._asking, self._sequence = Outbox(), threading.Lock(), 0
        self._traffic = Traffic()
        self._state, self._changed = "gone", threading.Condition()  # up, lost, gone, closed
        self._closing = threading.Event()
        self._keeper: threading.Thread | None = None
        self._connection: Connection | None = None
        self._open(port)

    @property
    def sent_bytes(self) -> int:
        """Bytes on the wire to the board, over all connections."""
        return self._traffic.sent

    @property
    def received_bytes(self) -> int:
        """Bytes on the wire from the board, noise included."""
        return self._traffic.received

    @property
    def waited_s(self) -> float:
        """How long the last answer took, counted as `timeout_s` is: from when the request had left."""
        return self._connection.waited_s if self._connection else 0.0

    @property
    def up(self) -> bool:
        """True while the board is connected."""
        return self._state == "up"

    def close(self) -> None:
        """Send what waits, as far as the line is there; close the port."""
        if self.up:
            self._flush_briefly()
        self._closing.set()
        self._become("closed")
        if self._keeper and self._keeper is not threading.current_thread():
            self._keeper.join()
        self._retire()

    def reopen(self, timeout_s: float = 1.0) -> None:
        """Have the board back: waits a little while it is looked for, tries once more when it had been given up.

        Raises what opening raises, and NoBoardError while it is away.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._state != "lost", timeout_s)
            state = self._state
        if state == "gone":
            self._retire()
            self._open(self._whereabouts())
        elif state != "up":
            raise ConnectionLost(self.port)

    def ask(self, request: smp.Frame, timeout_s: float, attempts: int = 1) -> smp.Frame:
        """Send a request and wait for its answer; asked again in the same words when none comes in time.

        If the board is lost meanwhile, a read, and whatever may be asked more than once, is asked again when it is
        back. Raises BoardTimeoutError when no answer comes, NoBoardError when the board does not come back, or when
        nobody knows whether a write was heard.
        """
        with self._asking:
            self._sequence = (self._sequence + 1) % 256
            frame = request.numbered(self._sequence)
            for wait_s in waits(timeout_s, attempts):
                answer = self._answer_to(frame, wait_s, again=attempts > 1 or request.op == smp.Op.READ)
                if answer is not None:
                    return answer
        cause = f"the board on {self.port} does not answer ({attempts} x {timeout_s:g} s)"
        raise BoardTimeoutError(cause, "check the cable, or give it more time with --timeout")

    def tell(self, message: osc.Message) -> None:
        """Send one OSC message, in its turn. Nothing says whether it arrived."""
        self._when_up()
        self._outbox.queue(osc.encode(message))

    def put(self, message: osc.Message) -> None:
        """Send a live value: of each address the newest, as soon as the line has room. Never waits.

        Raises NoBoardError when the board is gone for good; while it is only lost, values wait for it.
        """
        packet = osc.encode(message)
        if self._state in ("gone", "closed"):
            raise ConnectionLost(self.port)
        self._outbox.put(message.address, packet)

    def flush(self, timeout_s: float = FLUSH_TIMEOUT_S) -> None:
        """Wait until everything that was told or put has been handed to the system."""
        ends_s = time.monotonic() + timeout_s
        while not self._outbox.flush(0.1):
            self._when_up()
            if time.monotonic() > ends_s:
                raise BoardTimeoutError(f"nobody takes what is sent to {self.port}", "reset the board")

    def heard(self, timeout_s: float = 0.0, address: str = "", most: int = KEPT) -> list[osc.Message]:
        """Take what the board has told, at most so many messages; waits up to `timeout_s` for the first.

        With an address only the messages of that address are taken; the others wait for their own reader. Raises
        NoBoardError when the board is gone for good and nothing is left to read.
        """
        taken = self.messages.take(timeout_s, address, most)
        if not taken and self._state in ("gone", "closed"):
            raise ConnectionLost(self.port)
        return taken

    # ---- the connection and its loss

    def _answer_to(self, frame: smp.Frame, timeout_s: float, again: bool) -> smp.Frame | None:
        """One attempt; over as many connections as it takes where the request may be heard twice."""
        while True:
            connection = self._when_up()
            try:
                return connection.ask(frame, timeout_s)
            except ConnectionLost:
                if not again or self._closing.is_set():
                    raise
                self._settle(connection)

    def _settle(self, connection: Connection) -> None:
        """Wait until the loss of a connection has been noticed, which another thread does."""
        with self._changed:
            self._changed.wait_for(lambda: self._connection is not connection or self._state != "up", LOOK_EVERY_S)

    def _open(self, port: str) -> None:
        """Open, greet, introduce: only then is anything else sent."""
        wire = open_wire(port, self._baud)
        connection = Connection(wire, port, self._outbox, self._traffic, self.messages.put, self._lost)
        try:
            self._greet(connection.ask, port)
        except BaseException:
            connection.close()
            raise
        self.port, self._connection = port, connection
        self._outbox.release([osc.encode(message) for message in self._introduce()])
        self._become("up")
        if connection.lost:  # between greeting and now
            self._lost(connection)
        elif wire.kind == "udp":
            threading.Thread(target=self._keep_alive, args=(connection,), daemon=True).start()

    def _lost(self, connection: Connection) -> None:
        """In a thread of the connection: look for the board in another one, which may end this one."""
        with self._changed:
            if connection is not self._connection or self._state != "up":
                return
            self._state = "lost" if self.reconnect_s > 0 else "gone"
            self._changed.notify_all()
            if self._state == "lost":
                self._keeper = threading.Thread(target=self._look, name="limonaire-keeper", daemon=True)
                self._keeper.start()
        self._happened(self._state)

    def _look(self) -> None:
        """Until the board is found, or patience is over."""
        ends_s = time.monotonic() + self.reconnect_s
        self._retire()
        while not self._closing.wait(LOOK_EVERY_S):
            try:
                self._open(self._whereabouts())
            except (LimonaireError, OSError):  # not there yet, not yet ours to open, or not yet awake
                if time.monotonic() > ends_s:
                    self._become("gone")
                    return self._happened("gone")
            else:
                return self._happened("back")

    def _whereabouts(self) -> str:
        """Where the board is now. One that the list knew is never sought on a port that may be a stranger's now."""
        path = ports.find_again(self._listed) if self._listed else self.port
        if path is None:
            raise NoBoardError(f"the board that was on {self.port} is not connected", "plug it in again")
        return path

    def _retire(self) -> None:
        if self._connection:
            self._connection.close()

    def _keep_alive(self, connection: Connection) -> None:
        while not self._closing.wait(KEEP_ALIVE_S) and connection is self._connection and self.up:
            for message in self._introduce():
                self._outbox.queue(osc.encode(message))

    def _when_up(self) -> Connection:
        """The connection, when it is there; waits for a board that is lost."""
        with self._changed:
            self._changed.wait_for(lambda: self._state != "lost")
            if self._state != "up" or self._connection is None:
                raise ConnectionLost(self.port)
            return self._connection

    def _become(self, state: str) -> None:
        with self._changed:
            self._state = self._state if self._state == "closed" else state
            self._changed.notify_all()

    def _happened(self, kind: str) -> None:
        event = Event(kind, self.port)
        try:
            self._on_event(event)
        finally:  # what a caller does wrong is no reason to forget it
            self.events.put([event])

    def _flush_briefly(self) -> None:
        try:
            self._outbox.flush(1.0)
        except LimonaireError:
            pass  # nobody takes it, and we are leaving
