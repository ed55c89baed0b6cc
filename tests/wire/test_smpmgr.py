"""The stock client `smpmgr` against a bench board. Its exit code is 0 for many an error, so its words are read too."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bench_kit import KEY, STRANGER, Client, bench_board, manifest, signed_book
from smpmgr_kit import DATA, LINES, MISSING, SMPMGR, check_line, images, run_lines, smpmgr

from targets.protocol import book as books

HERE = Path(__file__).parent
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


@pytest.fixture(scope="module")
def printed(bench, tmp_path_factory):
    """name → (exit code, text) of all LINES, and the folder in which they ran."""
    folder = tmp_path_factory.mktemp("lines")
    return run_lines(("--port", bench.port), folder), folder


@pytest.mark.parametrize("name", LINES)
def test_every_line_of_smpmgr_is_answered(printed, name):
    check_line(name, *printed[0][name])


def test_files_come_back_as_they_went_and_none_comes_from_elsewhere(printed):
    folder = printed[1]
    assert (folder / "y.bin").read_bytes() == DATA
    params = json.loads((folder / "params.json").read_text())["CONTENTS"]["param"]["CONTENTS"]
    assert params["fake_bpm"]["RANGE"] == [{"MIN": 40.0, "MAX": 240.0}]
    assert not (folder / "z.bin").exists()


def test_a_plugin_of_smpmgr_can_ask_our_own_group(bench):
    plugin = HERE / "plugin"
    command = [str(SMPMGR), f"--plugin-path={plugin}", "--port", bench.port, "limonaire", "params"]
    environment = os.environ | {"PYTHONPATH": str(plugin), "COLUMNS": "200"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert done.returncode == 0 and re.search(r"^fake_bpm [\d.]+ bpm$", done.stdout, re.M), done.stdout + done.stderr


def imgtool(*words):
    done = subprocess.run([sys.executable, "-m", "imgtool.main", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_book_signed_on_the_command_line_of_imgtool_is_taken(bench, tmp_path):
    private, public, plain, signed = (tmp_path / name for name in ("key.pem", "key.pub", "book.zip", "signed.book"))
    KEY.export_private(str(private))
    public.write_bytes(KEY.get_public_pem())
    files = {"model/step.onnx": b"model", "synth/synth.onnx": b"synth"}
    plain.write_bytes(books.pack(manifest(version="3.1.4"), files))
    form = ["--header-size", 32, "--pad-header", "--slot-size", 1 << 27, "--align", 1, "--version", "3.1.4"]
    mark = ["--custom-tlv", "0x00a0", "0x" + b"limonaire-book".hex()]
    imgtool("sign", "--key", private, *form, *mark, plain, signed)
    assert "correctly validated" in imgtool("verify", "-k", public, signed)
    smpmgr(bench, *FAST, "image", "upload", signed)
    assert "3.1.4" in [version for version, _, _ in states(bench)]


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
