"""What is fuzzed: for each reader good examples to start from, and a check that must hold whatever it is given.

A check returns one word for what became of the frame, and raises for anything that must not be.
"""

import hashlib
import io
import json
import os
import random
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import cbor2

from gen_core.spec.errors import VerificationError, WireError
from gen_core.spec.param import Param
from targets.protocol import book, mcuboot, osc, slip, smp, smp_serial
from targets.protocol.demux import Demux
from tests.fuzz import noise
from tests.fuzz.kit import KEY, Rig, manifest, signed, signed_book

Check = Callable[[bytes], str]


@dataclass(frozen=True)
class Target:
    """`seeds()`: good examples. `check()`: a context whose value judges one frame. `frame`: how a bad one is made."""

    seeds: Callable[[], Sequence[bytes]]
    check: Callable[[], AbstractContextManager[Check]]
    frame: Callable[[random.Random, Sequence[bytes]], bytes] = noise.frame


@cache
def small_book(version: str = "1.0.0") -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return signed_book(Path(folder), version)


def requests() -> list[bytes]:
    """One request of every command that there is, and two that there are not."""
    data = small_book()
    first = {"off": 0, "data": data[:200], "image": 0, "len": len(data), "sha": hashlib.sha256(data).digest()}
    found = [
        (op, group, command, payload)
        for group in (0, 1, 2, 3, 8, 9, 10, 64, 65)
        for command in range(7)
        for op in (0, 2)
        for payload in ({}, {"name": "fake_bpm", "val": b"\0\0\xa0B", "off": 0})
    ]
    found += [
        (2, 0, 0, {"d": "hello"}),
        (0, 0, 7, {"format": "a"}),
        (2, 1, 1, first),
        (2, 1, 1, {"off": 200, "data": data[200:400]}),
        (2, 1, 0, {"hash": bytes(32), "confirm": False}),
        (2, 8, 0, {"name": "/bundles/x", "off": 0, "len": 4, "data": b"abcd"}),
        (0, 8, 0, {"name": "/params.json", "off": 0}),
        (2, 9, 0, {"argv": ["param", "set", "fake_bpm", "100"]}),
        (0, 2, 0, {"name": "audio"}),
        (2, 65, 4, {"off": 0, "size": 100, "sha": bytes(32)}),
        (2, 65, 5, {"token": "secret"}),
    ]
    frames = (smp.Frame(op=op, group=group, command=command, payload=load) for op, group, command, load in found)
    return [smp.encode(frame) for frame in frames if not (frame.group == 0 and frame.command == 5)]


def packets() -> list[bytes]:
    """OSC packets of every type of argument."""
    messages = [
        osc.Message("/param/fake_bpm", (100.0,)),
        osc.Message("/param/fake_key", ("c", "4bars", "phrase")),
        osc.Message("/param/fake_energy", (osc.Double(0.5), 8, "bar")),
        osc.Message("/subscribe", ("notes", "beat")),
        osc.Message("/play", ("lead", 60, 100)),
        osc.Message("/sync", (osc.Int64(5), b"blob", True, None, osc.IMPULSE)),
    ]
    plain = [osc.encode(message) for message in messages]
    elements = b"".join(len(packet).to_bytes(4, "big") + packet for packet in plain)
    bundle = osc.BUNDLE + bytes(8) + elements
    return [*plain, bundle, osc.BUNDLE + bytes(8) + len(bundle).to_bytes(4, "big") + bundle]


def streams() -> list[bytes]:
    """What may stand on a wire: lines, packets of either kind of sender, text."""
    lines = [smp_serial.to_lines(frame) for frame in requests()[::9]]
    simple = [packet + slip.END for packet in packets()]
    return [*lines, *simple, *(slip.encode(packet) for packet in packets()), b"log: note 3/4 at 100%\r\n"]


def archives() -> list[bytes]:
    """What a book holds, packed and then unpacked again as a ZIP that lies open: manifests are text there."""
    files = {"model/step.onnx": b"model", "synth/synth.onnx": b"synth"}
    packed = book.pack(manifest(), files)
    stored = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as source, zipfile.ZipFile(stored, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    return [packed, stored.getvalue()]


def bad_request(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Half of them sound frames with strange values in their map: those come past the decoder."""
    if rng.random() < 0.5:
        return noise.frame(rng, seeds)
    request = smp.decode(rng.choice(seeds))
    return smp.encode(replace(request, payload=noise.values(rng, dict(request.payload))))


def bad_book(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Half of them sound archives whose manifest is damaged, as text or in its values."""
    if rng.random() < 0.5:
        return noise.frame(rng, seeds)
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(seeds[0])) as source, zipfile.ZipFile(packed, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            target.writestr(name, _bad_manifest(rng, data) if name == book.MANIFEST else data)
    return packed.getvalue()


def _bad_manifest(rng: random.Random, text: bytes) -> bytes:
    if rng.random() < 0.5:
        return noise.frame(rng, [text])
    return json.dumps(noise.values(rng, json.loads(text)), default=str).encode()


@contextmanager
def demultiplexer() -> Iterator[Check]:
    demux = Demux()
    whole = smp_serial.to_lines(requests()[0])

    def check(data: bytes) -> str:
        found = demux.feed(data)
        for kind, payload in found:
            assert kind in ("smp", "osc") and len(payload) <= smp_serial.MAX_FRAME_BYTES
        # Two good frames behind it: the noise may swallow the first one, never both.
        after = demux.feed(slip.END + b"\n" + whole) + demux.feed(whole)
        assert ("smp", requests_first()) in after, "a good frame was lost"
        return "found" if found else "nothing"

    yield check


@cache
def requests_first() -> bytes:
    return requests()[0]


@contextmanager
def server() -> Iterator[Check]:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        state = Path(folder) / "state"
        state.mkdir()
        (state / "factory.book").write_bytes(small_book("0.9.0"))
        rig = Rig(state)
        params = rig.machine.performance.params

        def check(data: bytes) -> str:
            reply = rig.server.handle(data) or rig.server.handle(_lengthened(data))
            rig.machine.reset_asked = False
            if reply is None:
                return "no request"
            answer = smp.decode(reply)
            assert answer.op in (1, 3) and len(reply) <= rig.machine.buffer_bytes + 64, answer
            assert all(p.low <= rig.machine.performance.get(p.id) <= p.high for p in params.values())
            return "refused" if {"rc", "err"} & set(answer.payload) else "done"

        yield check


def _lengthened(data: bytes) -> bytes:
    """The same as a request that announces as much as there is: else noise would seldom come past the header."""
    if len(data) < smp.HEADER.size:
        return data
    _, _, _, group, sequence, command = smp.HEADER.unpack_from(data)
    length = len(data) - smp.HEADER.size
    return smp.HEADER.pack(8 | data[0] & 2, 0, length, group, sequence, command) + data[smp.HEADER.size :]


@contextmanager
def osc_server() -> Iterator[Check]:
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(Path(folder))
        params = rig.machine.performance.params

        def check(data: bytes) -> str:
            rig.machine.osc.receive(data)
            assert all(p.low <= rig.machine.performance.get(p.id) <= p.high for p in params.values())
            rig.machine.osc.outgoing(1 << 16)
            try:
                osc.decode(data)
            except WireError:
                return "refused"
            return "decoded"

        yield check


@contextmanager
def verifier() -> Iterator[Check]:
    """Nothing but a signed image itself is taken for it. The hint at the key may differ: it is under no signature."""
    trusted = [KEY.get_public_pem()]
    wholes = [small_book(), small_book("2.0.0")]
    known = {mcuboot.verify(whole, trusted).hash: whole for whole in wholes}

    def check(data: bytes) -> str:
        try:
            found = mcuboot.verify(data, trusted)
        except VerificationError:
            return "refused"
        whole = known[found.hash]
        same = [i for i, (one, other) in enumerate(zip(data, whole, strict=True)) if one != other]
        hint = whole.index(found.key_hash) if found.key_hash and found.key_hash in whole else len(whole)
        assert all(hint <= i < hint + 32 for i in same), "a false image was accepted"
        return "accepted"

    yield check


@contextmanager
def reader() -> Iterator[Check]:
    """A book that its signer made wrong: everything behind the signature may be anything."""
    with tempfile.TemporaryDirectory() as folder:
        shell = signed(Path(folder), b"content", "1.0.0")
    header = mcuboot.HEADER.unpack_from(shell)

    def check(data: bytes) -> str:
        try:
            found = book.read(_imaged(data, header), None)
            for declared in found.manifest["params"]:
                Param.from_dict(declared)
        except VerificationError:
            return "refused"
        except (TypeError, KeyError, AttributeError) as error:  # a list of parameters that holds no declarations
            assert not isinstance(declared, dict), error
            return "refused"
        json.dumps(found.manifest)
        return "read"

    yield check


def _imaged(payload: bytes, header: tuple) -> bytes:
    """An unsigned image around the payload, as a board takes it that was set up as open."""
    magic, load, size, _, _, flags, *version = header
    tlv = mcuboot.TLV.pack(mcuboot.BOOK_TAG, len(mcuboot.BOOK_MARK)) + mcuboot.BOOK_MARK
    protected = mcuboot.TLV.pack(mcuboot.PROTECTED_MAGIC, len(tlv) + 4) + tlv
    start = mcuboot.HEADER.pack(magic, load, size, len(protected), len(payload), flags, *version)
    hashed = start + payload + protected
    digest = mcuboot.TLV.pack(mcuboot.SHA256, 32) + hashlib.sha256(hashed).digest()
    return hashed + mcuboot.TLV.pack(mcuboot.PLAIN_MAGIC, len(digest) + 4) + digest


TARGETS = {
    "demux": Target(streams, demultiplexer),
    "smp": Target(requests, server, bad_request),
    "osc": Target(packets, osc_server),
    "mcuboot": Target(lambda: [small_book(), small_book("2.0.0")], verifier),
    "book": Target(archives, reader, bad_book),
    "cbor": Target(lambda: [cbor2.dumps({"a": [1, 2.5, b"x", "y", None, {"b": 2**70}]})], lambda: _cbor()),
}


@contextmanager
def _cbor() -> Iterator[Check]:
    """The map inside a request, where lengths are announced that never come."""

    def check(data: bytes) -> str:
        try:
            smp.decode(smp.HEADER.pack(8 | 2, 0, len(data), 0, 1, 0) + data)
        except WireError:
            return "refused"
        return "decoded"

    yield check
