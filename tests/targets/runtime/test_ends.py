"""Several ends at once in one process: datagrams by python-osc and smp, HTTP by the standard library, and a cable."""

import http.client
import json
import os
import socket
import threading
import time

import pytest
from bench_kit import Rig, signed_book
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.udp_client import SimpleUDPClient
from smp import os_management as os_group

from targets.protocol import osc
from targets.protocol.oscquery_http import LARGEST_HEAD_BYTES
from targets.runtime import access, web
from targets.runtime.__main__ import connect
from targets.runtime.access import SERIAL, own_token
from targets.runtime.datagrams import LARGEST_BYTES
from targets.runtime.ends import CLOSED_AFTER, Ends
from targets.runtime.link import Link
from targets.runtime.listeners import Place, _open

PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    return signed_book(tmp_path_factory.mktemp("book"))


class Board:
    """A board in this process whose ends take their turns when the test says so."""

    def __init__(self, state, book):
        state.mkdir()
        (state / "factory.book").write_bytes(book)
        self.rig = Rig(state, serial="0bad")
        self.performance, self.osc = self.rig.machine.performance, self.rig.machine.osc
        self.near, far = socket.socketpair()
        self.sockets = [_open(kind, Place("127.0.0.1", "token"), 0) for kind in ("smp", "osc", "http")]
        self.far = far.detach()
        self.parts = connect(self.rig.machine, {SERIAL: Link(self.far)}, self.sockets)
        self.ends = Ends(self.parts, self.rig.log)
        self.addresses = {listener.kind: listener.socket.getsockname() for listener in self.sockets}

    def until(self, done, timeout_s=PATIENCE_S):
        """Take turns until `done()`; returns what it gave."""
        ends_s = time.monotonic() + timeout_s
        while not (result := done()):
            assert time.monotonic() < ends_s, "it did not happen"
            self.ends.turn(0.01)
        return result

    def settle(self):
        for _ in range(5):
            self.ends.turn(0.01)

    def close(self):
        for part in self.parts:
            part.close()
        self.near.close()
        os.close(self.far)


@pytest.fixture
def board(tmp_path, book):
    board = Board(tmp_path / "state", book)
    yield board
    board.close()


class Musician:
    """python-osc over UDP, as a script of a user has it."""

    def __init__(self, board):
        self.board = board
        self.client = SimpleUDPClient(*board.addresses["osc"])
        self.client._sock.setblocking(False)

    def say(self, address, *args):
        self.client.send_message(address, list(args))

    def hear(self):
        try:
            return [osc.decode(self.client._sock.recv(65536))[0]]
        except BlockingIOError:
            return []

    def listen(self):
        """The next message, as (address, *arguments)."""
        message = self.board.until(self.hear)[0]
        return (message.address, *message.args)


def test_python_osc_sets_asks_and_is_told_at_the_port_it_sends_from(board):
    first, second = Musician(board), Musician(board)
    first.say("/subscribe", "ack")
    second.say("/param/fake_bpm", 90)
    assert first.listen() == ("/ack", "fake_bpm", 90.0, 1, 0.0) and board.performance.get("fake_bpm") == 90.0
    second.say("/param/fake_bpm")
    assert second.listen() == ("/param/fake_bpm", 90.0)
    assert first.hear() == [] and second.hear() == [], "each hears its own and nothing else"


def test_a_bundle_of_python_osc_does_all_that_is_in_it(board):
    bundle = OscBundleBuilder(IMMEDIATELY)
    for address, value in (("/param/fake_bpm", 99.0), ("/param/fake_volume", 0.25), ("/nonsense", 1.0)):
        message = OscMessageBuilder(address)
        message.add_arg(value)
        bundle.add_content(message.build())
    musician = Musician(board)
    musician.client.send(bundle.build())
    board.until(lambda: board.performance.get("fake_volume") == 0.25)
    assert board.performance.get("fake_bpm") == 99.0 and board.osc.stats()["osc_refused"] == 1


def test_two_addresses_and_the_cable_hear_what_each_subscribed_to(board):
    notes, beats = Musician(board), Musician(board)
    notes.say("/subscribe", "notes")
    beats.say("/subscribe", "beat")
    board.settle()
    for _ in range(60):
        board.performance.render_block()
    assert notes.listen()[0] == "/note" and notes.hear() == []
    assert [beats.listen(), beats.listen()] == [("/beat", 0, 0.0), ("/beat", 0, 1.0)] and beats.hear() == []
    board.near.setblocking(False)
    with pytest.raises(BlockingIOError):
        board.near.recv(100)


def test_an_address_where_nobody_listens_any_more_is_forgotten(board):
    musician = Musician(board)
    musician.say("/subscribe", "ack", "notes")
    board.until(lambda: board.osc.subscribers.addresses())
    other = Musician(board)
    other.say("/subscribe", "ack")
    board.until(lambda: len(board.osc.subscribers.addresses()) == 2)
    musician.client._sock.close()

    def gone():
        other.say("/param/fake_bpm", 90)
        return len(board.osc.subscribers.addresses()) == 1

    board.until(gone)
    assert other.listen()[0] == "/ack", "the refusal of one is not held against another"


def ask(board, request, response):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.sendto(request.BYTES, board.addresses["smp"])
        def reply():
            try:
                return client.recv(65536)
            except BlockingIOError:
                return b""

        return response.loads(board.until(reply))


def test_a_datagram_is_a_frame_of_smp_and_so_is_its_answer(board):
    reply = ask(board, os_group.EchoWriteRequest(d="hé" * 500), os_group.EchoWriteResponse)
    assert reply.r == "hé" * 500


def test_noise_and_what_is_too_large_is_not_answered_and_the_next_request_is(board):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for data in (b"", b"\0", b"\2\0\0\5", os.urandom(500), bytes(LARGEST_BYTES + 1), b"\6\x09ABCD\n"):
            for kind in ("smp", "osc"):
                client.sendto(data, board.addresses[kind])
        board.settle()
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.recv(100)
    assert ask(board, os_group.EchoWriteRequest(d="up"), os_group.EchoWriteResponse).r == "up"


def test_from_another_machine_one_reads_and_writes_only_with_the_token(board, monkeypatch):
    monkeypatch.setattr(access, "is_loopback", lambda host: False)  # now everybody is far away
    musician = Musician(board)
    musician.say("/param/fake_bpm", 90)
    musician.say("/param/fake_bpm")
    assert musician.listen() == ("/param/fake_bpm", 120.0)
    assert ask(board, os_group.ResetWriteRequest(), os_group.OSManagementErrorV1).rc == 11
    musician.say("/token", own_token(board.rig.machine.storage))
    musician.say("/param/fake_bpm", 91)
    board.until(lambda: board.performance.get("fake_bpm") == 91)
    ask(board, os_group.ResetWriteRequest(), os_group.ResetWriteResponse)
    assert board.rig.machine.reset_asked


def test_the_token_is_there_for_the_owner_when_somebody_could_need_it(board):
    assert (board.rig.state / "token").exists()


def test_the_status_says_what_is_open(board):
    listening = board.rig.raw(0, 65, 1, {})["listening"]
    assert listening[0] == {"kind": "serial", "address": "", "port": 0, "writes": "all"}
    told = [(place["kind"], (place["address"], place["port"]), place["writes"]) for place in listening[1:]]
    writes = {"smp": "token", "osc": "token", "http": "none"}
    assert told == [(kind, board.addresses[kind], writes[kind]) for kind in writes]


@pytest.fixture
def get(board):
    """Ask over HTTP while the board takes its turns: (status, data)."""

    def get_(path, method="GET", body=None):
        connection = http.client.HTTPConnection(*board.addresses["http"], timeout=PATIENCE_S)
        answers = []

        def ask_():
            connection.request(method, path, body)
            response = connection.getresponse()
            text = response.read()
            answers.append((response.status, json.loads(text) if text else None))

        asking = threading.Thread(target=ask_)
        asking.start()
        board.until(lambda: answers)
        asking.join()
        connection.close()
        return answers[0]

    return get_


def test_oscquery_shows_every_parameter_as_it_is_now(board, get):
    board.performance.set("fake_bpm", 77.0)
    status, tree = get("/")
    assert status == 200 and set(tree["CONTENTS"]["param"]["CONTENTS"]) == set(board.performance.params)
    assert get("/param/fake_bpm?VALUE") == (200, {"VALUE": [77.0]})
    assert get("/?HOST_INFO")[1]["OSC_PORT"] == board.addresses["osc"][1]
    assert get("/nothing") == (404, None) and get("/param?VALUE") == (204, None)


def test_over_http_nothing_is_written(board, get):
    assert get("/param/fake_bpm", "POST", "value=90")[0] == 405 and get("/param/fake_bpm", "PUT", "90")[0] == 405
    assert board.performance.get("fake_bpm") == 120.0


def browse(board):
    client = socket.create_connection(board.addresses["http"])
    client.setblocking(False)
    return client


def closed(client):
    """True once the board has ended the connection; what it said is read away."""
    try:
        while True:
            if not client.recv(65536):
                return True
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def test_a_head_without_end_is_refused(board):
    client = browse(board)
    client.send(b"GET / HTTP/1.1\r\n" + b"x" * (LARGEST_HEAD_BYTES + 10))
    answer = b""

    def refused():
        nonlocal answer
        try:
            answer += client.recv(4096)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True
        return b"\r\n\r\n" in answer

    board.until(refused)
    assert answer.startswith(b"HTTP/1.1 431")
    client.close()


def test_slow_clients_wait_alone_and_not_for_ever(board, get, monkeypatch):
    monkeypatch.setattr(web, "PATIENCE_S", 0.5)
    slow = []
    for _ in range(web.CONNECTIONS + 4):  # four of them wait in the kernel
        slow.append(browse(board))
        slow[-1].send(b"GET / HT")
        board.settle()
    assert len(board.parts[3].reading()) <= web.CONNECTIONS + 1
    musician = Musician(board)
    musician.say("/param/fake_bpm")
    assert musician.listen() == ("/param/fake_bpm", 120.0)
    for client in slow:
        board.until(lambda client=client: closed(client))
        client.close()
    assert get("/param/fake_bpm?TYPE")[0] == 200


def test_an_ip_end_that_fails_all_the_time_is_closed_and_the_others_go_on(board, monkeypatch):
    monkeypatch.setattr(board.parts[1], "turn", lambda ready: 1 / 0)
    for _ in range(CLOSED_AFTER + 5):
        board.ends.turn(0.0)
    said = [line for line in board.rig.log.lines if "SmpDatagrams" in line]
    assert len(said) == 2 and "ZeroDivisionError" in said[0] and "closed" in said[1]
    musician = Musician(board)
    musician.say("/param/fake_bpm")
    assert musician.listen() == ("/param/fake_bpm", 120.0)


def test_a_cable_that_fails_is_not_passed_over(board, monkeypatch):
    monkeypatch.setattr(board.parts[0], "turn", lambda ready: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        board.ends.turn(0.0)


def test_the_end_of_the_lifeline_is_noticed(board):
    read, write = os.pipe()
    ends = Ends([], board.rig.log, read)
    ends.turn(0.0)
    assert not ends.cut
    os.close(write)
    ends.turn(0.5)
    assert ends.cut
    os.close(read)
