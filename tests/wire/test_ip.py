"""Stock clients over IP against a bench board: smpmgr and smpclient, python-osc, and plain HTTP."""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
import urllib.request

import pytest
from bench_kit import Client, bench_board, signed_book
from pythonosc.osc_message import OscMessage
from pythonosc.udp_client import SimpleUDPClient
from smp import os_management as os_group
from smpclient import SMPClient
from smpclient.requests.image_management import ImageStatesRead
from smpclient.requests.os_management import ResetWrite
from smpclient.transport.udp import SMPUDPTransport
from smpmgr_kit import DATA, LINES, MISSING, SMPMGR, check_line, images, run_lines, smpmgr

from targets.protocol import bench as bench_records

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="an address of 127/8 as Linux has it")
HOST = "127.{}.{}.{}".format(*(random.SystemRandom().randrange(2, 250) for _ in range(3)))  # smpmgr knows one port only
OVER_IP = ("--ip", HOST)
PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ip")
    factory = signed_book(folder, "0.9.0")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        with bench_board(folder / "state", "--bind", HOST, factory=factory, ip=None) as bench:
            yield bench


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    path = folder / "fresh.book"
    path.write_bytes(signed_book(folder, "1.0.0", payload=os.urandom(300_000)))
    return path


@pytest.mark.skipif(not SMPMGR.exists(), reason=MISSING)
def test_smpmgr_flashes_a_board_over_ip(bench, book):
    assert "hello" in smpmgr(bench, "os", "echo", "hello", link=OVER_IP)
    child = bench.child_pid()
    smpmgr(bench, "upgrade", "--slot", "1", book, link=OVER_IP)  # upload, test and reset in one
    bench.child_pid(other_than=child)
    await_echo(bench)
    shown = images(smpmgr(bench, "image", "state-read", link=OVER_IP))
    assert shown[0][:3] == ("1.0.0", True, False)
    smpmgr(bench, "image", "state-write", "00112233", fails=True, link=OVER_IP)


@pytest.fixture(scope="module")
def printed(bench, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lines")
    yield run_lines(OVER_IP, folder)
    assert (folder / "y.bin").read_bytes() == DATA


@pytest.mark.skipif(not SMPMGR.exists(), reason=MISSING)
@pytest.mark.parametrize("name", LINES)
def test_every_line_of_smpmgr_is_answered_over_ip_as_well(printed, name):
    check_line(name, *printed[name])


def await_echo(bench):
    """Over the cable, which waits longer than a client of UDP does."""
    client = Client(bench.port)
    client.ask(os_group.EchoWriteRequest(d="up?"), os_group.EchoWriteResponse, PATIENCE_S)
    client.port.close()


def test_smpclient_uploads_over_udp_and_the_board_keeps_its_ports_over_a_reset(tmp_path):
    data = signed_book(tmp_path, "3.0.0", payload=os.urandom(200_000))
    with bench_board(tmp_path / "state", factory=signed_book(tmp_path, "0.9.0"), ip=True) as bench:
        assert bench.record["address"] == "127.0.0.1" and bench_records.running()[0].to_dict() == bench.record

        async def flash():
            client = SMPClient(SMPUDPTransport(mtu=9000), "127.0.0.1")
            await client._transport.connect("127.0.0.1", 5.0, bench.record["smp_port"])
            async for _ in client.upload(data, slot=1, first_timeout_s=PATIENCE_S, subsequent_timeout_s=PATIENCE_S):
                pass
            states = await client.request(ImageStatesRead(), timeout_s=PATIENCE_S)
            await client.request(ResetWrite(), timeout_s=PATIENCE_S)
            await client.disconnect()
            return [image.version for image in states.images]

        child = bench.child_pid()
        assert asyncio.run(flash()) == ["0.9.0", "3.0.0"]
        bench.child_pid(other_than=child)
        await_echo(bench)
        musician = SimpleUDPClient("127.0.0.1", bench.record["osc_port"])
        musician.send_message("/param/fake_bpm", [])
        musician._sock.settimeout(PATIENCE_S)
        answer = OscMessage(musician._sock.recv(4096))
        assert (answer.address, answer.params) == ("/param/fake_bpm", [120.0])


def test_python_osc_drives_a_board_and_hears_its_notes(bench):
    client = SimpleUDPClient(HOST, 9000)
    client._sock.settimeout(PATIENCE_S)
    client.send_message("/subscribe", ["notes", "ack"])
    client.send_message("/param/fake_bpm", 99.5)
    heard = {}
    ends_s = time.monotonic() + PATIENCE_S
    while len(heard) < 2 and time.monotonic() < ends_s:
        message = OscMessage(client._sock.recv(4096))
        heard[message.address] = message.params
    assert heard["/ack"][:2] == ["fake_bpm", 99.5] and len(heard["/note"]) == 5
    client.send_message("/unsubscribe", [])


def test_oscquery_is_found_where_it_is_looked_for(bench):
    def get(target):
        with urllib.request.urlopen(f"http://{HOST}:9001{target}", timeout=PATIENCE_S) as response:
            return json.load(response)

    assert get("/?HOST_INFO")["OSC_PORT"] == 9000
    assert get("/param/fake_bpm?RANGE")["RANGE"] == [{"MIN": 40.0, "MAX": 240.0}]


def test_a_board_whose_ports_are_taken_plays_on_and_says_so(bench, tmp_path):
    with bench_board(tmp_path / "state", "--bind", HOST, ip=None) as second:
        assert second.record["address"] == "" and second.record["smp_port"] == 0
        await_echo(second)
        log = (tmp_path / "state" / "stderr.log").read_text()
        assert all(f"{kind} is not to be had on {HOST}" in log for kind in ("smp", "osc", "http"))


def test_a_board_on_all_addresses_makes_its_token(tmp_path):
    with bench_board(tmp_path / "state", "--bind", "0.0.0.0", ip=True) as bench:
        assert bench.record["address"] == "0.0.0.0" and (tmp_path / "state" / "token").stat().st_mode & 0o777 == 0o600
        await_echo(bench)


def test_a_wrong_option_is_one_line_and_its_exit_code(tmp_path):
    words = [sys.executable, "-m", "host_tools.main", "bench-board", "--bind", "localhost"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "no IP address" in done.stderr
