"""One opening of a port: a thread that reads it, a thread that writes it, and what came back. It dies once."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gen_core.spec.errors import BoardTimeoutError, NoBoardError
from host_tools.outbox import Outbox
from host_tools.wires import Wire
from targets.protocol import osc, smp

IDLE_S = 0.1  # how long the writer may take to notice that it should stop


class ConnectionLost(NoBoardError):
    """The port went away under an open connection."""

    def __init__(self, port: str) -> None:
        super().__init__(f"the connection to {port} is lost", "plug the board in again and repeat the command")


@dataclass
class Traffic:
    """Bytes on the wire, noise included, over all connections of a link."""

    sent: int = 0
    received: int = 0


class Connection:
    """Reads and writes `wire` until it is closed or lost.

    `heard(messages)` is called with what the board tells over OSC, `lost(connection)` once if the wire goes away; both
    in threads of the connection.
    """

    def __init__(
        self,
        wire: Wire,
        port: str,
        outbox: Outbox,
        traffic: Traffic,
        heard: Callable[[Sequence[osc.Message]], None],
        lost: Callable[["Connection"], None],
    ) -> None:
        self._wire, self._port, self._outbox, self._traffic = wire, port, outbox, traffic
        self._heard, self._tell_lost = heard, lost
        self._answers: queue.Queue[smp.Frame | None] = queue.Queue()  # None: the wire is gone
        self._ending, self._failing = threading.Event(), threading.Lock()
        self.lost, self.waited_s = False, 0.0  # for the last answer, from when its request had left
        self._threads = [
            threading.Thread(target=run, name=f"limonaire-{run.__name__.strip('_')}", daemon=True)
            for run in (self._read, self._write)
        ]
        for thread in self._threads:
            thread.start()

    def ask(self, frame: smp.Frame, timeout_s: float) -> smp.Frame | None:
        """Send a request and wait for its answer from when it has left; None if there is none in time.

        Late answers to earlier requests are passed over. One thread may ask at a time. Raises ConnectionLost, and
        BoardTimeoutError when nobody takes what is sent.
        """
        self._check()
        self._outbox.post(self._wire.pieces(smp.encode(frame))).wait()
        sent_s = time.monotonic()
        while (left_s := sent_s + timeout_s - time.monotonic()) > 0:
            try:
                answer = self._answers.get(timeout=left_s)
            except queue.Empty:
                return None
            if answer is None:
                raise ConnectionLost(self._port)
            if answer.answers(frame):
                self.waited_s = time.monotonic() - sent_s
                return answer
        return None

    def close(self) -> None:
        """End both threads and give the port back; who waits for an answer learns that there will be none."""
        self._ending.set()
        self._answers.put(None)
        self._wire.cancel()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()
        self._wire.close()
        self._outbox.hold(ConnectionLost(self._port))

    def _check(self) -> None:
        if self.lost or self._ending.is_set():
            raise ConnectionLost(self._port)

    def _read(self) -> None:
        while not self._ending.is_set():
            try:
                count, packets = self._wire.read()
            except (OSError, TypeError):  # of pyserial as well; TypeError is its word for a port that is closed
                return self._fail()
            self._traffic.received += count
            for kind, packet in packets:
                self._sort(kind, packet)

    def _sort(self, kind: str, packet: bytes) -> None:
        """Answers to whoever asks, messages to whoever listens; what is damaged is dropped, as a line may damage it."""
        try:
            if kind == "smp":
                self._answers.put(smp.decode(packet))
            else:
                self._heard(osc.decode(packet))
        except ValueError:
            return

    def _write(self) -> None:
        while not self._ending.is_set():
            wait_s = self._wire.wait_s()
            if wait_s > 0:
                time.sleep(min(wait_s, IDLE_S))
                continue
            piece = self._outbox.take(IDLE_S)
            if piece is None:
                continue
            try:
                self._traffic.sent += self._wire.write(*piece)
                self._outbox.sent(piece[0])
            except BoardTimeoutError as error:
                self._outbox.sent(piece[0], error)
            except (OSError, TypeError):
                return self._fail()

    def _fail(self) -> None:
        """The first of the two threads to notice says so, unless the connection was closed on purpose."""
        with self._failing:
            if self.lost or self._ending.is_set():
                return
            self.lost = True
        self._outbox.hold(ConnectionLost(self._port))
        self._answers.put(None)
        self._tell_lost(self)
