"""An upload with its hash, half of it copied from a book that is here, cut off by the power at every operation."""

import hashlib
import io
import random
from contextlib import suppress

import pytest
from bench_kit import KEY, signed_book
from fake_disk import FakeDisk, PowerCut
from power_cut import Board

from targets.protocol import pieces
from targets.runtime import upload

SEEDS = range(8)
LARGE = random.Random(1).randbytes(30_000)


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    """What is in the factory's slot, and the next one, of which most is in that."""
    folder = tmp_path_factory.mktemp("books")
    new = signed_book(folder, "2.0.0", payload=LARGE, note=random.Random(2).randbytes(4000).hex())
    return signed_book(folder, "1.0.0", payload=LARGE), new


def send(board, data, at_first=None):
    """As the host does: ask for a copy where a piece begins, send the rest, twice if what was there had suffered."""
    cuts = {piece.offset: piece for piece in pieces.cut(io.BytesIO(data))}
    opening = {"len": len(data), "sha": hashlib.sha256(data).digest()}
    for _ in range(2):
        answer = board.upload.chunk({"off": 0, "data": data[:32]} | opening)
        if at_first is not None:
            at_first.append(answer["off"])
        while "match" not in answer:
            offset = answer["off"]
            piece = cuts.pop(offset, None)
            if piece is not None and piece.size > 1000:
                sha = hashlib.sha256(data[offset : piece.end]).digest()
                answer = board.upload.copy({"off": offset, "size": piece.size, "sha": sha})
            else:
                answer = board.upload.chunk({"off": offset, "data": data[offset : offset + 1000]})
        if answer["match"]:
            return
    raise AssertionError("not taken, though it was sent from the beginning")


def test_wherever_the_power_goes_the_upload_can_be_finished_and_what_was_synced_is_not_sent_again(books, monkeypatch):
    monkeypatch.setattr(upload, "SYNC_BYTES", 2000)
    old, new = books
    resumed = []
    with open("/dev/null", "w") as quiet:
        whole = FakeDisk({"factory.book": 1}, {1: old})
        send(Board(whole, [KEY.get_public_pem()], quiet), new)
        assert whole.operations > 25
        for cut_at in range(1, whole.operations + 1):
            for seed in SEEDS:
                disk = FakeDisk({"factory.book": 1}, {1: old})
                disk.cut_at = cut_at
                with suppress(PowerCut):
                    send(Board(disk, [KEY.get_public_pem()], quiet), new)
                    raise AssertionError(f"no cut at {cut_at}")
                disk = disk.after_the_cut(random.Random(1000 * cut_at + seed))
                board = Board(disk, [KEY.get_public_pem()], quiet)
                assert board.plays == "1.0.0"
                send(board, new, resumed)
                assert disk.read("a.book") == new, f"cut at {cut_at}, seed {seed}"
    late = [offset for offset in resumed if offset > 2000]
    assert len(late) > 0.2 * len(resumed), "most cuts cost little"
