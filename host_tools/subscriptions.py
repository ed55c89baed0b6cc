"""What a board tells to whoever subscribes: notes, beats, levels, health, acknowledgements."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from gen_core.spec.note import Note
from host_tools.link import Event, Link
from targets.protocol import osc

LISTEN_S = 0.5  # at a time, so that a program that listens can be interrupted
RENEW_S = 5.0  # of silence: the board may have started again, or the subscription may have been lost on a noisy line


class Beat(NamedTuple):
    """A beat that sounds now; both count from 0."""

    bar: int
    beat: float


class Levels(NamedTuple):
    """How loud the last tenth of a second was, in dB of full scale."""

    peak_left_db: float
    peak_right_db: float
    rms_left_db: float
    rms_right_db: float


class Health(NamedTuple):
    """How the board is doing. Counted since the start: late blocks, and times when no music had been composed."""

    ok: bool
    deadline_misses: int
    starved: int
    render_peak_ms: float
    rss_bytes: int


class Topic(NamedTuple):
    """One topic: the address of its messages, how many arguments they have, and what to make of them."""

    address: str
    arguments: int
    parse: Callable[..., Any]


def _note(*args: Any) -> Note:
    return Note(*(int(arg) for arg in args))


TOPICS = {
    "notes": Topic("/note", 5, _note),
    "beat": Topic("/beat", 2, lambda bar, beat: Beat(int(bar), float(beat))),
    "ack": Topic("/ack", 4, lambda *args: args),
    "levels": Topic("/levels", 4, lambda *args: Levels(*map(float, args))),
    "health": Topic(
        "/health",
        5,
        lambda ok, misses, starved, peak, rss: Health(bool(ok), int(misses), int(starved), float(peak), int(rss)),
    ),
}


class Subscriptions:
    """The topics that one program hears. `messages()` says them again to a board that has come back."""

    def __init__(self) -> None:
        self.topics: set[str] = set()

    def add(self, topics: Iterable[str]) -> bool:
        """Add topics, `all` for every one; True if any of them is new."""
        wanted = {name for topic in topics for name in (TOPICS if topic == "all" else (topic,))}
        new = bool(wanted - self.topics)
        self.topics |= wanted
        return new

    def messages(self) -> list[osc.Message]:
        """What to tell the board."""
        return [osc.Message("/subscribe", tuple(sorted(self.topics)))] if self.topics else []


class Listening:
    """The iterators of a board, for `Device`. They go on over an unplug, and raise NoBoardError if it is for good."""

    link: Link
    _subscriptions: Subscriptions

    def subscribe(self, *topics: str) -> None:
        """Ask the board to tell: notes, beat, ack, levels, health, or all."""
        if self._subscriptions.add(topics):
            self.renew()

    def messages(self, seconds: float | None = None, address: str = "") -> Iterator[osc.Message]:
        """What the board tells, as it comes, for so many seconds (for ever without); of one address if it is given."""
        ends_s = float("inf") if seconds is None else time.monotonic() + seconds
        renew_s = time.monotonic() + RENEW_S
        while (left_s := ends_s - time.monotonic()) > 0:
            taken = self.link.heard(min(left_s, LISTEN_S), address, 1)
            if not taken and time.monotonic() > renew_s:
                self.renew()
            if taken or time.monotonic() > renew_s:
                renew_s = time.monotonic() + RENEW_S
            yield from taken

    def notes(self, seconds: float | None = None) -> Iterator[Note]:
        """The notes that the board plays, as they sound, for so many seconds (for ever without)."""
        return self._told("notes", seconds)

    def beats(self, seconds: float | None = None) -> Iterator[Beat]:
        """Beats, as they sound."""
        return self._told("beat", seconds)

    def levels(self, seconds: float | None = None) -> Iterator[Levels]:
        """How loud it is, ten times a second."""
        return self._told("levels", seconds)

    def health(self, seconds: float | None = None) -> Iterator[Health]:
        """How the board is doing, once a second. `check_health` asks for it instead, with reasons."""
        return self._told("health", seconds)

    def events(self, seconds: float | None = None) -> Iterator[Event]:
        """What happens to the connection: lost, back, gone."""
        ends_s = float("inf") if seconds is None else time.monotonic() + seconds
        while (left_s := ends_s - time.monotonic()) > 0:
            yield from self.link.events.take(min(left_s, LISTEN_S), most=1)

    def renew(self) -> None:
        """Say the subscriptions again, to a board that may have forgotten them."""
        for message in self._subscriptions.messages():
            self.link.tell(message)

    def _told(self, topic: str, seconds: float | None) -> Iterator[Any]:
        self.subscribe(topic)
        yield from told(self.messages(seconds, TOPICS[topic].address), topic)


def told(messages: Iterable[osc.Message], topic: str) -> Iterator[Any]:
    """The messages of a topic as what they mean; others, and damaged ones, are passed over."""
    address, arguments, parse = TOPICS[topic]
    for message in messages:
        if message.address == address and len(message.args) == arguments:
            try:
                yield parse(*message.args)
            except (TypeError, ValueError, OverflowError):
                continue


def notes_in(messages: Iterable[osc.Message]) -> Iterator[Note]:
    """The notes among messages: /note tick part pitch duration velocity."""
    return told(messages, "notes")
