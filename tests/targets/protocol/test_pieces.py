"""Where a book's file is cut, and what stays the same when something in it changes."""

import io
import random

import pytest
from imgtool_kit import sign

from targets.protocol import book, pieces

MANIFEST = {"name": "n", "version": "1", "model": {}, "synth": {}, "params": []}
LARGE = random.Random(1).randbytes(2_500_000)
FILES = {"model/a.onnx": LARGE, "model/b.onnx": b"b" * 5000, "synth/s.onnx": LARGE[:300_000]}


def image(manifest=MANIFEST, files=FILES):
    return sign(book.pack(manifest, files))


def hashes(data):
    file = io.BytesIO(data)
    return {pieces.hash_of(pieces.read(file, piece)): piece.size for piece in pieces.cut(file)}


def test_the_pieces_are_the_whole_file_in_its_order():
    data = image()
    found = pieces.cut(io.BytesIO(data))
    assert b"".join(pieces.read(io.BytesIO(data), piece) for piece in found) == data
    assert max(piece.size for piece in found) == pieces.MAX_PIECE_BYTES
    assert len(found) == 1 + 1 + 3 + 1 + 1 + 1  # header, manifest, the large file in three, two more, what is behind


@pytest.mark.parametrize(
    "changed",
    [
        ({**MANIFEST, "presets": {"calm": {"energy": 0.1}}}, FILES),
        (MANIFEST, {**FILES, "model/b.onnx": b"c" * 7000}),
        (MANIFEST, {"a.csv": b"new", **FILES}),
    ],
)
def test_what_did_not_change_is_the_same_piece_wherever_it_lies(changed):
    old, new = hashes(image()), hashes(image(*changed))
    fresh_bytes = sum(size for digest, size in new.items() if digest not in old)
    assert fresh_bytes < 0.01 * sum(new.values())


@pytest.mark.parametrize(
    "data", [b"", b"x" * 31, bytes(5000), sign(b"no archive" * 50), image()[:-3000]], ids=range(5)
)
def test_what_is_no_book_has_no_pieces(data):
    assert pieces.cut(io.BytesIO(data)) == []
