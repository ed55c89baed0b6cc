"""After MCUboot's simulator: count the disk operations of a scenario, then cut the power at every one of them."""

import random

import pytest
from bench_kit import KEY, signed_book
from fake_disk import FakeDisk, PowerCut

from targets import boards
from targets.runtime.log import Log
from targets.runtime.slots import Slots
from targets.runtime.upload import Upload


class Board:
    """Slots and upload on a disk, powered on."""

    def __init__(self, disk: FakeDisk, quiet) -> None:
        self.disk = disk
        self.slots = Slots(disk, [KEY.get_public_pem()], boards.find("bench"), Log(quiet))
        self.slots.boot()
        slot, book = next(self.slots.candidates(), ("", None))
        self.slots.playing(slot)
        self.upload = Upload(self.slots)
        self.plays = book.manifest["version"] if book else ""

    def take(self, data: bytes) -> None:
        half = len(data) // 2
        self.upload.chunk({"off": 0, "len": len(data), "sha": b"", "data": data[:half]})
        assert self.upload.chunk({"off": half, "data": data[half:]})["match"]

    def test(self) -> None:
        held = self.slots.held(self.slots.spare)
        assert held
        self.slots.mark(held.hash, permanent=False)


def scenario(board: Board, books, quiet, done: dict) -> None:
    """Upload, test, boot, confirm; upload, test, boot, and no confirm. `done` says what has been acknowledged."""
    board.take(books["1.0.0"])
    board.test()
    board = Board(board.disk, quiet)
    done["may_stay"] = {"0.9.0", "1.0.0"}  # from the moment the confirmation is sent it may be either
    board.slots.confirm()
    done["may_stay"] = {"1.0.0"}
    board.take(books["2.0.0"])
    board.test()
    Board(board.disk, quiet)


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    folder = tmp_path_factory.mktemp("books")
    return {version: signed_book(folder, version) for version in ("0.9.0", "1.0.0", "2.0.0")}


def fresh(books) -> FakeDisk:
    return FakeDisk({"factory.book": 1}, {1: books["0.9.0"]})


def test_no_power_cut_leaves_a_board_silent_or_takes_a_confirmed_book_away(books):
    with open("/dev/null", "w") as quiet:
        disk = fresh(books)
        scenario(Board(disk, quiet), books, quiet, {})
        assert disk.operations > 40
        for cut_at in range(1, disk.operations + 1):
            for seed in range(4):
                check_cut(books, quiet, cut_at, seed)


def check_cut(books, quiet, cut_at: int, seed: int) -> None:
    disk, done, chance = fresh(books), {"may_stay": {"0.9.0"}}, random.Random(1000 * cut_at + seed)
    disk.cut_at = cut_at
    with pytest.raises(PowerCut):
        scenario(Board(disk, quiet), books, quiet, done)
    disk = disk.after_the_cut(chance)
    disk.cut_at = chance.choice([None, 1, 2, 3, 4])  # and once more while it recovers
    try:
        plays = [Board(disk, quiet).plays]
    except PowerCut:
        plays = []
    disk = disk.after_the_cut(chance)
    plays += [Board(disk, quiet).plays for _ in range(3)]
    assert all(plays), f"silent: {plays}, cut at {cut_at}, seed {seed}"
    assert plays[-1] == plays[-2] and plays[-1] in done["may_stay"], f"{plays}, cut at {cut_at}, seed {seed}"
    board = Board(disk, quiet)
    if board.slots.following(board.slots.spare):
        board.slots.erase()
    board.take(books["2.0.0"])  # and it can be flashed as ever
