"""Records of running bench boards: left, found, and not believed when nobody is there."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from targets.protocol import bench


@pytest.fixture
def port(tmp_path):
    path = tmp_path / "terminal"
    path.touch()
    return str(path)


def record(port, serial="ab12", pid=None):
    return bench.Record(port=port, pid=os.getpid() if pid is None else pid, serial=serial, state="somewhere")


def dead_pid():
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_a_record_names_the_ports_of_a_board_that_listens(port):
    ip = {"address": "127.0.0.1", "smp_port": 1337, "osc_port": 9000, "http_port": 9001}
    listening = replace(record(port), **ip)
    bench.register(listening)
    assert bench.running() == [listening]
    path = bench.folder() / "bench-ab12.json"
    path.write_text(json.dumps({name: value for name, value in json.loads(path.read_text()).items() if name not in ip}))
    assert bench.running() == [record(port)], "a record without them is of a board that does not listen"


def test_a_record_is_found_until_it_is_taken_away(port):
    assert bench.running() == []
    bench.register(record(port, "b"))
    bench.register(record(port, "a"))
    assert [found.serial for found in bench.running()] == ["a", "b"]
    bench.unregister(record(port, "b"))
    bench.unregister(record(port, "b"))
    assert bench.running() == [record(port, "a")]


def test_the_record_is_json_that_others_may_read(port):
    bench.register(record(port))
    text = (bench.folder() / "bench-ab12.json").read_text()
    ip = {"address": "", "smp_port": 0, "osc_port": 0, "http_port": 0}
    assert json.loads(text) == {"port": port, "pid": os.getpid(), "serial": "ab12", "state": "somewhere"} | ip
    assert bench.folder().stat().st_mode & 0o077 == 0


def test_records_of_the_dead_are_dropped(port):
    bench.register(record(port, pid=dead_pid()))
    assert bench.running() == [] and list(bench.folder().glob("bench-*")) == []


def test_a_board_whose_terminal_is_gone_is_not_listed(port):
    bench.register(record(port + "x"))
    assert bench.running() == []


def test_a_record_that_another_process_left_since_stays(port):
    old = record(port, pid=dead_pid())
    bench.register(old)
    bench.register(record(port))
    bench.unregister(old)
    assert bench.running() == [record(port)]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"port": 1}', '{"port": "x", "pid": "y", "serial": "", "state": ""}'])
def test_a_record_that_cannot_be_read_is_passed_over(text, port):
    bench.register(record(port))
    (bench.folder() / "bench-bad.json").write_text(text)
    assert bench.running() == [record(port)]


@pytest.mark.parametrize("pid", [0, -1, 2**70])
def test_a_pid_that_is_none_is_dead(pid, port):
    bench.register(record(port, pid=pid))
    assert bench.running() == []


def test_a_serial_number_cannot_lead_out_of_the_folder(port):
    bench.register(record(port, "../../x"))
    assert [path.parent for path in bench.folder().iterdir()] == [bench.folder()]


def test_without_a_runtime_folder_the_temporary_one_is_used_and_only_if_it_is_ours(monkeypatch, tmp_path, port):
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert bench.folder() == Path(tmp_path) / f"limonaire-{os.getuid()}"
    bench.register(record(port))
    assert bench.running() == [record(port)]
    folder, uid = bench.folder(), os.getuid()
    monkeypatch.setattr(bench, "folder", lambda: folder)
    monkeypatch.setattr(os, "getuid", lambda: uid + 1)
    assert bench.running() == []


def test_a_system_without_pseudo_terminals_has_no_bench_boards(monkeypatch):
    monkeypatch.delattr(os, "getuid")
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert bench.running() == []
