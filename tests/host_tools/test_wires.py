"""Ways to a board beside a serial port of this machine: UDP, TCP, RFC 2217, and a loop of its own."""

import os
import select
import socket
import threading

import pytest
import serial
import serial.rfc2217

from gen_core.spec.errors import BoardTimeoutError, NoBoardError, RefusedError, UsageError
from gen_core.spec.note import Note
from host_tools import link as links
from host_tools import serial_port
from host_tools.device import Device
from host_tools.link import Link
from host_tools.wires import udp_address
from targets.protocol import osc, smp
from tests.fixtures.udp_board import UdpBoard


@pytest.fixture
def udp_board(fake_board):
    board = UdpBoard(fake_board)
    yield board
    board.close()


class Terminal(serial.Serial):
    """A pseudo-terminal has none of a modem's wires, and the manager of RFC 2217 asks after them."""

    cts = dsr = ri = cd = False

    def _update_dtr_state(self):
        pass

    def _update_rts_state(self):
        pass


class Bridge:
    """A TCP server that passes a terminal on to one client after another; with `manage`, as RFC 2217 wants it."""

    def __init__(self, terminal, scheme):
        self._terminal, self._scheme = terminal, scheme
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(0.05)
        self.url = f"{scheme}://127.0.0.1:{self._server.getsockname()[1]}"
        self.client, self._stop, self.bauds = None, threading.Event(), set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def hang_up(self):
        self.client.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._stop.set()
        self._thread.join()
        self._server.close()

    def _run(self):
        with Terminal(self._terminal, timeout=0) as port:
            while not self._stop.is_set():
                try:
                    self.client, _ = self._server.accept()
                except TimeoutError:
                    continue
                with self.client:
                    self._serve(port, self.client)

    def _serve(self, port, client):
        manager = serial.rfc2217.PortManager(port, self) if self._scheme == "rfc2217" else None
        while not self._stop.is_set():
            readable, _, _ = select.select([port.fileno(), client], [], [], 0.02)
            if port.fileno() in readable:
                data = os.read(port.fileno(), 4096)
                client.sendall(b"".join(manager.escape(data)) if manager else data)
            if client in readable:
                data = client.recv(4096)
                if not data:
                    return
                port.write(b"".join(manager.filter(data)) if manager else data)
            self.bauds.add(port.baudrate)

    def write(self, data):
        """What the manager itself has to say to the client."""
        self.client.sendall(data)


@pytest.fixture(params=["socket", "rfc2217"])
def bridge(request, fake_board):
    made = Bridge(fake_board.port, request.param)
    yield made
    made.close()


def use(device, board):
    """Everything once: ask, set, listen."""
    assert device.info()["serial"] == "f00d" and list(device.params()) == list(board.values)
    assert device.set("energy", 0.8).value == 0.8 and device.get("energy") == pytest.approx(0.8)
    threading.Timer(0.1, board.tell, ("/note", 1, 0, 60, 240, 100)).start()
    assert next(device.notes(20)) == Note(1, 0, 60, 240, 100)


def test_a_board_is_reached_over_udp(udp_board, fake_board):
    with Device(udp_board.url) as device:
        use(device, fake_board)
        assert device.link.sent_bytes > 100 and device.link.received_bytes > 100
    assert {kind for kind, _ in udp_board.heard} == {"smp", "osc"}


def test_a_datagram_that_was_lost_is_asked_for_again(udp_board):
    with Device(udp_board.url, 0.2) as device:
        drops = iter([True, False, True, False])
        udp_board.lose = lambda: next(drops, False)
        assert device.get("energy") == 0.5


def test_nobody_at_an_address_is_a_timeout_and_no_such_host_is_no_board():
    with pytest.raises(BoardTimeoutError, match="does not answer"):
        Device("udp://127.0.0.1:9", 0.1)
    with pytest.raises(NoBoardError, match="cannot be reached"):
        Device("udp://no.such.host.invalid")


def test_over_udp_a_subscription_is_said_again_before_the_board_forgets_the_address(udp_board, monkeypatch):
    monkeypatch.setattr(links, "KEEP_ALIVE_S", 0.1)
    with Device(udp_board.url) as device:
        device.subscribe("beat")
        said = [packet for kind, packet in udp_board.heard if kind == "osc"]
        ends = threading.Event()
        while len(said) < 3 and not ends.wait(0.05):
            said = [packet for kind, packet in udp_board.heard if kind == "osc"]
        assert all(osc.decode(packet) == [osc.Message("/subscribe", ("beat",))] for packet in said)


def test_a_token_is_shown_first_and_a_wrong_one_is_refused(udp_board, fake_board, monkeypatch):
    with Device(udp_board.url, token="right"):
        assert fake_board.token == "right"
    monkeypatch.setenv("LIMONAIRE_TOKEN", "wrong")
    with pytest.raises(RefusedError, match="token"):
        Device(udp_board.url)


def test_a_board_is_reached_through_a_server(bridge, fake_board):
    with Device(bridge.url) as device:
        use(device, fake_board)


def test_a_server_that_hangs_up_is_called_again(bridge, fake_board):
    happened = []
    with Device(bridge.url, reconnect_s=20, on_event=lambda event: happened.append(event.kind)) as device:
        bridge.hang_up()
        for event in device.events(20):
            if event.kind == "back":
                break
        assert device.info()["serial"] == "f00d" and happened == ["lost", "back"]


def test_rfc_2217_carries_the_baud_rate(fake_board):
    bridge = Bridge(fake_board.port, "rfc2217")
    with Device(bridge.url, baud=57600):
        pass
    bridge.close()
    assert 57600 in bridge.bauds


def test_a_loop_returns_what_is_sent():
    link = Link("loop://")
    message = osc.Message("/param/energy", (0.5,))
    link.put(message)
    assert link.heard(20) == [message]
    with pytest.raises(BoardTimeoutError):  # what comes back is the request, and no answer
        link.ask(smp.Frame(op=smp.Op.READ, group=0, command=0), 0.1)
    link.close()
    with pytest.raises(NoBoardError):
        link.put(message)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("udp://pi.local", ("pi.local", 1337, 9000)),
        ("udp://10.0.0.2:1400", ("10.0.0.2", 1400, 9000)),
        ("udp://[::1]:1400?osc=9100", ("::1", 1400, 9100)),
    ],
)
def test_an_address_names_a_host_and_perhaps_ports(url, address):
    assert udp_address(url) == address


@pytest.mark.parametrize("url", ["udp://", "udp://host:x", "udp://host:99999", "udp://h/path", "udp://h?x=1", "udp://h?osc"])
def test_what_is_no_address_is_said_to_be_none(url):
    with pytest.raises(UsageError, match="udp://HOST"):
        Device(url)


def test_a_url_that_nobody_understands_is_no_board():
    for url in ("pigeon://coop", "socket://127.0.0.1:1", "rfc2217://127.0.0.1:1"):
        with pytest.raises(NoBoardError, match="devices"):
            Device(url)


@pytest.mark.parametrize(
    ("port", "kind"),
    [
        ("/dev/ttyAMA0", "uart"),
        ("/dev/ttyUSB0", "uart"),
        ("/dev/serial0", "uart"),
        ("COM3", "uart"),
        ("\\\\.\\COM10", "uart"),
        ("/dev/cu.usbserial-1420", "uart"),
        ("/dev/ttyACM0", "usb"),
        ("/dev/cu.usbmodem1234", "usb"),
        ("/dev/pts/3", "pty"),
        ("/dev/ttys003", "pty"),
        ("rfc2217://host:2217", "rfc2217"),
        ("socket://host:4000", "socket"),
    ],
)
def test_the_kind_of_a_port_is_known_by_its_name_on_every_system(port, kind):
    assert serial_port.kind_of(port) == kind


def test_a_windows_port_that_is_listed_as_ours_is_usb(monkeypatch):
    monkeypatch.setattr(serial_port.ports, "boards", lambda: [serial_port.ports.Port("COM7", "usb", "f00d")])
    assert (serial_port.kind_of("COM7"), serial_port.kind_of("COM8")) == ("usb", "uart")


def test_on_macos_the_name_that_waits_for_a_carrier_is_not_opened(monkeypatch):
    assert serial_port.device_path("/dev/tty.usbmodem1") == "/dev/tty.usbmodem1"
    monkeypatch.setattr(serial_port.sys, "platform", "darwin")
    assert serial_port.device_path("/dev/tty.usbmodem1") == "/dev/cu.usbmodem1"
