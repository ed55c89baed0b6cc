"""The stock client `smpmgr` against a bench board. Its exit code is 0 for many an error, so its words are read too."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
from bench_kit import ROOT, STRANGER, bench_board, signed_book

SMPMGR = ROOT / ".tools" / "smpmgr" / "bin" / "smpmgr"
FAST = ("--line-length", "128", "--line-buffers", "16")
MISSING = f"smpmgr is not at {SMPMGR.relative_to(ROOT)}: `make tools` puts it there"

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


def smpmgr(bench, *words: str, fails: bool = False, timeout_s: float = 60.0) -> str:
    """What one call prints. `fails`: whether it must."""
    command = [str(SMPMGR), "--port", bench.port, *map(str, words)]
    environment = os.environ | {"COLUMNS": "200", "NO_COLOR": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, env=environment, check=False)
    text = done.stdout + done.stderr
    assert (done.returncode != 0 or bool(re.search("ErrorV1|ErrorV2|Error", text))) == fails, text
    return text


def state(bench) -> list[tuple[str, bool, bool]]:
    """(version, active, confirmed) of each image that state-read prints."""
    text = smpmgr(bench, "image", "state-read")
    images = re.split(r"ImageState\(", text)[1:]
    return [
        (re.search(r"version='([^']*)'", i)[1], "active=True" in i, "confirmed=True" in i)  # type: ignore[index]
        for i in images
    ]


def hash_of(bench, version: str) -> str:
    text = smpmgr(bench, "image", "state-read")
    image = next(i for i in re.split(r"ImageState\(", text)[1:] if f"version='{version}'" in i)
    found = re.search(r"hash=.*?([0-9A-Fa-f]{64})", image, re.S)
    assert found, text
    return found[1]


def reset(bench) -> None:
    child = bench.child_pid()
    smpmgr(bench, "os", "reset")
    bench.child_pid(other_than=child)


def test_smpmgr_uploads_tests_reverts_and_confirms_a_book(bench, book):
    assert "hello" in smpmgr(bench, "os", "echo", "hello")
    assert state(bench) == [("0.9.0", True, True)]
    smpmgr(bench, *FAST, "image", "upload", book)
    assert state(bench) == [("0.9.0", True, True), ("1.0.0", False, False)]
    hash_ = hash_of(bench, "1.0.0")
    smpmgr(bench, "image", "state-write", hash_)
    reset(bench)
    assert state(bench)[0] == ("1.0.0", True, False)
    reset(bench)
    assert state(bench)[0] == ("0.9.0", True, True), "nobody confirmed it"
    smpmgr(bench, "image", "state-write", hash_)
    reset(bench)
    smpmgr(bench, "image", "state-write", "--confirm")
    reset(bench)
    assert state(bench) == [("1.0.0", True, True)]
    smpmgr(bench, "image", "erase", "0", fails=True)
    smpmgr(bench, *FAST, "image", "upload", book)
    assert len(state(bench)) == 2
    smpmgr(bench, "image", "erase", "1")
    assert state(bench) == [("1.0.0", True, True)]


def test_smpmgr_is_told_what_cannot_be(bench, book, tmp_path):
    smpmgr(bench, "image", "state-write", "00112233", fails=True)
    stranger = tmp_path / "stranger.book"
    stranger.write_bytes(signed_book(tmp_path, key=STRANGER))
    before = state(bench)
    smpmgr(bench, *FAST, "image", "upload", stranger, fails=True)
    plain = tmp_path / "plain.zip"
    plain.write_bytes(b"PK\3\4" + bytes(2000))
    smpmgr(bench, *FAST, "image", "upload", "--format", "any", plain, fails=True)
    assert state(bench) == before


def test_an_upload_that_was_killed_goes_on_where_it_stopped(bench, tmp_path):
    path = tmp_path / "large.book"
    path.write_bytes(signed_book(tmp_path, "2.0.0", payload=os.urandom(600_000)))
    part = bench.state / "part.book"
    process = subprocess.Popen(
        [str(SMPMGR), "--port", bench.port, "image", "upload", str(path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    ends_s = time.monotonic() + 20
    while time.monotonic() < ends_s and not (part.exists() and part.stat().st_size > 20_000):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 20_000 < part.stat().st_size < 600_000
    child = bench.child_pid()
    os.kill(child, signal.SIGKILL)  # and the board dies as well
    bench.child_pid(other_than=child)
    smpmgr(bench, *FAST, "image", "upload", path)
    assert "goes on at byte" in (bench.state / "stderr.log").read_text()
    assert "2.0.0" in [version for version, _, _ in state(bench)]
    smpmgr(bench, "image", "erase", "1")
