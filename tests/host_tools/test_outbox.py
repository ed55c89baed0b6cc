"""Two lanes out: parameters go between the lines of a frame, and only the newest of each address."""

import threading

import pytest

from gen_core.spec.errors import BoardTimeoutError, NoBoardError
from host_tools.device import Device
from host_tools.outbox import OSC_BETWEEN_LINES, Outbox
from host_tools.pace import AHEAD_S, Pace
from host_tools.wires import cut_lines
from targets.protocol import smp, smp_serial
from tests.fixtures.paced_line import PacedLine

PACKET = b"/param/energy..."  # 16 bytes


@pytest.fixture
def outbox():
    box = Outbox()
    box.release()
    return box


def taken(outbox):
    out = []
    while piece := outbox.take(0.0):
        outbox.sent(piece[0])
        out.append(piece)
    return out


def test_of_each_address_the_newest_value_goes_in_the_place_of_the_first(outbox):
    outbox.put("/a", b"old")
    outbox.put("/b", b"b")
    outbox.put("/a", b"new")
    assert taken(outbox) == [("osc", b"new"), ("osc", b"b")]


def test_what_is_told_is_all_sent_in_its_order(outbox):
    for packet in (b"1", b"1", b"2"):
        outbox.queue(packet)
    assert taken(outbox) == [("osc", b"1"), ("osc", b"1"), ("osc", b"2")]


def test_a_packet_goes_between_the_lines_of_a_frame(outbox):
    ticket = outbox.post([b"line 1", b"line 2"])
    first = outbox.take(0.0)
    outbox.sent(first[0])
    outbox.put("/a", b"value")
    assert [first, *taken(outbox)] == [("smp", b"line 1"), ("osc", b"value"), ("smp", b"line 2")]
    ticket.wait()


def test_neither_lane_starves_the_other(outbox):
    for number in range(100):
        outbox.put(f"/{number}", PACKET)
    outbox.post([b"line"] * 10)
    kinds = [kind for kind, _ in taken(outbox)]
    between = OSC_BETWEEN_LINES // len(PACKET)
    assert kinds[: between + 1] == ["osc"] * between + ["smp"] and kinds.count("osc") == 100


def test_nothing_but_a_frame_is_sent_before_the_board_is_known(outbox):
    held = Outbox()
    held.put("/a", b"value")
    held.post([b"who are you?"])
    assert taken(held) == [("smp", b"who are you?")]
    held.release([b"subscribe"])
    assert taken(held) == [("osc", b"subscribe"), ("osc", b"value")]


def test_a_loss_fails_the_frame_keeps_values_and_drops_what_was_told(outbox):
    outbox.put("/sent", b"sent")
    assert taken(outbox)
    ticket = outbox.post([b"line"])
    outbox.put("/waiting", b"waiting")
    outbox.queue(b"told")
    outbox.hold(NoBoardError("lost"))
    with pytest.raises(NoBoardError):
        ticket.wait()
    assert taken(outbox) == []
    outbox.release()
    assert taken(outbox) == [("osc", b"sent"), ("osc", b"waiting")]


def test_a_packet_that_could_not_be_sent_is_told_to_the_next_caller(outbox):
    outbox.put("/a", b"value")
    outbox.sent(outbox.take(0.0)[0], BoardTimeoutError("nobody takes it"))
    with pytest.raises(BoardTimeoutError):
        outbox.put("/a", b"value")
    outbox.put("/a", b"value")
    assert taken(outbox) == [("osc", b"value")]


@pytest.mark.parametrize("step", [1, 128, 4096])
def test_a_frame_is_cut_between_its_lines(step):
    lines = smp_serial.to_lines(bytes(3000))
    pieces = cut_lines(lines, step)
    assert b"".join(pieces) == lines
    assert all(piece.endswith(b"\n") and (len(piece) <= step or piece.count(b"\n") == 1) for piece in pieces)
    assert (len(pieces) > 1) == (step < len(lines))


def test_a_writer_is_ahead_of_the_line_by_a_bounded_time_whatever_the_system_would_take():
    pace = Pace(115200)
    assert pace.wait_s() == 0.0
    pace.sent(11520)  # a second
    assert 0.5 < pace.wait_s() <= 1.0 - AHEAD_S
    told = Pace(115200, lambda: 11520)  # the line is slower than its clock says
    assert told.wait_s() == pytest.approx(1.0 - AHEAD_S)


def test_a_parameter_does_not_wait_for_a_frame_on_a_slow_line(fake_board):
    """Counted in bytes of the line, so that a busy machine changes nothing: a frame has 11,000, a line 128."""
    marks = []
    with PacedLine(fake_board.port, 115200) as line, Device(line.port, baud=115200) as device:
        device.params()
        arrived = threading.Event()
        fake_board.on_message = lambda message: (marks.append(line.carried[0]), arrived.set())
        frame = {"off": 0, "len": 10**6, "sha": b"sha", "data": bytes(8000)}
        upload = (smp.Op.WRITE, smp.Group.IMAGE, smp.ImageCommand.UPLOAD, frame)
        asking = threading.Thread(target=device.ask, args=upload, kwargs={"timeout_s": 20})
        asking.start()
        behind = []
        while asking.is_alive() and len(behind) < 15:
            arrived.clear()
            before = line.carried[0]
            device.send("energy", len(behind) / 100)
            assert arrived.wait(20)
            behind.append(marks[-1] - before)
        asking.join()
    assert len(behind) >= 10 and sorted(behind)[len(behind) // 2] < 6 * smp_serial.LINE_LENGTH
    assert fake_board.part == bytes(8000)
