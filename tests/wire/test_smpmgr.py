"""The stock client `smpmgr` against a bench board. Its exit code is 0 for many an error, so its words are read too."""

import os
import signal
import subprocess
import sys
import time

import pytest
from bench_kit import STRANGER, Client, bench_board, signed_book
from smpmgr_kit import MISSING, SMPMGR, images, smpmgr

FAST = ("--line-length", "128", "--line-buffers", "16")

pytestmark = [
    pytest.mark.skipif(not SMPMGR.exists(), reason=MISSING),
    pytest.mark.skipif(sys.platform != "linux", reason="a pseudo-terminal of Linux"),
]


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder = tmp_path_factory.mktemp("smpmgr")
    with bench_board(folder / "state", factory=signed_book(folder, "0.9.0")) as bench:
        yield bench


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    path = folder / "fresh.book"
    path.write_bytes(signed_book(folder, "1.0.0", payload=os.urandom(300_000)))
    return path


def states(bench) -> list[tuple[str, bool, bool]]:
    """(version, active, confirmed) of each image, by a plain client: starting smpmgr takes more than a second."""
    client = Client(bench.port)
    try:
        return client.states()
    finally:
        client.port.close()


def reset(bench) -> None:
    child = bench.child_pid()
    smpmgr(bench, "os", "reset")
    bench.child_pid(other_than=child)


def power_cycle(bench) -> None:
    child = bench.child_pid()
    os.kill(child, signal.SIGKILL)
    bench.child_pid(other_than=child)


def test_smpmgr_uploads_tests_reverts_and_confirms_a_book(bench, book):
    assert "hello" in smpmgr(bench, "os", "echo", "hello")
    smpmgr(bench, *FAST, "image", "upload", book)
    shown = images(smpmgr(bench, "image", "state-read"))
    assert [image[:3] for image in shown] == [("0.9.0", True, True), ("1.0.0", False, False)]
    smpmgr(bench, "image", "state-write", shown[1][3])
    reset(bench)
    assert images(smpmgr(bench, "image", "state-read"))[0][:3] == ("1.0.0", True, False)
    reset(bench)
    assert states(bench)[0] == ("0.9.0", True, True), "nobody confirmed it"
    child = bench.child_pid()
    smpmgr(bench, *FAST, "upgrade", "--slot", "1", book)  # upload, test and reset in one
    bench.child_pid(other_than=child)
    assert states(bench)[0] == ("1.0.0", True, False)
    smpmgr(bench, "image", "state-write", "--confirm")
    power_cycle(bench)
    assert states(bench) == [("1.0.0", True, True)]


def test_smpmgr_is_told_what_cannot_be(bench, book, tmp_path):
    before = states(bench)
    smpmgr(bench, "image", "state-write", "00112233", fails=True)
    smpmgr(bench, "image", "erase", "0", fails=True)
    stranger = tmp_path / "stranger.book"
    stranger.write_bytes(signed_book(tmp_path, key=STRANGER))
    smpmgr(bench, *FAST, "image", "upload", stranger, fails=True)
    plain = tmp_path / "plain.zip"
    plain.write_bytes(b"PK\3\4" + bytes(2000))
    smpmgr(bench, *FAST, "image", "upload", "--format", "any", plain, fails=True)
    assert states(bench) == before


def test_an_upload_that_was_killed_goes_on_where_it_stopped(bench, tmp_path):
    path = tmp_path / "large.book"
    path.write_bytes(signed_book(tmp_path, "2.0.0", payload=os.urandom(600_000)))
    part = bench.state / "part.book"
    process = subprocess.Popen(
        [str(SMPMGR), "--port", bench.port, "image", "upload", str(path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    ends_s = time.monotonic() + 60
    while time.monotonic() < ends_s and not (part.exists() and part.stat().st_size > 20_000):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 20_000 < part.stat().st_size < 600_000
    power_cycle(bench)
    smpmgr(bench, *FAST, "image", "upload", path)
    assert "goes on at byte" in (bench.state / "stderr.log").read_text()
    assert "2.0.0" in [version for version, _, _ in states(bench)]
    smpmgr(bench, "image", "erase", "1")
    assert len(states(bench)) == 1
