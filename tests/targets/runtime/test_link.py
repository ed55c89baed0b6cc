import os
import select
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


def read(link: Link, timeout_s: float = 0.0) -> list:
    """What arrives within the time; what waits is sent meanwhile."""
    readable, _, _ = select.select([link.descriptor] if link.listening else [], [], [], timeout_s)
    link.send()
    return link.read() if readable else []


def drain(link: Link, host: int) -> bytes:
    os.set_blocking(host, False)
    data, ends_s = b"", time.monotonic() + 20.0
    while time.monotonic() < ends_s:
        read(link)
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
        read(link)


def test_frames_arrive_whole_however_they_are_cut(cable):
    link, host = cable
    frame = EchoWriteRequest(d="x" * 300).BYTES
    for byte_ in range(0, len(lines(frame)), 7):
        os.write(host, lines(frame)[byte_ : byte_ + 7])
    got: list = []
    ends_s = time.monotonic() + 20.0
    while not got and time.monotonic() < ends_s:
        got += read(link, 0.01)
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
    read(link)
    assert link.idle and link.stuck_s > 0.05
    import termios

    termios.tcflush(host, termios.TCIFLUSH)  # as pyserial does when it opens a port
    link.write(b"new")
    assert drain(link, host).endswith(b"new") and link.stuck_s == 0.0


def test_a_closed_far_end_is_no_error():
    import pty

    board, host = pty.openpty()
    os.close(host)
    link = Link(board)
    assert read(link, 0.01) == [] and not link.listening, "it is not asked all the time"
    link.write(b"anybody there?")
    os.close(board)
