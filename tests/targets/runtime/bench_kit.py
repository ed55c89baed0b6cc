"""What the tests of the running board share: keys, signed books, a board in memory, a bench in its own process."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cbor2
import fake_performance
import serial
from imgtool.image import Image
from imgtool.keys.ed25519 import Ed25519
from imgtool.version import decode_version
from pythonosc.osc_message_builder import OscMessageBuilder
from smp import header as smp_header
from smp import image_management as img
from smp import os_management as os_group
from smp import packet as smp_packet

from targets.protocol import book as books
from targets.protocol import slip
from targets.protocol.demux import Demux
from targets.runtime.board import assemble
from targets.runtime.log import Log
from targets.runtime.options import Options
from targets.runtime.server import Server

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent
KEY, STRANGER = Ed25519.generate(), Ed25519.generate()
FAKE = "fake_performance:FakePerformance"


def manifest(name: str = "test book", version: str = "1.0.0", **extra) -> dict:
    synth = {"graph": "synth/synth.onnx", "lanes": 1}
    return {
        "format": books.FORMAT,
        "name": name,
        "version": version,
        "sample_rate_hz": 48000,
        "block_frames": 512,
        "model": {"graph": "model/step.onnx"},
        "synth": synth,
        "instruments": [],
        "ensembles": {},
        "params": fake_performance.declarations(),
        "presets": {},
        "provenance": {},
    } | extra


def signed_book(
    tmp_path: Path, version: str = "1.0.0", key: Ed25519 = KEY, payload: bytes = b"", counter: int = 0, **extra
) -> bytes:
    """A book signed by imgtool, the file as `bytes`. `payload` makes it as large as wanted."""
    files = {"model/step.onnx": b"model " + payload, "synth/synth.onnx": b"synth"}
    return signed(tmp_path, books.pack(manifest(version=version, **extra), files), version, key, counter)


def signed(tmp_path: Path, content: bytes, version: str = "1.0.0", key: Ed25519 = KEY, counter: int = 0) -> bytes:
    plain, finished = tmp_path / "payload.bin", tmp_path / "signed.bin"
    plain.write_bytes(content)
    image = Image(
        version=decode_version(version),
        header_size=32,
        pad_header=True,
        slot_size=1 << 27,
        align=1,
        security_counter=counter or None,
    )
    image.load(str(plain))
    image.create(key, "hash", None, custom_tlvs={0x00A0: b"limonaire-book"})
    image.save(str(finished))
    return finished.read_bytes()


def trust(state: Path) -> None:
    """Make the board of that folder trust KEY."""
    (state / "trusted").mkdir(parents=True, exist_ok=True)
    (state / "trusted" / "key.pem").write_bytes(KEY.get_public_pem())


class Rig:
    """A board in this process, spoken to with whole frames through the `smp` package. Nothing sounds unless started."""

    def __init__(self, state: Path, **options) -> None:
        self.state = state
        trust(state)
        self.log = Log(open(os.devnull, "w"))  # noqa: SIM115
        self.machine = assemble(Options(state=state, performance=FAKE, **options), self.log)
        self.server = Server(self.machine)

    def ask(self, request, *responses):
        """Send a request of the `smp` package; returns the reply as the first of `responses` that accepts it."""
        reply = self.server.handle(request.BYTES)
        assert reply is not None
        return parsed(reply, responses)

    def raw(self, op: int, group: int, command: int, payload: dict | bytes, version: int = 1) -> dict:
        """Send any frame; returns the payload of the reply."""
        data = payload if isinstance(payload, bytes) else cbor2.dumps(payload)
        head = bytes([op | version << 3, 0]) + len(data).to_bytes(2, "big") + group.to_bytes(2, "big")
        reply = self.server.handle(head + bytes([7, command]) + data)
        assert reply is not None and reply[0] & 7 == op + 1 and reply[6] == 7 and reply[7] == command
        return cbor2.loads(reply[8:])

    def states(self) -> list[tuple]:
        """What image state-read shows: (slot, version, flags that are set)."""
        images = self.raw(0, 1, 0, {})["images"]
        flags = ("active", "confirmed", "pending", "permanent")
        return [(i["slot"], i["version"], "+".join(f for f in flags if i.get(f))) for i in images]

    def upload(self, data: bytes, chunk: int = 4000, stop_after: int | None = None) -> dict:
        """Upload as smpclient does; returns the last reply."""
        import hashlib

        first = {"off": 0, "data": data[:chunk], "image": 0, "len": len(data), "upgrade": False}
        reply = self.raw(2, 1, 1, first | {"sha": hashlib.sha256(data).digest()})
        while "off" in reply and reply["off"] < len(data) and (stop_after is None or reply["off"] < stop_after):
            offset = reply["off"]
            reply = self.raw(2, 1, 1, {"off": offset, "data": data[offset : offset + chunk]})
        return reply

    def hash_in(self, slot: int) -> bytes:
        return next(image["hash"] for image in self.raw(0, 1, 0, {})["images"] if image["slot"] == slot)

    def reboot(self, **options) -> "Rig":
        """The same board after a power cycle."""
        return Rig(self.state, **options)


def parsed(reply: bytes, responses):
    errors = []
    for response in responses:
        try:
            return response.loads(reply)
        except Exception as error:  # the next one may fit
            errors.append(f"{response.__name__}: {error}")
    raise AssertionError(f"{cbor2.loads(reply[smp_header.Header.SIZE :])} is none of {errors}")


def lines(frame: bytes) -> bytes:
    """A frame as the `smp` package puts it on a serial line."""
    return b"".join(smp_packet.encode(frame))


@dataclass
class Bench:
    """A bench board in its own process."""

    process: subprocess.Popen
    port: str
    state: Path
    record: dict

    def child_pid(self, other_than: int = 0, timeout_s: float = 30.0) -> int:
        """The board's process under the supervisor."""
        ends_s = time.monotonic() + timeout_s
        while time.monotonic() < ends_s:
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            fresh = [int(pid) for pid in children if int(pid) != other_than]
            if fresh:
                return fresh[0]
            time.sleep(0.02)
        raise AssertionError("the board did not start again")


def await_board(port: str, timeout_s: float = 30.0) -> None:
    """Wait until the board answers: on a busy machine it takes longer to start than a client waits for an answer."""
    client = Client(port)
    try:
        client.ask(os_group.EchoWriteRequest(d="up?"), os_group.EchoWriteResponse, timeout_s)
    finally:
        client.port.close()


@contextlib.contextmanager
def bench_board(state: Path, *arguments: str, factory: bytes | None = None, ip: bool | None = False):
    """Start a bench with the fake performance; stop it at the end, as Ctrl-C would.

    `ip`: whether it listens, on any free ports; None leaves that to the arguments.
    """
    state.mkdir(parents=True, exist_ok=True)
    trust(state)
    words = [sys.executable, "-m", "targets.runtime.supervisor", "--state", str(state), "--performance", FAKE, "--json"]
    if ip is not None:
        free = [word for kind in ("smp", "osc", "http") for word in (f"--{kind}-port", "0")]
        words += free if ip else ["--no-ip"]
    if factory is not None:
        path = state.parent / "factory.book"
        path.write_bytes(factory)
        words += ["--factory", str(path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(HERE), str(ROOT)))}
    with open(state / "stderr.log", "w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [*words, *arguments], stdout=subprocess.PIPE, stderr=errors, text=True, env=environment, cwd=ROOT
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (state / "stderr.log").read_text()
        record = json.loads(line)
        await_board(record["port"])
        yield Bench(process, record["port"], state, record)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=10)
        finally:
            process.kill()
            assert process.stdout is not None
            process.stdout.close()


class Client:
    """A plain serial client: frames by the `smp` package, replies through the demultiplexer."""

    def __init__(self, port: str) -> None:
        self.port = serial.Serial(port, timeout=0.02)
        self.demux = Demux()
        self.osc: list[bytes] = []

    def ask(self, request, response, timeout_s: float = 20.0):
        self.port.write(lines(request.BYTES))
        ends_s = time.monotonic() + timeout_s
        while time.monotonic() < ends_s:
            for kind, packet in self.listen():
                if kind == "smp" and packet[6] == request.header.sequence:
                    return parsed(packet, [response])
        raise AssertionError(f"no answer to {request}")

    def listen(self):
        packets = list(self.demux.feed(self.port.read(4096)))
        self.osc += [packet for kind, packet in packets if kind == "osc"]
        return packets

    def states(self):
        reply = self.ask(img.ImageStatesReadRequest(), img.ImageStatesReadResponse)
        return [(i.version, bool(i.active), bool(i.confirmed)) for i in reply.images]

    def upload(self, data: bytes):
        offset = 0
        while offset < len(data):
            length, piece = (len(data) if offset == 0 else None), data[offset : offset + 4000]
            request = img.ImageUploadWriteRequest(off=offset, data=piece, len=length)
            reply = self.ask(request, img.ImageUploadWriteResponse)
            offset = reply.off
        return reply

    def reset(self, bench):
        before = bench.child_pid()
        self.ask(os_group.ResetWriteRequest(), os_group.ResetWriteResponse)
        bench.child_pid(other_than=before)

    def tell(self, address, *args):
        builder = OscMessageBuilder(address)
        for arg in args:
            builder.add_arg(arg)
        self.port.write(slip.encode(builder.build().dgram))
