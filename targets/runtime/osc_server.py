"""OSC on the wire: parameters in, and to whoever subscribed notes, beats and acknowledgements out.

OSC in SLIP has no checksum, so numbers are clamped to the declared range, and what is not a number or not known is
counted and otherwise ignored. So is what changes something and comes from an address that may not write.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gen_core.spec.errors import LimonaireError, UsageError, WireError
from gen_core.spec.param import Param
from targets.protocol import change, osc
from targets.runtime.access import SERIAL, Access, Origin
from targets.runtime.performer import Performer
from targets.runtime.subscribers import Subscribers

TOPICS = ("notes", "beat", "ack", "levels", "health")
ADDRESS = "/param/"
READS = ("/subscribe", "/unsubscribe", "/sync", "/token")  # change nothing; nor does a parameter without a value


@dataclass
class Sign:
    """What is told again and again while somebody hears it: `look` gives it, `rest` is called while nobody does."""

    topic: str
    every_s: float
    look: Callable[[], tuple]
    rest: Callable[[], None] = lambda: None
    told_s: float = -1e9


class OscServer:
    """Speaks OSC for one performance. One thread calls it."""

    def __init__(
        self,
        performance: Performer,
        clock: Callable[[], float] = time.monotonic,
        access: Access | None = None,
    ) -> None:
        self._performance, self._clock = performance, clock
        self._access = access or Access()
        self.subscribers = Subscribers(clock)
        self._sender = SERIAL  # of the message that is being handled
        self._beat = (-1, -1)
        self.signs: Sequence[Sign] = ()  # levels and health
        self._counts: Counter[str] = Counter(osc_set=0, osc_played=0, osc_refused=0, osc_denied=0)

    def receive(self, packet: bytes, origin: Origin = SERIAL) -> None:
        """Do what a packet asks; whatever it is, never an exception."""
        self._sender = origin
        try:
            messages = osc.decode(packet)
        except WireError:  # noise between two packets, or a cut one
            self._counts["osc_refused"] += 1
            return
        self.subscribers.heard_from(origin)
        for message in messages:
            try:
                self._receive(message)
            except (LimonaireError, ValueError, TypeError):
                self._counts["osc_refused"] += 1

    def outgoing(self, room_bytes: int, origin: Origin = SERIAL) -> list[bytes]:
        """What to send to `origin` now, as it goes over the wire, no more than `room_bytes`.

        Call it often: it also collects the notes.
        """
        self._collect()
        return self.subscribers.take(origin, room_bytes)

    def stats(self) -> dict[str, int]:
        """Messages that set something, were refused, came from who may not write (denied), were dropped unsent."""
        return dict(self._counts) | {"osc_dropped": self.subscribers.dropped}

    def _collect(self) -> None:
        """What has happened since, to everybody who subscribed to it."""
        for note in self._performance.take_notes():
            self._tell("notes", "/note", osc.Int64(note.tick), note.part, note.pitch, note.duration, note.velocity)
        self._tell_beat()
        for sign in self.signs:
            self._tell_sign(sign)

    def _receive(self, message: osc.Message) -> None:
        changes = bool(message.args) if message.address.startswith(ADDRESS) else message.address not in READS
        if changes and not self._sender.may_write:
            self._counts["osc_denied"] += 1
            return
        self._handle(message)

    def _handle(self, message: osc.Message) -> None:
        if message.address.startswith(ADDRESS):
            self._parameter(self._find(message.address[len(ADDRESS) :]), message.args)
        elif message.address == "/subscribe":
            self.subscribers.subscribe(self._sender, _topics(message.args))
        elif message.address == "/unsubscribe":
            self.subscribers.unsubscribe(self._sender, _topics(message.args or ("all",)))
        elif message.address == "/play":
            self._play(*message.args)
        elif message.address == "/sync":
            bar, beat = self._performance.position()
            tick, bpm = osc.Int64(self._performance.tick), osc.Double(self._performance.values().get("bpm", 0.0))
            self._answer("/sync", *message.args[:1], bar, float(beat), tick, bpm)
        elif message.address == "/token":
            self._show_token(message.args)
        else:
            raise UsageError(f"{message.address} is not known here")

    def _find(self, param_id: str) -> Param:
        if param_id not in self._performance.params:  # no search for near names: this may be noise, and often
            raise UsageError(f"there is no parameter {param_id!r}")
        return self._performance.params[param_id]

    def _parameter(self, param: Param, args: tuple) -> None:
        if not args:
            self._answer(ADDRESS + param.id, float(self._performance.get(param.id)))
            return
        value, over, quantum = change.read(param, args)
        bar, beat = self._performance.set(param.id, value, quantum, over)
        self._counts["osc_set"] += 1
        self._tell("ack", "/ack", param.id, value, int(bar), float(beat))

    def _play(self, part: str | int, pitch: int, velocity: int) -> None:
        if not isinstance(pitch, int) or not isinstance(velocity, int):
            raise UsageError("a key and its velocity are whole numbers")
        self._performance.play(part, pitch, velocity)
        self._counts["osc_played"] += 1

    def _tell_sign(self, sign: Sign) -> None:
        if not self.subscribers.wanted(sign.topic):
            sign.rest()
        elif self._clock() >= sign.told_s + sign.every_s:
            sign.told_s = self._clock()
            self._tell(sign.topic, f"/{sign.topic}", *sign.look())

    def _show_token(self, args: tuple) -> None:
        refusal = self._access.present(args[0] if args else None, self._sender)
        if refusal:
            raise UsageError(refusal)

    def _tell_beat(self) -> None:
        if not self.subscribers.wanted("beat"):
            return
        bar, beat = self._performance.position()
        if (bar, int(beat)) != self._beat:
            self._beat = (bar, int(beat))
            self._tell("beat", "/beat", bar, float(int(beat)))

    def _tell(self, topic: str, address: str, *args: object) -> None:
        """To everybody who subscribed."""
        if self.subscribers.wanted(topic):
            self.subscribers.tell(topic, osc.encode(osc.Message(address, args)))

    def _answer(self, address: str, *args: object) -> None:
        """To the sender of the message that is being handled."""
        self.subscribers.answer(self._sender, osc.encode(osc.Message(address, args)))


def _topics(words: tuple) -> set[str]:
    unknown = set(words) - {*TOPICS, "all"}
    if unknown:
        raise UsageError(f"no such topic: {unknown}")
    return set(TOPICS) if "all" in words else set(words)
