"""Why a port cannot be opened: one line with the cause, and the command that mends it."""

import os
import pty
import subprocess
import sys
from types import SimpleNamespace

import pytest

from gen_core.spec.errors import BusyError, NoPermissionError
from host_tools import port_trouble, ports, serial_port
from tests.fixtures.command_line import limonaire

RULE = 'ATTRS{idVendor}=="1d6b", ATTRS{idProduct}=="0104", ENV{ID_MM_DEVICE_IGNORE}="1"'
HOLD = "import os, sys, time; os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); print('open', flush=True); time.sleep(60)"


@pytest.fixture
def terminal():
    master, slave = pty.openpty()
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A made-up /proc and udev: add processes to it."""
    monkeypatch.setattr(port_trouble, "PROCESSES", tmp_path / "proc")
    monkeypatch.setattr(port_trouble, "DEVICES", tmp_path / "udev")
    (tmp_path / "proc" / "self" / "fd").mkdir(parents=True)
    (tmp_path / "udev").mkdir()

    def add(number, name, *files):
        folder = tmp_path / "proc" / str(number)
        (folder / "fd").mkdir(parents=True)
        (folder / "comm").write_text(f"{name}\n")
        for index, file in enumerate(files):
            (folder / "fd" / str(index)).symlink_to(file)

    return SimpleNamespace(add=add, udev=tmp_path / "udev")


def owned(monkeypatch, group, mode=0o660):
    import grp

    monkeypatch.setattr(port_trouble.os, "stat", lambda path: SimpleNamespace(st_gid=4242, st_mode=0o20000 | mode))
    monkeypatch.setattr(grp, "getgrgid", lambda number: {4242: SimpleNamespace(gr_name=group)}[number])


@pytest.mark.parametrize("group", ["dialout", "uucp", "plugdev"])
def test_the_group_that_owns_the_port_is_named_with_the_command_to_join_it(group, monkeypatch):
    owned(monkeypatch, group)
    error = serial_port.port_error("/dev/ttyACM0", 13, "")
    assert isinstance(error, NoPermissionError) and "/dev/ttyACM0" in error.cause
    assert error.next_step == f"run `sudo usermod -a -G {group} $USER` and log in again"


@pytest.mark.parametrize(("group", "mode"), [("root", 0o660), ("dialout", 0o600), ("dialout", 0o640), ("wheel", 0o660)])
def test_where_joining_a_group_would_not_help_the_udev_rule_is_printed(group, mode, monkeypatch):
    owned(monkeypatch, group, mode)
    hint = port_trouble.permission_hint("/dev/ttyACM0")
    assert 'ATTRS{idVendor}=="1d6b", ATTRS{idProduct}=="0104", GROUP="dialout", MODE="0660"' in hint
    assert "sudo tee -a /etc/udev/rules.d/" in hint and "\n" not in hint


def test_a_port_that_another_process_has_open_names_it(terminal):
    with subprocess.Popen([sys.executable, "-c", HOLD, terminal], stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        found = port_trouble.holders(terminal)
        cause, hint = port_trouble.busy_words(terminal)
        holder.kill()
    assert [number for number, _ in found] == [holder.pid]
    assert f"(process {holder.pid})" in cause and f"kill {holder.pid}" in hint


def test_busy_is_said_with_the_name(terminal, system):
    system.add(311, "screen", "/dev/null", terminal)
    system.add(312, "bash", "/dev/null")
    error = serial_port.port_error(terminal, 16, "")
    assert isinstance(error, BusyError) and f"{terminal} is in use by screen (process 311)" == error.cause


def test_who_cannot_be_known_is_another_program(terminal, system):
    system.add(1, "systemd")
    assert port_trouble.busy_words(terminal)[0] == f"{terminal} is in use by another program"


def test_a_modem_manager_that_holds_the_port_is_told_to_ignore_it(terminal, system):
    system.add(400, "ModemManager", terminal)
    cause, hint = port_trouble.busy_words(terminal)
    assert "ModemManager" in cause and RULE in hint


def test_a_modem_manager_that_may_probe_the_port_is_a_warning_until_udev_says_ignore(terminal, system):
    assert port_trouble.modem_manager_warning(terminal) == ""
    system.add(400, "ModemManager")
    assert RULE in port_trouble.modem_manager_warning(terminal)
    number = os.stat(terminal).st_rdev
    facts = system.udev / f"c{os.major(number)}:{os.minor(number)}"
    facts.write_text("E:ID_VENDOR=x\nE:ID_MM_DEVICE_IGNORE=0\n")
    assert RULE in port_trouble.modem_manager_warning(terminal)
    facts.write_text("E:ID_VENDOR=x\nE:ID_MM_DEVICE_IGNORE=1\n")
    assert port_trouble.modem_manager_warning(terminal) == ""


def test_the_list_of_devices_warns_of_what_would_hinder_us(terminal, system, monkeypatch, capsys):
    board = ports.Port(terminal, "usb", "f00d")
    monkeypatch.setattr(ports, "boards", lambda: [board])
    system.add(400, "ModemManager")
    code, out, err = limonaire(capsys, "devices")
    assert code == 0 and terminal in out and RULE in err
    monkeypatch.setattr(port_trouble.os, "access", lambda path, mode: False)
    assert "may not open" in port_trouble.warning(board)
    assert port_trouble.warning(ports.Port("/dev/not/there", "usb", "x")).count("\n") == 0


def test_lsof_is_asked_where_there_is_no_proc(terminal, tmp_path, monkeypatch):
    monkeypatch.setattr(port_trouble, "PROCESSES", tmp_path)
    monkeypatch.setattr(port_trouble.shutil, "which", lambda name: f"/usr/sbin/{name}")
    answer = SimpleNamespace(stdout=f"p77\ncscreen\np{os.getpid()}\ncpython\n")
    monkeypatch.setattr(port_trouble.subprocess, "run", lambda command, **how: answer)
    assert port_trouble.holders(terminal) == [(77, "screen")]
    monkeypatch.setattr(port_trouble.shutil, "which", lambda name: None)
    assert port_trouble.holders(terminal) == []
