"""Where a board listens, who may write there, and what happens to a port that is taken."""

import argparse
import os
import socket
import sys

import pytest

from targets.runtime import listeners
from targets.runtime.listeners import KINDS, inherited, interface_address, ip_arguments, open_all
from targets.runtime.log import Log

FREE = [word for kind in KINDS for word in (f"--{kind}-port", "0")]


@pytest.fixture
def log():
    return Log(open(os.devnull, "w"))  # noqa: SIM115


def given(*words):
    parser = argparse.ArgumentParser()
    ip_arguments(parser)
    return parser.parse_args(words)


@pytest.fixture
def opened(log):
    """Open what words ask for; all of it is closed at the end."""
    sockets = []

    def open_(*words):
        found = open_all(given(*words), log)
        sockets.extend(found)
        return found

    yield open_
    for listener in sockets:
        listener.socket.close()


def test_without_other_orders_a_board_listens_to_its_own_machine_at_the_known_ports():
    known = given()
    assert (known.smp_port, known.osc_port, known.http_port, known.bind) == (1337, 9000, 9001, [])


def test_a_board_listens_where_only_its_own_machine_can_send(opened):
    told = [listener.told() for listener in opened(*FREE)]
    assert [(place["kind"], place["address"], place["writes"]) for place in told] == [
        ("smp", "127.0.0.1", "local"),
        ("osc", "127.0.0.1", "local"),
        ("http", "127.0.0.1", "none"),
    ]
    assert all(place["port"] > 0 for place in told)


def test_a_board_with_a_gadget_listens_to_its_other_end_as_well(monkeypatch, opened):
    monkeypatch.setattr(listeners, "GADGET", "lo")
    monkeypatch.setattr(listeners, "interface_address", lambda name: "127.77.0.1" if name == "lo" else "")
    told = [listener.told() for listener in opened(*FREE)]
    assert [place["address"] for place in told] == ["127.0.0.1", "127.77.0.1"] * 3
    assert {place["writes"] for place in told if place["kind"] != "http"} == {"local"}
    assert all(first["port"] == second["port"] for first, second in zip(told[::2], told[1::2], strict=True))


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for an interface")
def test_the_address_of_an_interface_is_found_or_there_is_none():
    assert interface_address("lo") == "127.0.0.1" and interface_address("nonsense0") == ""


@pytest.mark.parametrize(("address", "writes"), [("0.0.0.0", "token"), ("127.0.0.5", "local"), ("::1", "local")])
def test_an_address_that_was_asked_for_is_the_only_one(opened, address, writes):
    found = opened("--bind", address, *FREE)
    told = [listener.told() for listener in found if listener.kind != "http"]
    assert [(place["address"], place["writes"]) for place in told] == [(address, writes)] * 2


def test_no_ip_is_no_socket(opened):
    assert opened("--no-ip") == []


def test_a_port_that_is_taken_is_a_line_in_the_log_and_the_others_are_opened(opened, log):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        found = opened(*FREE, "--osc-port", str(port))
    assert [listener.kind for listener in found] == ["smp", "http"]
    assert len(log.lines) == 1 and f"127.0.0.1 port {port}" in log.lines[0] and "osc" in log.lines[0]


def test_an_address_of_another_machine_is_a_line_in_the_log(opened, log):
    assert opened("--bind", "192.0.2.1", *FREE) == [] and len(log.lines) == 3


def test_a_child_goes_on_with_the_sockets_of_its_supervisor(opened):
    found = opened(*FREE)
    words = [f"{listener.kind}:{os.dup(listener.socket.fileno())}:{listener.writes}" for listener in found]
    assert found[0].word() == f"smp:{found[0].socket.fileno()}:local"
    again = inherited(words)
    assert [listener.told() for listener in again] == [listener.told() for listener in found]
    assert [listener.socket.getblocking() for listener in again] == [False] * 3
    for listener in again:
        listener.socket.close()


MISTAKES = (("--bind", "localhost"), ("--osc-port", "-1"), ("--osc-port", "65536"), ("--bind", "::1", "--no-ip"))


@pytest.mark.parametrize("words", MISTAKES)
def test_what_is_no_address_or_port_is_a_mistake_in_usage(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        given(*words)
    assert stopped.value.code == 2
