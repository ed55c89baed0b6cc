"""The host's end of the cable: one port, one thread that reads it, SMP answers and OSC messages sorted apart."""

import queue
import threading
import time
from collections import deque

import serial

from gen_core.spec.errors import BoardTimeoutError, NoBoardError
from host_tools.serial_port import open_port
from targets.protocol import osc, slip, smp, smp_serial
from targets.protocol.demux import Demux

MESSAGES_KEPT = 100_000  # an hour of dense music; older ones are dropped, so that memory stays bounded


class Link:
    """An open port. `ask` asks over SMP, `tell` tells over OSC, `heard` gives what the board told over OSC."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.sent_bytes = self.received_bytes = 0
        self._sequence = 0
        self._messages: deque[osc.Message] = deque(maxlen=MESSAGES_KEPT)
        self._told = threading.Condition()
        self._writing, self._asking = threading.Lock(), threading.Lock()
        self._open()

    def _open(self) -> None:
        self._serial = open_port(self.path)
        self._answers: queue.Queue[smp.Frame | None] = queue.Queue()  # None: the port is gone
        self._closing = threading.Event()
        self._reader = threading.Thread(target=self._read, name="limonaire-link", daemon=True)
        self._reader.start()

    def close(self) -> None:
        """Close the port; the reader ends with it."""
        self._closing.set()
        self._reader.join()
        self._serial.close()

    def reopen(self) -> None:
        """Open the port again, after a board that reset took it away. Raises what opening raises."""
        self.close()
        self._open()

    def ask(self, request: smp.Frame, timeout_s: float, attempts: int = 1) -> smp.Frame:
        """Send a request and wait for its answer; asked again in the same words when none comes in time.

        Raises BoardTimeoutError when no answer comes, NoBoardError when the port goes away.
        """
        with self._asking:
            self._sequence = (self._sequence + 1) % 256
            frame = request.numbered(self._sequence)
            for _ in range(attempts):
                self._write(smp_serial.to_lines(smp.encode(frame)))
                answer = self._answer_to(frame, time.monotonic() + timeout_s)
                if answer is not None:
                    return answer
        cause = f"the board on {self.path} does not answer ({attempts} x {timeout_s:g} s)"
        raise BoardTimeoutError(cause, "check the cable, or give it more time with --timeout")

    def tell(self, message: osc.Message) -> None:
        """Send one OSC message. Nothing says whether it arrived."""
        self._write(slip.encode(osc.encode(message)))

    def heard(self, timeout_s: float = 0.0, address: str = "") -> list[osc.Message]:
        """Take what the board has told; waits up to `timeout_s` for the first message.

        With an address only the messages of that address are taken; the others wait for their own reader.
        """

        def fits(message: osc.Message) -> bool:
            return not address or message.address == address

        with self._told:
            self._told.wait_for(lambda: any(map(fits, self._messages)), timeout_s)
            taken = [message for message in self._messages if fits(message)]
            left = [message for message in self._messages if not fits(message)]
            self._messages.clear()
            self._messages.extend(left)
        return taken

    def _answer_to(self, frame: smp.Frame, deadline_s: float) -> smp.Frame | None:
        """The answer to `frame`, or None at the deadline; late answers to earlier requests are passed over."""
        while (left_s := deadline_s - time.monotonic()) > 0:
            try:
                answer = self._answers.get(timeout=left_s)
            except queue.Empty:
                return None
            if answer is None:
                raise self._lost()
            if answer.answers(frame):
                return answer
        return None

    def _write(self, data: bytes) -> None:
        with self._writing:
            try:
                self._serial.write(data)
                self.sent_bytes += len(data)
            except serial.SerialTimeoutException:
                raise BoardTimeoutError(f"nobody takes what is sent to {self.path}", "reset the board") from None
            except (serial.SerialException, OSError):
                raise self._lost() from None

    def _lost(self) -> NoBoardError:
        return NoBoardError(f"the connection to {self.path} is lost", "plug the board in again and repeat the command")

    def _read(self) -> None:
        demux, port, closing, answers = Demux(), self._serial, self._closing, self._answers
        while not closing.is_set():
            try:
                data = port.read(1)
                data += port.read(port.in_waiting) if data else b""
            except (serial.SerialException, OSError, TypeError):  # TypeError: pyserial, when the port is closed
                answers.put(None)
                return
            self.received_bytes += len(data)
            for kind, packet in demux.feed(data):
                self._sort(kind, packet, answers)

    def _sort(self, kind: str, packet: bytes, answers: "queue.Queue[smp.Frame | None]") -> None:
        """Answers to whoever asks, messages to whoever listens; what is damaged is dropped, as a line may damage it."""
        try:
            if kind == "smp":
                answers.put(smp.decode(packet))
                return
            messages = osc.decode(packet)
        except ValueError:
            return
        with self._told:
            self._messages.extend(messages)
            self._told.notify_all()
