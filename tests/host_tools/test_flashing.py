"""Uploading: over a good line, a bad one, and one that was cut."""

import itertools
import random

import pytest

from gen_core.spec.errors import BoardTimeoutError, RefusedError
from host_tools import uploading
from host_tools.device import Device
from host_tools.uploading import upload
from targets.protocol import smp

DATA = random.Random(1).randbytes(20_000)


@pytest.fixture
def device(fake_board):
    with Device(fake_board.port) as opened:
        yield opened


def test_a_book_arrives_whole_and_progress_is_told(device, fake_board):
    told = []
    upload(device, DATA, lambda done, total: told.append((done, total)))
    assert fake_board.part == DATA
    assert told == sorted(told) and told[-1] == (len(DATA), len(DATA))


def test_no_message_is_larger_than_the_board_takes(device, fake_board):
    upload(device, DATA, lambda done, total: None)
    sizes = [len(smp.encode(request)) + 4 for request in fake_board.requests]
    assert max(sizes) <= fake_board.buffer_bytes and sorted(sizes)[len(sizes) // 2] > 0.9 * fake_board.buffer_bytes


def test_an_upload_goes_on_where_another_program_was_cut_off(device, fake_board):
    sent = []

    def cut(done, total):
        if done > 10_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upload(device, DATA, cut)
    fake_board.requests.clear()
    uploaded = upload(device, DATA, lambda done, total: sent.append(done))
    assert fake_board.part == DATA and sent[0] == uploaded.resumed_bytes > 10_000


def test_an_upload_that_suffered_while_it_waited_is_sent_again_from_the_beginning(device, fake_board):
    """As after a power cut: the board has half of it, and a byte of that half is not what it was."""

    def cut(done, total):
        if done > 10_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upload(device, DATA, cut)
    fake_board.part = b"?" + fake_board.part[1:]
    sent = upload(device, DATA, lambda done, total: None)
    assert fake_board.part == DATA and sent.resumed_bytes == 0


def test_a_book_that_is_refused_whole_is_not_sent_twice(device, fake_board):
    fake_board.sha_is_right = lambda: False
    with pytest.raises(RefusedError, match="trusts"):
        upload(device, DATA, lambda done, total: None)
    assert sum(request.payload.get("off") == 0 for request in fake_board.requests if request.group == 1) == 1


def test_lost_requests_and_answers_cost_time_and_nothing_else(device, fake_board):
    dice = random.Random(3)
    device.timeout_s = 0.2
    fake_board.lose = lambda request: request.group == 1 and dice.random() < 0.1
    upload(device, DATA, lambda done, total: None)
    assert fake_board.part == DATA


def test_a_book_that_a_bad_line_has_spoilt_is_sent_once_more(device, fake_board, monkeypatch):
    """Of so many damaged frames one may have passed for sound; the board then throws the whole book away."""
    thrown_away, turns = [], itertools.count(1)

    def judge(request):
        if request.group != 1 or len(fake_board.part) + len(request.payload["data"]) < len(DATA) or thrown_away:
            return None
        thrown_away.append(fake_board.part)
        fake_board.part, fake_board.sha = b"", b""
        return {"off": 0, "match": False}

    monkeypatch.setattr(uploading, "BAD_LINE", 5)
    fake_board.refuse = judge
    fake_board.lose = lambda request: request.group == 1 and next(turns) % 8 == 0
    upload(device, DATA, lambda done, total: None)
    assert fake_board.part == DATA and thrown_away


def test_a_line_that_stays_dead_is_given_up(device, fake_board):
    device.timeout_s = 0.01
    device.buffer_bytes()
    fake_board.lose = lambda request: request.group == 1
    with pytest.raises(BoardTimeoutError):
        upload(device, DATA, lambda done, total: None)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"err": {"group": 1, "rc": 30}}, "smaller book"),
        ({"off": 20_000, "match": False}, "trusts"),
        ({"off": 0}, "takes nothing"),
        ({"rc": 1}, "refuses"),
    ],
)
def test_a_board_that_says_no_is_understood(answer, words, device, fake_board):
    fake_board.refuse = lambda request: answer if request.group == 1 else None
    with pytest.raises(RefusedError, match=words):
        upload(device, DATA, lambda done, total: None)
