import os
import time

import pytest
from bench_kit import lines
from smp.os_management import EchoWriteRequest

from targets.runtime import link as links
from targets.runtime.link import QUEUE_BYTES, Link


@pytest.fixture
def cable():
    """A pseudo-terminal: (the board's link, the host's descriptor)."""
    import pty
    import tty

    board, host = pty.openpty()
    tty.setraw(host)
    yield Link(board), host
    os.close(board)
    os.close(host)


def drain(link: Link, host: int) -> bytes:
    os.set_blocking(host, False)
    data, ends_s = b"", time.monotonic() + 20.0
    while time.monotonic() < ends_s:
        link.read(0.0)
        try:
            data += os.read(host, 65536)
        except BlockingIOError:
            if link.idle:
                break
    return data


def fill(link: Link) -> None:
    """Write until the terminal takes no more; it digests in the background for a moment."""
    while link.idle:
        link.write(b"old " * 1000)
        time.sleep(0.0 if link.idle else 0.02)
        link.read(0.0)


def test_frames_arrive_whole_however_they_are_cut(cable):
    link, host = cable
    frame = EchoWriteRequest(d="x" * 300).BYTES
    for byte_ in range(0, len(lines(frame)), 7):
        os.write(host, lines(frame)[byte_ : byte_ + 7])
    got: list = []
    ends_s = time.monotonic() + 20.0
    while not got and time.monotonic() < ends_s:
        got += link.read(0.01)
    assert got == [("smp", frame)]


def test_writing_never_waits_for_a_reader_and_drops_whole_messages(cable):
    link, host = cable
    message = b"\xc0" + b"m" * 998 + b"\xc0"
    started_s = time.perf_counter()
    for _ in range(400):
        link.write(message)
    assert time.perf_counter() - started_s < 5.0
    assert link.dropped > 0 and link.stuck_s > 0.0
    data = drain(link, host)
    assert len(data) >= QUEUE_BYTES - 1000 and data == message * (len(data) // len(message))


def test_what_has_waited_too_long_is_forgotten_and_the_next_reader_gets_fresh_words(cable, monkeypatch):
    link, host = cable
    monkeypatch.setattr(links, "STALE_S", 0.05)
    fill(link)
    time.sleep(0.1)
    link.read(0.0)
    assert link.idle and link.stuck_s > 0.05
    import termios

    termios.tcflush(host, termios.TCIFLUSH)  # as pyserial does when it opens a port
    link.write(b"new")
    assert drain(link, host).endswith(b"new") and link.stuck_s == 0.0


def test_the_end_of_the_lifeline_is_noticed(cable):
    _, host = cable
    read, write = os.pipe()
    link = Link(os.dup(host), read)
    link.read(0.0)
    assert not link.cut
    os.close(write)
    link.read(0.5)
    assert link.cut
    os.close(read)


def test_a_closed_far_end_is_no_error():
    import pty

    board, host = pty.openpty()
    os.close(host)
    link = Link(board)
    assert link.read(0.01) == []
    link.write(b"anybody there?")
    os.close(board)
