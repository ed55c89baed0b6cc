"""Programs of other people on the same wire: CNMAT's SLIP on an Arduino, simple senders, and an upload meanwhile.

The senders here write the bytes that those programs write; python-osc makes the packets.
"""

import struct
import threading

import pytest
from bench_kit import Client, bench_board, signed_book
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from smp import settings_management as setting

END, ESCAPE, ESCAPED_END, ESCAPED_ESCAPE = b"\xc0", b"\xdb", b"\xdb\xdc", b"\xdb\xdd"  # RFC 1055


def packet(address, *values):
    builder = OscMessageBuilder(address)
    for value in values:
        builder.add_arg(value)
    return builder.build().dgram


def escaped(data):
    return data.replace(ESCAPE, ESCAPED_ESCAPE).replace(END, ESCAPED_END)


def cnmat(port, data):
    """beginPacket, the message byte for byte, endPacket: END on both sides."""
    port.write(END)
    for value in escaped(data):
        port.write(bytes([value]))
    port.write(END)


def simple(port, data):
    """END at the end only."""
    port.write(escaped(data) + END)


def bundled(*packets):
    builder = OscBundleBuilder(IMMEDIATELY)
    for data in packets:
        from pythonosc.osc_message import OscMessage

        builder.add_content(OscMessage(data))
    return builder.build().dgram


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder = tmp_path_factory.mktemp("senders")
    with bench_board(folder / "state", factory=signed_book(folder, "0.9.0")) as bench:
        yield bench


@pytest.fixture
def client(bench):
    client = Client(bench.port)
    yield client
    client.port.close()


def energy(client):
    """What the board holds, asked over SMP."""
    answer = client.ask(setting.ReadSettingRequest(name="fake_energy"), setting.ReadSettingResponse)
    return round(struct.unpack("<f", answer.val)[0], 4)


@pytest.mark.parametrize("send", [cnmat, simple])
def test_a_sensor_sets_a_parameter(send, client):
    for step in range(20):
        send(client.port, packet("/param/fake_energy", step / 20))
        assert energy(client) == step / 20


@pytest.mark.parametrize("send", [cnmat, simple])
def test_bundles_in_quick_succession_all_arrive(send, client):
    for step in range(200):
        send(client.port, bundled(packet("/param/fake_energy", step / 200), packet("/param/fake_bpm", 60.0 + step)))
    assert energy(client) == 199 / 200
    answer = client.ask(setting.ReadSettingRequest(name="fake_bpm"), setting.ReadSettingResponse)
    assert struct.unpack("<f", answer.val)[0] == 240.0  # clamped


@pytest.mark.parametrize("send", [cnmat, simple])
def test_a_sensor_goes_on_while_a_book_is_uploaded(send, client, tmp_path):
    data = signed_book(tmp_path, "2.0.0", payload=bytes(range(256)) * 400)
    lock, stop, sent = threading.Lock(), threading.Event(), []
    write = client.port.write
    client.port.write = lambda chunk: locked(lock, write, chunk)

    class Whole:
        """A sensor's packet is not cut by somebody else's line: they take turns on the wire."""

        def __init__(self):
            self.data = b""

        def write(self, chunk):
            self.data += chunk

    def sensor():
        while not stop.wait(0.003):
            one, value = Whole(), (len(sent) % 100) / 100
            send(one, packet("/param/fake_energy", value))
            locked(lock, write, one.data)
            sent.append(value)

    thread = threading.Thread(target=sensor)
    thread.start()
    reply = client.upload(data)
    stop.set()
    thread.join()
    assert reply.match is True and len(sent) > 3
    assert energy(client) == sent[-1]


def locked(lock, write, data):
    with lock:
        return write(data)
