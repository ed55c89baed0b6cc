"""Slots A and B and the factory book: what may be written, what is tried, what is played.

The book that plays is shown as slot 0, the one that may be written as slot 1. An upload lands in the latter; `test`
marks it; the next boot tries it; a boot that nobody confirmed is followed by the confirmed book again. A confirmed
book is never demoted by power cycling, and the factory book is always there.
"""

import contextlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from gen_core.spec.errors import LimonaireError
from targets.boards.board import Board
from targets.protocol import book as books
from targets.protocol import mcuboot, smp
from targets.runtime.boot_state import FACTORY, FILE, SLOTS, BootState, Mark, from_json, to_json
from targets.runtime.log import Log
from targets.runtime.rejection import Rejection
from targets.runtime.storage import Storage, write_atomic


@dataclass(frozen=True)
class Held:
    """A slot's book, verified. `version` prints as `image state-read` shows it, `hash` is in hex.

    `counter` is its security counter: once a book is confirmed, those of a lower one are not taken any more.
    """

    name: str
    version: mcuboot.Version
    hash: str
    counter: int = 0


class Slots:
    """The board's books. `trusted` are public keys in PEM; None takes a book of any signer."""

    def __init__(self, storage: Storage, trusted: Sequence[bytes] | None, board: Board, log: Log) -> None:
        self.storage, self.trusted, self.board, self.log = storage, trusted, board, log
        self.state = self._read_state()
        self.active = ""
        self._held: dict[str, Held | None] = {}

    # ---- booting

    def boot(self) -> None:
        """Power-on: end an unconfirmed trial, begin a marked one. Durable before anything of the new book runs."""
        if self.state.trial:
            self.log.say(f"slot {self.state.trial.slot} was tried and not confirmed: going back")
        try:
            self._write_state(self.state.booted())
        except OSError as error:  # a trial that leaves no trace would be tried for ever: none today
            self.log.say(f"{FILE} cannot be written ({error}): no trial at this boot")
            self.state = replace(self.state, trial=None, following=None)

    def candidates(self) -> Iterator[tuple[str, books.Book]]:
        """Books that verify, best first: on trial, confirmed, once confirmed, factory, whatever else there is."""
        offered: set[str] = set()
        for slot, hashes in self._wishes():
            known = self._held.get(slot)
            if slot in offered or (slot in self._held and (known is None or not _fits(known.hash, hashes))):
                continue
            book = self.read(slot)
            if book is not None and _fits(held_of(book).hash, hashes):
                offered.add(slot)
                yield slot, book

    def playing(self, slot: str) -> None:
        """Say which candidate plays ("" for none). A trial that could not even start is over."""
        self.active = slot
        if self.state.trial and self.state.trial.slot != slot:
            self.log.say(f"slot {self.state.trial.slot} could not be played: its trial is over")
            with contextlib.suppress(OSError):  # the next boot ends it as well
                self._write_state(replace(self.state, trial=None))

    def _wishes(self) -> list[tuple[str, Collection[str] | None]]:
        marks = [mark for mark in (self.state.trial, self.state.confirmed) if mark]
        proven = [(slot, self.state.proven) for slot in SLOTS]
        last = [(slot, None) for slot in (FACTORY, *SLOTS)]  # a stranger in a slot is still better than silence
        return [*((mark.slot, (mark.hash,)) for mark in marks), *proven, *last]

    # ---- looking

    def read(self, slot: str) -> books.Book | None:
        """The book of a slot if it verifies, else None with the reason in the log."""
        try:
            data = self.storage.read(file_name(slot))
            book = books.read(data, self.trusted) if data is not None else None
        except (LimonaireError, OSError) as error:
            self.log.say(f"the book in slot {slot} is not usable: {error}")
            book = None
        self._held[slot] = held_of(book) if book else None
        return book

    def held(self, slot: str) -> Held | None:
        """What a slot holds; verified once, without unpacking it, then remembered."""
        if slot and slot not in self._held:
            self._held[slot] = self._inspect(slot)
        return self._held.get(slot)

    def _inspect(self, slot: str) -> Held | None:
        try:
            file = self.storage.open(file_name(slot))
            if file is None:
                return None
            with file:
                return held_of(books.inspect(file, self.trusted))
        except (LimonaireError, OSError) as error:
            self.log.say(f"the book in slot {slot} is not usable: {error}")
            return None

    @property
    def spare(self) -> str:
        """The slot shown as 1: the one that does not play, and not the confirmed one where there is a choice."""
        free = [slot for slot in SLOTS if slot != self.active]
        confirmed = self.state.confirmed.slot if self.state.confirmed else ""
        return next((slot for slot in free if slot != confirmed), free[0])

    def is_confirmed(self, slot: str) -> bool:
        """True for the confirmed book, and for the factory book, which needs no confirmation."""
        return slot == FACTORY or self._marked(self.state.confirmed, slot)

    def following(self, slot: str) -> Mark | None:
        """The mark for the next boot, if it is for this slot."""
        return self.state.following if self._marked(self.state.following, slot) else None

    # ---- changing

    def check_writable(self) -> str:
        """The slot that an upload may overwrite, or Rejection: never what plays, is confirmed, or is next."""
        slot = self.spare
        if self.following(slot):
            raise Rejection(smp.ImageError.ALREADY_PENDING, "a book is waiting for its trial", smp.Group.IMAGE)
        if self._marked(self.state.confirmed, slot):
            cause = "the other slot holds the confirmed book: confirm or reset first"
            raise Rejection(smp.ImageError.NO_FREE_SLOT, cause, smp.Group.IMAGE)
        return slot

    def mark(self, hash_: str, permanent: bool) -> None:
        """Let the book with that hash be played from the next boot on, for a trial or for good."""
        # The same book may be in both slots: a test means the other one, a confirmation the playing one.
        order = (self.active, self.spare) if permanent else (self.spare, self.active)
        slot = next((slot for slot in order if self._hash(slot) == hash_), None)
        if slot is None:
            raise Rejection(smp.ImageError.HASH_NOT_FOUND, "no slot holds that hash", smp.Group.IMAGE)
        if slot != self.active:
            counter = self._counter(slot)
            self.check_counter(counter)
            self._write_state(replace(self.state, following=Mark(slot, hash_, permanent, counter)))
        elif permanent:
            self.confirm()
        else:
            cause = "that book is playing already"
            raise Rejection(smp.ImageError.TEST_OF_ACTIVE_DENIED, cause, smp.Group.IMAGE)

    def confirm(self) -> None:
        """Keep the book that plays."""
        if self.active in SLOTS and not self.is_confirmed(self.active):
            mark = Mark(self.active, self._hash(self.active), counter=self._counter(self.active))
            self._write_state(self.state.with_confirmed(mark))

    def check_counter(self, counter: int) -> None:
        """Rejection for a book that is older than what has been confirmed, by its security counter."""
        if counter < self.state.counter:
            cause = f"its security counter is {counter}, and {self.state.counter} has been confirmed"
            raise Rejection(smp.ImageError.NEWER_IS_PLAYING, cause, smp.Group.IMAGE)

    def erase(self) -> None:
        """Empty the spare slot; a mark on it goes first, so that no boot looks for a book that is gone."""
        slot = self.spare
        if self.state.following and self.state.following.slot == slot:
            self._write_state(replace(self.state, following=None))
        self.check_writable()
        self.storage.remove(file_name(slot))
        self.storage.sync_names()
        self._held[slot] = None

    def moved_in(self, slot: str, book: books.Book | books.Contents) -> None:
        """A verified book has taken the slot's place."""
        self._held[slot] = held_of(book)

    def _hash(self, slot: str) -> str:
        held = self.held(slot)
        return held.hash if held else ""

    def _counter(self, slot: str) -> int:
        held = self.held(slot)
        return held.counter if held else 0

    def _marked(self, mark: Mark | None, slot: str) -> bool:
        return mark is not None and mark.slot == slot and self._hash(slot) == mark.hash

    def _read_state(self) -> BootState:
        try:
            data = self.storage.read(FILE)
            return from_json(data) if data is not None else BootState()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            self.log.say(f"{FILE} cannot be read ({error}): starting from the factory book")
            return BootState()

    def _write_state(self, state: BootState) -> None:
        if state != self.state:
            write_atomic(self.storage, FILE, to_json(state))
            self.state = state


def file_name(slot: str) -> str:
    """Where a slot's book lies."""
    return f"{slot}.book"


def held_of(book: books.Book | books.Contents) -> Held:
    """A book in one line."""
    image = book.image
    return Held(str(book.manifest.get("name", "")), image.version, image.hash.hex(), image.counter)


def _fits(hash_: str, hashes: Collection[str] | None) -> bool:
    return hashes is None or hash_ in hashes
