"""Who hears what: topics and a queue for each end of the wire, a cable or an address.

On a cable OSC and SMP share the line, and clients of SMP can take a float for the beginning of a frame: so a cable is
quiet while an SMP exchange goes on, and what is told waits or is left out. Datagrams are never mixed up and never wait.
A cable stays subscribed until it is pulled; an address until it has said nothing for a minute, or refuses what is sent
to it.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from gen_core.spec.errors import BusyError
from targets.protocol import slip
from targets.runtime.access import Origin

QUIET_AFTER_UPLOAD_S = 5.0  # between two chunks, and until the client has marked and reset
QUIET_AFTER_SMP_S = 0.3  # long enough for the next request of the same exchange
WAITING_MESSAGES = 20000  # on a cable: 15 minutes of dense music
WAITING_DATAGRAMS = 500  # a socket that takes nothing for so long never will
LASTS_S = 60.0
FLEETING = ("beat", "levels", "health")  # worth nothing later: while a cable is quiet these are left out
MOST_ADDRESSES = 32  # at once, those that only wait for one answer included


@dataclass
class Hearer:
    """One end of the wire that is told something."""

    topics: set[str] = field(default_factory=set)
    waiting: deque[bytes] = field(default_factory=deque)  # as they go over the wire
    quiet_until_s: float = 0.0
    heard_s: float = 0.0  # when it last said something


class Subscribers:
    """Topics and queues by origin. One thread calls it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._hearers: dict[Origin, Hearer] = {}
        self.dropped = 0  # messages

    def subscribe(self, origin: Origin, topics: Iterable[str]) -> None:
        """Begin to tell `origin` of these topics as well. BusyError if too many addresses listen already."""
        self._hearer(origin).topics |= set(topics)

    def unsubscribe(self, origin: Origin, topics: Iterable[str]) -> None:
        """Tell it of these no more."""
        if origin in self._hearers:
            self._hearers[origin].topics -= set(topics)

    def heard_from(self, origin: Origin) -> None:
        """It is there: its subscription goes on."""
        if origin in self._hearers:
            self._hearers[origin].heard_s = self._clock()

    def smp_seen(self, origin: Origin, upload: bool) -> None:
        """An SMP frame went by on this cable: hold back for a while."""
        quiet_s = QUIET_AFTER_UPLOAD_S if upload else QUIET_AFTER_SMP_S
        hearer = self._hearer(origin)
        hearer.quiet_until_s = max(hearer.quiet_until_s, self._clock() + quiet_s)

    def forget(self, origin: Origin) -> None:
        """It is gone, or has not been reading for long: its subscriptions end, what waits is thrown away."""
        if origin in self._hearers:
            self._hearers[origin].topics.clear()
            self._hearers[origin].waiting.clear()

    def wanted(self, topic: str) -> bool:
        """True if anybody hears of it."""
        return any(topic in hearer.topics for hearer in self._hearers.values())

    def tell(self, topic: str, packet: bytes) -> None:
        """Queue an OSC packet for everybody who subscribed to the topic."""
        now_s = self._clock()
        for origin, hearer in self._hearers.items():
            if topic in hearer.topics and not (topic in FLEETING and now_s < hearer.quiet_until_s):
                self._queue(origin, hearer, packet)

    def answer(self, origin: Origin, packet: bytes) -> None:
        """Queue an OSC packet for one, subscribed or not. BusyError if too many addresses listen already."""
        self._queue(origin, self._hearer(origin), packet)

    def take(self, origin: Origin, room_bytes: int) -> list[bytes]:
        """What to send there now, no more than `room_bytes`: SLIP packets for a cable, datagrams for an address."""
        hearer, packets = self._hearers.get(origin), []
        if hearer is None or self._clock() < hearer.quiet_until_s:
            return []
        while hearer.waiting and len(hearer.waiting[0]) <= room_bytes:
            packets.append(hearer.waiting.popleft())
            room_bytes -= len(packets[-1])
        return packets

    def addresses(self) -> list[Origin]:
        """Everybody who is reached by datagrams; who has been silent for too long is dropped."""
        now_s = self._clock()
        for origin, hearer in list(self._hearers.items()):
            if origin.kind == "ip" and (now_s - hearer.heard_s > LASTS_S or not (hearer.topics or hearer.waiting)):
                del self._hearers[origin]
        return [origin for origin in self._hearers if origin.kind == "ip"]

    def _hearer(self, origin: Origin) -> Hearer:
        if origin not in self._hearers:
            if origin.kind == "ip" and len(self.addresses()) >= MOST_ADDRESSES:
                raise BusyError(f"{MOST_ADDRESSES} addresses listen already", "unsubscribe one")
            self._hearers[origin] = Hearer(heard_s=self._clock())
        return self._hearers[origin]

    def _queue(self, origin: Origin, hearer: Hearer, packet: bytes) -> None:
        by_datagrams = origin.kind == "ip"
        if len(hearer.waiting) >= (WAITING_DATAGRAMS if by_datagrams else WAITING_MESSAGES):
            hearer.waiting.popleft()
            self.dropped += 1
        hearer.waiting.append(packet if by_datagrams else slip.encode(packet))
