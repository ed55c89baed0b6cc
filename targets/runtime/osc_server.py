"""OSC on the cable: parameters in, and to whoever subscribed notes, beats and acknowledgements out.

OSC in SLIP has no checksum, so numbers are clamped to the declared range, and what is not a number or not known is
counted and otherwise ignored. While an SMP exchange goes on nothing is sent, because clients of SMP can take a float
for the beginning of a frame; notes and acknowledgements wait meanwhile.
"""

import math
import time
from collections import Counter, deque
from collections.abc import Callable

from gen_core.spec.errors import UsageError, WireError
from gen_core.spec.param import Param
from targets.protocol import osc, slip
from targets.runtime.performer import Performer

TOPICS = ("notes", "beat", "ack")
QUIET_AFTER_UPLOAD_S = 5.0  # between two chunks, and until the client has marked and reset
QUIET_AFTER_SMP_S = 0.3  # long enough for the next request of the same exchange
WAITING_MESSAGES = 20000  # 15 minutes of dense music
ADDRESS = "/param/"


class OscServer:
    """Speaks OSC for one performance. One thread calls it."""

    def __init__(self, performance: Performer, clock: Callable[[], float] = time.monotonic) -> None:
        self._performance, self._clock = performance, clock
        self._topics: set[str] = set()
        self._waiting: deque[bytes] = deque()
        self._quiet_until_s = 0.0
        self._beat = (-1, -1)
        self._counts: Counter[str] = Counter(osc_set=0, osc_refused=0, osc_dropped=0)

    def receive(self, packet: bytes) -> None:
        """Do what a packet asks; whatever it is, never an exception."""
        try:
            messages = osc.decode(packet)
        except WireError:  # noise between two packets, or a cut one
            messages = []
            self._counts["osc_refused"] += 1
        for message in messages:
            try:
                self._handle(message)
            except (UsageError, ValueError, TypeError):
                self._counts["osc_refused"] += 1

    def smp_seen(self, upload: bool) -> None:
        """An SMP frame went by: hold back for a while."""
        quiet_s = QUIET_AFTER_UPLOAD_S if upload else QUIET_AFTER_SMP_S
        self._quiet_until_s = max(self._quiet_until_s, self._clock() + quiet_s)

    def outgoing(self, room_bytes: int) -> list[bytes]:
        """What to send now, as SLIP packets that fit in `room_bytes`. Call it often: it also collects the notes."""
        notes = self._performance.take_notes()
        if "notes" in self._topics:
            for note in notes:
                self._queue("/note", osc.Int64(note.tick), note.part, note.pitch, note.duration, note.velocity)
        if self._clock() < self._quiet_until_s:
            return []
        self._queue_beat()
        packets: list[bytes] = []
        while self._waiting and len(self._waiting[0]) <= room_bytes:
            packets.append(self._waiting.popleft())
            room_bytes -= len(packets[-1])
        return packets

    def forget(self) -> None:
        """Nobody has been reading for long: all subscriptions end."""
        self._topics.clear()
        self._waiting.clear()

    def stats(self) -> dict[str, int]:
        """Messages that set something, that were refused, that were dropped unsent."""
        return dict(self._counts)

    def _handle(self, message: osc.Message) -> None:
        if message.address.startswith(ADDRESS):
            self._parameter(self._find(message.address[len(ADDRESS) :]), message.args)
        elif message.address == "/subscribe":
            self._topics |= _topics(message.args)
        elif message.address == "/unsubscribe":
            self._topics -= _topics(message.args or ("all",))
        else:
            raise UsageError(f"{message.address} is not known here")

    def _find(self, param_id: str) -> Param:
        if param_id not in self._performance.params:  # no search for near names: this may be noise, and often
            raise UsageError(f"there is no parameter {param_id!r}")
        return self._performance.params[param_id]

    def _parameter(self, param: Param, args: tuple) -> None:
        if not args:
            self._queue(ADDRESS + param.id, float(self._performance.get(param.id)))
            return
        value = param.parse(args[0]) if isinstance(args[0], str) else args[0]
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise UsageError(f"{param.id} cannot be {value!r}")
        value = param.clamp(float(value))
        quantum = next((word for word in args[1:] if isinstance(word, str)), "")
        bar, beat = self._performance.set(param.id, value, quantum)
        self._counts["osc_set"] += 1
        if "ack" in self._topics:
            self._queue("/ack", param.id, value, int(bar), float(beat))

    def _queue_beat(self) -> None:
        if "beat" not in self._topics:
            return
        bar, beat = self._performance.position()
        if (bar, int(beat)) != self._beat:
            self._beat = (bar, int(beat))
            self._queue("/beat", bar, float(int(beat)))

    def _queue(self, address: str, *args: object) -> None:
        if len(self._waiting) >= WAITING_MESSAGES:
            self._waiting.popleft()
            self._counts["osc_dropped"] += 1
        self._waiting.append(slip.encode(osc.encode(osc.Message(address, args))))


def _topics(words: tuple) -> set[str]:
    unknown = set(words) - {*TOPICS, "all"}
    if unknown:
        raise UsageError(f"no such topic: {unknown}")
    return set(TOPICS) if "all" in words else set(words)
