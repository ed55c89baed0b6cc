"""A bad cable between the command line and a bench board: bytes are lost, changed and made up on the way."""

import contextlib
import random

import pytest
from bench_kit import KEY, bench_board, signed_book

from tests.fixtures.command_line import data
from tests.fixtures.paced_line import Noise, PacedLine

BAUD = 921600
PAYLOAD = random.Random(1).randbytes(150_000)  # what no packing makes smaller


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "new.book"
    with contextlib.redirect_stdout(None):  # imgtool talks
        path.write_bytes(signed_book(tmp_path, "2.0.0", payload=PAYLOAD))
    return path


@pytest.fixture
def bench(tmp_path, book):
    with bench_board(tmp_path / "state", "--smp-buffer", "2048", factory=signed_book(tmp_path, "1.0.0")) as board:
        yield board


def test_a_flash_over_a_line_that_drops_flips_and_inserts_bytes_ends_with_an_identical_book(
    bench, book, tmp_path, capsys
):
    key = tmp_path / "key.pem"
    key.write_bytes(KEY.get_public_pem())
    with PacedLine(bench.port, BAUD, Noise(*(1e-4 / 3,) * 3), seed=7) as line:
        report = data(capsys, "flash", book, "--trust", key, "--port", line.port)
        status = data(capsys, "info", "--port", line.port)
        assert sum(line.spoilt) > 5, "the line was not as bad as it was meant to be"
    assert report["confirmed"] and (status["book"]["version"], report["version"]) == ("2.0.0", "2.0.0")
    assert book.read_bytes() in [path.read_bytes() for path in bench.state.glob("[ab].book")]
