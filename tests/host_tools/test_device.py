"""A board seen from Python, over a line that may lose, delay and babble."""

import threading
import time

import pytest

from gen_core.spec.errors import BoardTimeoutError, BusyError, NoBoardError, RefusedError, UsageError
from gen_core.spec.note import Note
from host_tools.device import Device
from host_tools.patience import waits
from targets.protocol import smp


@pytest.fixture
def device(fake_board):
    with Device(fake_board.port) as opened:
        yield opened


def is_read(request, group, command):
    return (request.op, request.group, request.command) == (smp.Op.READ, group, command)


def test_a_board_introduces_itself(device):
    status = device.info()
    assert (status["product"], status["board"], status["serial"]) == ("Limonaire", "bench", "f00d")


def test_parameters_are_learned_from_the_board_page_by_page(device, fake_board):
    assert list(device.params()) == list(fake_board.values)
    assert device.params()["key"].choices == ("any", "c", "c_sharp")
    asked = len(fake_board.requests)
    assert device.params() and len(fake_board.requests) == asked


def test_a_value_is_asked_of_the_board(device, fake_board):
    fake_board.values["energy"] = 0.3
    assert device.get("energy") == 0.3


def test_a_change_counts_when_the_board_has_acknowledged_it(device, fake_board):
    assert device.set("energy", 0.8) == ("energy", 0.8, 3, 1.0)
    assert fake_board.values["energy"] == pytest.approx(0.8)
    device.set("energy", 0.1, quantum="bar")
    assert fake_board.messages[-1].args[1] == "bar"


def test_notes_that_come_during_a_change_are_not_lost(device, fake_board):
    device.subscribe("notes")
    fake_board.tell("/note", 480, 0, 60, 240, 100)
    device.set("energy", 0.8)
    assert list(device.notes(0.05)) == [Note(480, 0, 60, 240, 100)]


@pytest.mark.parametrize(("name", "value"), [("enrgy", 0.5), ("energy", 1.5), ("energy", float("nan"))])
def test_a_wrong_name_or_value_never_leaves_the_host(name, value, device, fake_board):
    with pytest.raises(UsageError):
        device.set(name, value)
    assert not [m for m in fake_board.messages if m.address.startswith("/param")]


def test_a_read_whose_answer_is_lost_is_asked_again(device, fake_board):
    device.params()
    device.timeout_s = 0.2
    lost = iter([True, True])
    fake_board.lose = lambda request: next(lost, False)
    assert device.get("energy") == 0.5
    assert len({request.sequence for request in fake_board.requests[-3:]}) == 1  # the same request, three times


def test_a_board_that_does_not_answer_is_a_timeout(device, fake_board):
    fake_board.lose = lambda request: True
    device.timeout_s = 0.1
    with pytest.raises(BoardTimeoutError, match="does not answer"):
        device.info()


def test_a_late_answer_is_not_taken_for_the_next_one(device, fake_board):
    device.params()
    device.timeout_s = 0.3
    held = threading.Event()

    def slow(request):
        if is_read(request, smp.Group.SETTINGS, 0) and not held.is_set():
            held.set()
            time.sleep(0.35)
        return False

    fake_board.lose = slow
    assert device.get("energy") == 0.5
    fake_board.values["bpm"] = 90
    assert device.get("bpm") == 90


def test_noise_and_log_lines_between_answers_do_no_harm(device, fake_board):
    for junk in (b"boot: hello\r\n", b"\xc0", b"\xc0/broken\xc0", b"\x06\x09!!!!\n", b"\x06\x09", bytes(range(256))):
        fake_board.noise(junk)
        assert device.get("energy") == 0.5


def test_a_refusal_says_why(device, fake_board):
    fake_board.refuse = lambda request: {"rc": 3, "rsn": "because"}
    with pytest.raises(RefusedError, match="because"):
        device.slots()


def test_something_else_on_the_port_is_no_board(fake_board):
    fake_board.product = "Toaster"
    with pytest.raises(NoBoardError, match="no Limonaire"):
        Device(fake_board.port)
    fake_board.refuse = lambda request: {"rc": 8}
    with pytest.raises(NoBoardError, match="no Limonaire"):
        Device(fake_board.port)


def test_a_port_is_opened_for_one_program_alone(device, fake_board):
    with pytest.raises(BusyError, match="in use"):
        Device(fake_board.port)


def test_closing_unsubscribes_and_gives_the_port_back(fake_board):
    with Device(fake_board.port) as device:
        device.subscribe("all")
    with Device(fake_board.port) as device:
        device.info()
        assert fake_board.messages[-1].address == "/unsubscribe"


def test_a_stream_keeps_time_and_ends_on_its_last_values(device, fake_board):
    start_s = time.monotonic()
    sent = device.stream([(0.0, {"energy": 0.1}), (0.1, {"energy": 0.2, "bpm": 100}), (0.2, {"energy": 0.3})])
    assert sent == 4 and 0.2 <= time.monotonic() - start_s < 2
    device.info()  # whatever was sent before this has arrived
    assert fake_board.values["energy"] == pytest.approx(0.3) and fake_board.values["bpm"] == 100


def test_after_a_reset_the_board_is_waited_for_and_asked_anew(device, fake_board):
    device.subscribe("notes")
    device.reset()
    assert device.wait_until_back(20)["uptime_s"] < 10
    device.info()
    assert fake_board.topics == {"notes"}


@pytest.mark.parametrize(("attempts", "lost"), [(1, 0), (2, 4), (3, 5)])
def test_what_may_be_asked_again_is_soon_asked_again_and_given_up_no_later(attempts, lost, device, fake_board):
    assert sum(waits(0.4, attempts)) == pytest.approx(0.4 * attempts)
    asked = []
    fake_board.lose = lambda request: asked.append(request) or len(asked) <= lost
    assert device.info(timeout_s=0.4, attempts=attempts)["serial"] == "f00d"
    asked.clear()
    fake_board.lose = lambda request: asked.append(request) or len(asked) <= lost + 1
    with pytest.raises(BoardTimeoutError):
        device.info(timeout_s=0.04, attempts=attempts)


@pytest.mark.parametrize("heard", [False, True])
def test_a_reset_that_is_not_answered_is_asked_for_again_unless_it_was_heard(heard, device, fake_board):
    """A second restart would end the trial of a book."""
    resets = []

    def lose(request):
        if (request.group, request.command) != (smp.Group.OS, smp.OsCommand.RESET):
            return False
        resets.append(request)
        if heard:
            fake_board._on_0_5_2(request)
        return len(resets) == 1

    device.timeout_s, fake_board.lose = 0.2, lose
    before_s = fake_board.started_s
    device.reset()
    assert len(resets) == (1 if heard else 2) and fake_board.started_s > before_s


def test_a_lost_line_is_said_at_once(fake_board):
    device = Device(fake_board.port, reconnect_s=0)
    fake_board.close()
    fake_board.close = lambda: None
    with pytest.raises(NoBoardError, match="lost"):
        device.info()
    device.close()
