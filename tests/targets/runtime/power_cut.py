"""After MCUboot's simulator: a scenario of flashing on a disk that forgets, stopped at any operation, and what must
hold whenever the power comes back.

The scenario: upload, test, boot, confirm; upload, test, boot, and back, because nobody confirms.
"""

import os
import random
import signal
from collections import Counter
from contextlib import suppress

from fake_disk import FakeDisk, PowerCut

from targets import boards
from targets.runtime.log import Log
from targets.runtime.slots import Slots
from targets.runtime.storage import Storage
from targets.runtime.upload import Upload

FACTORY, FIRST, SECOND = "0.9.0", "1.0.0", "2.0.0"
BOOTS_TO_SETTLE = 3


class Board:
    """Slots and upload on a disk, powered on."""

    def __init__(self, disk, trusted: list[bytes], quiet) -> None:
        self.disk, self._trusted, self._quiet = disk, trusted, quiet
        self.slots = Slots(disk, trusted, boards.find("bench"), Log(quiet))
        self.slots.boot()
        slot, book = next(self.slots.candidates(), ("", None))
        self.slots.playing(slot)
        self.upload = Upload(self.slots)
        self.plays = str(book.image.version) if book else ""

    def again(self) -> "Board":
        """The same after a power cycle."""
        return Board(self.disk, self._trusted, self._quiet)

    def take(self, data: bytes) -> None:
        """Upload a book in three pieces."""
        third = len(data) // 3
        answer = self.upload.chunk({"off": 0, "len": len(data), "sha": b"", "data": data[:third]})
        for end in (2 * third, len(data)):
            answer = self.upload.chunk({"off": answer["off"], "data": data[answer["off"] : end]})
        assert answer["match"]

    def test(self) -> None:
        """Mark what was uploaded."""
        held = self.slots.held(self.slots.spare)
        assert held
        self.slots.mark(held.hash, permanent=False)


class Run:
    """The scenario on one disk; `allowed` is what may play for good, by what has been acknowledged so far."""

    def __init__(self, books, trusted, quiet, disk) -> None:
        self.books, self.trusted, self.quiet, self.disk = books, trusted, quiet, disk
        self.allowed = {FACTORY}

    def board(self, disk=None) -> Board:
        return Board(disk or self.disk, self.trusted, self.quiet)

    def scenario(self) -> None:
        board = self.board()
        board.take(self.books[FIRST])
        board.test()
        board = board.again()
        self.allowed = {FACTORY, FIRST}  # from the moment the confirmation is sent it may be either
        board.slots.confirm()
        self.allowed = {FIRST}
        board.take(self.books[SECOND])
        board.test()
        board = board.again()
        board.again()

    def violations(self, chance: random.Random) -> set[str]:
        """Power comes back, goes once more during recovery, and comes back: what is wrong then."""
        disk = self.disk.after_the_cut(chance)
        disk.cut_at = chance.choice([None, 1, 2, 3, 4])
        played = []
        with suppress(PowerCut):
            played.append(self.board(disk).plays)
        disk = disk.after_the_cut(chance)
        played += [self.board(disk).plays for _ in range(BOOTS_TO_SETTLE)]
        found = set() if all(played) else {"silent"}
        if played[-1] != played[-2]:
            found.add("does not settle")
        elif played[-1] not in self.allowed:
            kept = {FACTORY: 0, FIRST: 1, SECOND: 2}
            worse = kept.get(played[-1], 0) < min(kept[version] for version in self.allowed)
            found.add("a confirmed book is lost" if worse else "a book that nobody confirmed stays")
        return found | (set() if found else self._flashable(disk))

    def _flashable(self, disk) -> set[str]:
        """It takes a book as ever."""
        board = self.board(disk)
        if board.slots.following(board.slots.spare):
            board.slots.erase()
        board.upload.abandon()
        board.take(self.books[SECOND])
        board.test()
        return set() if board.again().plays == SECOND else {"cannot be flashed any more"}


def fresh(books, disk_class=FakeDisk):
    """A board as it leaves the shop: a factory book, nothing else."""
    return disk_class({"factory.book": 1}, {1: books[FACTORY]})


def operations(books, trusted, quiet, disk_class=FakeDisk) -> int:
    """How many operations the scenario has when nothing happens."""
    disk = fresh(books, disk_class)
    Run(books, trusted, quiet, disk).scenario()
    return disk.operations


def every_cut(books, trusted, quiet, seeds, disk_class=FakeDisk) -> Counter:
    """The power cut at every operation, once for each seed: how often what was violated, and under "runs" the count."""
    found: Counter = Counter()
    for cut_at in range(1, operations(books, trusted, quiet, disk_class) + 1):
        for seed in seeds:
            disk, chance = fresh(books, disk_class), random.Random(1000 * cut_at + seed)
            disk.cut_at = cut_at
            run = Run(books, trusted, quiet, disk)
            with suppress(PowerCut):
                run.scenario()
                raise AssertionError(f"no cut at {cut_at}")
            found["runs"] += 1
            found.update(run.violations(chance))
    return found


class Killed(Storage):
    """Real files; the process is killed at the `kill_at`-th operation, before, in the middle of, or behind it."""

    def __init__(self, root, kill_at: int | None = None, share: float = 0.5) -> None:
        super().__init__(root)
        self.kill_at, self.share, self.operations = kill_at, share, 0

    def _step(self) -> bool:
        self.operations += 1
        return self.kill_at == self.operations

    def _die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def write(self, name, data):
        if self._step():
            super().write(name, data[: int(len(data) * self.share)])
            self._die()
        super().write(name, data)

    def append(self, name, data):
        if self._step():
            super().append(name, data[: int(len(data) * self.share)])
            self._die()
        super().append(name, data)

    def rename(self, old, new):
        self._around(super().rename, old, new)

    def remove(self, name):
        self._around(super().remove, name)

    def sync(self, name):
        self._around(super().sync, name)

    def sync_names(self):
        self._around(super().sync_names)

    def _around(self, do, *args):
        last = self._step()
        if last and self.share < 0.5:
            self._die()
        do(*args)
        if last:
            self._die()


def in_a_process(do) -> int:
    """Run `do` in a process of its own; returns the signal that ended it, 0 if it came to its end."""
    child = os.fork()
    if child == 0:
        try:
            do()
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the board's process failed"
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
