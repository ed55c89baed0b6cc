"""Choosing a port: by name, by variable, by configuration, or because there is only one."""

import errno
import os
from types import SimpleNamespace

import pytest
import serial

from gen_core.spec.errors import BusyError, NoBoardError, NoPermissionError, UsageError
from host_tools import paths, ports, serial_port
from targets.protocol import bench


def usb(path, serial_number, vid=0x1D6B, pid=0x0104, product="Limonaire"):
    return SimpleNamespace(device=path, serial_number=serial_number, vid=vid, pid=pid, product=product)


@pytest.fixture
def connected(monkeypatch):
    """Lists to fill with what is connected."""
    found = SimpleNamespace(usb=[], bench=[])
    monkeypatch.setattr(ports.list_ports, "comports", lambda: found.usb)
    monkeypatch.setattr(bench, "running", lambda: found.bench)
    return found


def test_the_only_board_is_used(connected):
    connected.usb = [usb("/dev/ttyACM0", "1234")]
    assert ports.choose() == "/dev/ttyACM0"


def test_a_running_bench_board_counts_like_any(connected):
    connected.bench = [bench.Record(port="/dev/pts/9", pid=os.getpid(), serial="ab", state="x")]
    assert ports.choose() == "/dev/pts/9"


@pytest.mark.parametrize(
    "stranger",
    [
        usb("/dev/ttyACM1", "1", vid=0x2341),
        usb("/dev/ttyACM1", "1", pid=0x0105),
        usb("/dev/ttyACM1", "1", product="Gadget Serial"),
        usb("/dev/ttyS0", None, None, None, None),
    ],
)
def test_a_strangers_port_is_never_chosen(stranger, connected):
    connected.usb = [stranger]
    with pytest.raises(NoBoardError, match="bench-board"):
        ports.choose()
    connected.usb.append(usb("/dev/ttyACM0", "1234"))
    assert ports.choose() == "/dev/ttyACM0"


def test_several_boards_are_listed_and_refused(connected):
    connected.usb = [usb("/dev/ttyACM1", "b"), usb("/dev/ttyACM0", "a")]
    with pytest.raises(NoBoardError, match=r"2 boards .*ttyACM0 \(usb a\), /dev/ttyACM1.*--port /dev/ttyACM0"):
        ports.choose()


def test_option_variable_and_configuration_rule_in_this_order(connected, monkeypatch):
    connected.usb = [usb("/dev/ttyACM0", "a"), usb("/dev/ttyACM1", "b")]
    paths.config_file().parent.mkdir(parents=True)
    paths.config_file().write_text('port = "configured"\n')
    assert ports.choose() == "configured"
    monkeypatch.setenv("LIMONAIRE_PORT", "variable")
    assert ports.choose() == "variable"
    assert ports.choose("option") == "option"


@pytest.mark.parametrize("text", ["port =", "port = 3", "\xff"])
def test_a_configuration_that_cannot_be_read_is_named(text, connected):
    paths.config_file().parent.mkdir(parents=True)
    paths.config_file().write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match="config.toml"):
        ports.choose()


def test_a_configuration_without_a_port_changes_nothing(connected):
    paths.config_file().parent.mkdir(parents=True)
    paths.config_file().write_text('other = "x"\n')
    connected.usb = [usb("/dev/ttyACM0", "a")]
    assert ports.choose() == "/dev/ttyACM0"


@pytest.mark.parametrize(
    ("number", "error", "words"),
    [
        (errno.EACCES, NoPermissionError, "usermod -aG|udev"),
        (errno.EAGAIN, BusyError, "another program"),
        (errno.EBUSY, BusyError, "another program"),
        (errno.ENOENT, NoBoardError, "limonaire devices"),
        (None, NoBoardError, "limonaire devices"),
    ],
)
def test_a_port_that_cannot_be_opened_says_what_to_do(number, error, words, monkeypatch):
    def refuse(*_, **__):
        raise serial.SerialException(number, "could not open port")

    monkeypatch.setattr(serial_port.serial, "Serial", refuse)
    with pytest.raises(error, match=words):
        serial_port.open_port("/dev/ttyACM0")


@pytest.mark.parametrize("kind", ["missing", "file", "folder"])
def test_what_is_no_port_is_said_to_be_none(kind, tmp_path):
    path = tmp_path / "port"
    if kind == "file":
        path.write_text("x")
    if kind == "folder":
        path.mkdir()
    with pytest.raises(NoBoardError, match="port"):
        serial_port.open_port(str(path))
