"""The power goes at every operation on the disk: the board always plays, and what was confirmed stays."""

import os
import signal

import pytest
from bench_kit import KEY, signed_book
from fake_disk import FakeDisk
from power_cut import FACTORY, FIRST, SECOND, Killed, Run, every_cut, in_a_process, operations

SEEDS = range(60)
FEW = range(8)


class NoContentSync(FakeDisk):
    """Believes that what is written is on the card."""

    def sync(self, name):
        self._step()


class NoNamesSync(FakeDisk):
    """Believes that a rename is on the card."""

    def sync_names(self):
        self._step()


class InPlace(FakeDisk):
    """Writes over the file itself instead of a fresh one beside it: `x.new` is another name for `x`."""

    def _own(self, name):
        return name.removesuffix(".new")

    def write(self, name, data):
        if name != self._own(name):
            super().write(self._own(name), b"")  # truncated, then filled: two steps
        super().write(self._own(name), data)

    def sync(self, name):
        super().sync(self._own(name))

    def rename(self, old, new):
        if self._own(old) != new:
            super().rename(old, new)


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    folder = tmp_path_factory.mktemp("books")
    return {version: signed_book(folder, version) for version in (FACTORY, FIRST, SECOND)}


@pytest.fixture(scope="module")
def quiet():
    with open(os.devnull, "w") as null:
        yield null


@pytest.fixture(scope="module")
def trusted():
    return [KEY.get_public_pem()]


def test_no_power_cut_leaves_a_board_silent_or_takes_a_confirmed_book_away(books, trusted, quiet):
    found = every_cut(books, trusted, quiet, SEEDS)
    assert found.pop("runs") == len(SEEDS) * operations(books, trusted, quiet)
    assert not found, dict(found)


@pytest.mark.parametrize(
    "weaker, violated",
    [
        (NoContentSync, {"a confirmed book is lost"}),
        (NoNamesSync, {"a confirmed book is lost"}),
        (InPlace, {"a confirmed book is lost"}),
    ],
)
def test_the_same_test_catches_a_board_that_leaves_out_a_step(weaker, violated, books, trusted, quiet):
    found = every_cut(books, trusted, quiet, FEW, weaker)
    assert violated <= set(found), dict(found)


class Noted(Run):
    """What had been acknowledged is known here after the process that did it is gone."""

    @property
    def allowed(self):
        return set(self._notes.read_text().split())

    @allowed.setter
    def allowed(self, versions):
        self._notes.write_text(" ".join(versions))

    @property
    def _notes(self):
        return self.disk.root.with_suffix(".allowed")


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_a_board_whose_process_is_killed_at_any_operation_plays_on(share, books, trusted, quiet, tmp_path):
    """On real files, where what was written stays: the order of the steps is what is tried here."""
    count = 1
    while True:
        folder = tmp_path / str(count)
        disk = Killed(folder, count, share)
        (folder / "factory.book").write_bytes(books[FACTORY])
        run = Noted(books, trusted, quiet, disk)
        if in_a_process(run.scenario) != signal.SIGKILL:
            break
        board = Run(books, trusted, quiet, Killed(folder)).board()
        played = [board.plays, *(board.again().plays for _ in range(2))]
        assert all(played) and played[-1] == played[-2], f"{played}, killed at {count}"
        assert played[-1] in run.allowed, f"{played}, killed at {count}"
        count += 1
    assert count > 40
