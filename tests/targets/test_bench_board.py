"""The bench board as its own process on a real pseudo-terminal, with a performance that needs no book's graphs."""

import json
import os
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "runtime"))
from bench_kit import FAKE, HERE, ROOT, STRANGER, Client, bench_board, signed_book
from smp import image_management as img
from smp import os_management as os_group

from targets.protocol import bench as bench_records

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at children through /proc")


def test_a_bench_board_is_flashed_reset_and_killed_without_losing_its_path(tmp_path):
    factory, fresh = signed_book(tmp_path, "0.9.0"), signed_book(tmp_path, "1.0.0")
    recording, link = tmp_path / "out.wav", tmp_path / "board"
    with bench_board(tmp_path / "s", "--wav", str(recording), "--link", str(link), factory=factory) as bench:
        assert os.readlink(link) == bench.port
        assert [record.port for record in bench_records.running()] == [bench.port]
        client = Client(bench.port)
        assert client.ask(os_group.EchoWriteRequest(d="hi"), os_group.EchoWriteResponse).r == "hi"
        assert client.states() == [("0.9.0", True, True)]
        assert client.upload(fresh).match is True
        hash_ = client.ask(img.ImageStatesReadRequest(), img.ImageStatesReadResponse).images[1].hash
        client.ask(img.ImageStatesWriteRequest(hash=bytes(hash_)), img.ImageStatesWriteResponse)
        client.reset(bench)
        assert client.states() == [("1.0.0", True, False)]
        client.ask(img.ImageStatesWriteRequest(confirm=True), img.ImageStatesWriteResponse)
        child = bench.child_pid()
        os.kill(child, signal.SIGKILL)
        bench.child_pid(other_than=child)
        assert client.states() == [("1.0.0", True, True)]
        client.tell("/subscribe", "notes")
        ends_s = time.monotonic() + 20
        while not client.osc and time.monotonic() < ends_s:
            client.listen()
        assert client.osc and client.osc[0].startswith(b"/note\0")
    assert bench.process.returncode == 0
    assert not link.is_symlink() and bench_records.running() == []
    with wave.open(str(recording)) as file:
        assert file.getnframes() > 24000, "three lives of the board, one recording"


def test_a_board_that_crashes_at_its_start_ends_up_with_the_factory_book(tmp_path):
    with bench_board(tmp_path / "s", factory=signed_book(tmp_path, "0.9.0")) as bench:
        client = Client(bench.port)
        client.upload(signed_book(tmp_path, "6.6.6", crash="exit"))
        hash_ = client.ask(img.ImageStatesReadRequest(), img.ImageStatesReadResponse).images[1].hash
        client.ask(img.ImageStatesWriteRequest(hash=bytes(hash_), confirm=True), img.ImageStatesWriteResponse)
        client.reset(bench)
        assert client.states()[0] == ("0.9.0", True, True)
    assert "factory book only" in (tmp_path / "s" / "stderr.log").read_text()


def start(*arguments: str):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(HERE), str(ROOT)))}
    command = [sys.executable, "-m", "targets.runtime.supervisor", "--performance", FAKE, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, timeout=60, check=False)


def test_a_folder_takes_one_bench_at_a_time_and_the_second_is_told_so(tmp_path):
    with bench_board(tmp_path / "s"):
        done = start("--state", str(tmp_path / "s"))
    assert done.returncode == 5 and done.stdout == "" and "runs in" in done.stderr


MISTAKES = {  # what is wrong: (arguments, exit code)
    "a factory book signed by a stranger": (("--state", "s", "--factory", "stranger.book"), 7),
    "a factory book that is not there": (("--state", "s", "--factory", "none.book"), 2),
    "a key that is not there": (("--state", "s", "--trust", "none.pem"), 2),
    "a key that is no key": (("--state", "s", "--trust", "stranger.book"), 2),
    "a recording where there is no folder": (("--state", "s", "--wav", "no/folder/a.wav"), 2),
    "a state folder that is a file": (("--state", "stranger.book"), 2),
    "a link in the place of a file": (("--state", "s", "--link", "stranger.book"), 2),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_and_its_exit_code(name, tmp_path):
    (tmp_path / "stranger.book").write_bytes(signed_book(tmp_path, key=STRANGER))
    arguments, code = MISTAKES[name]
    done = start(*(word if word.startswith("--") else str(tmp_path / word) for word in arguments))
    assert done.returncode == code and done.stdout == "" and len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_the_first_line_is_the_path_or_with_json_the_record(tmp_path):
    with bench_board(tmp_path / "s") as bench:
        assert bench.record.keys() >= {"port", "pid", "serial", "state"} and Path(bench.port).exists()
        assert bench.record["pid"] == bench.process.pid
        serial_number = bench.record["serial"]
    with bench_board(tmp_path / "s") as bench:
        assert bench.record["serial"] == serial_number, "a board keeps its serial number"
    assert json.dumps(bench.record)


def test_the_board_ends_when_its_supervisor_is_killed(tmp_path):
    with bench_board(tmp_path / "s") as bench:
        child = bench.child_pid()
        Client(bench.port).ask(os_group.EchoWriteRequest(d="up"), os_group.EchoWriteResponse)
        bench.process.kill()
        ends_s = time.monotonic() + 20
        while alive(child) and time.monotonic() < ends_s:
            time.sleep(0.02)
        assert not alive(child)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
