"""Taking the wire apart: whole, in any pieces, damaged, and with senders of every habit."""

import os
import random
import time
from bisect import bisect_left
from collections import Counter

import pytest
from smp import packet as their_packet

from gen_core.spec.errors import WireError
from targets.protocol import osc, slip, smp, smp_serial
from targets.protocol.demux import MAX_PACKET_BYTES, Demux
from targets.protocol.osc import Message

FRAME = smp.encode(smp.Frame(op=2, group=1, command=1, payload={"off": 0, "data": bytes(range(256))}))
LINES = smp_serial.to_lines(FRAME)
SHORT = smp.encode(smp.Frame(op=0, group=0, command=6))
PACKET = osc.encode(Message("/param/bpm", (112.0,)))
SLIP = slip.encode(PACKET)
SMP, OSC = ("smp", FRAME), ("osc", PACKET)


def cut_line(lines, number):
    """The lines with one of them cut in the middle."""
    parts = lines.splitlines(keepends=True)
    parts[number] = parts[number][:40]
    return b"".join(parts)


def between(lines, what):
    """Something between any two lines of a frame."""
    return what.join(lines.splitlines(keepends=True))


STREAMS = {  # what is on the wire → what must come out
    "a frame": (LINES, [SMP]),
    "a frame on one long line": (smp_serial.to_lines(FRAME, 8000), [SMP]),
    "a frame of very short lines": (smp_serial.to_lines(FRAME, 32), [SMP]),
    "a frame with carriage returns": (LINES.replace(b"\n", b"\r\n"), [SMP]),
    "a frame of the other implementation": (b"".join(their_packet.encode(FRAME)), [SMP]),
    "a packet": (SLIP, [OSC]),
    "a packet with END at the end only": (PACKET + slip.END, [OSC]),
    "many with END at the end only": ((PACKET + slip.END) * 3 + LINES + PACKET + slip.END, [OSC] * 3 + [SMP, OSC]),
    "packets that share an END": (slip.END + (PACKET + slip.END) * 2, [OSC] * 2),
    "a frame, a packet, a frame": (LINES + SLIP + LINES, [SMP, OSC, SMP]),
    "packets between the lines": (between(LINES, SLIP), [OSC] * 3 + [SMP]),
    "packets of simple senders between the lines": (between(LINES, PACKET + slip.END), [OSC] * 3 + [SMP]),
    "log text between the lines": (between(LINES, b"note 3/4 at 100% #7\r\n"), [SMP]),
    "text with a path before a frame": (b"reading /dev/tty (a/b)\n" + LINES, [SMP]),
    "text that ends in a slash": (b"a/" + LINES, [SMP]),
    "a stray END before a frame": (slip.END + LINES, [SMP]),
    "an END inside a line": (LINES[:30] + SLIP + LINES, [OSC, SMP]),
    "a frame begins inside a line": (LINES[:30] + LINES, [SMP]),
    "a frame begins after half of another": (LINES[:200] + b"\n" + LINES, [SMP]),
    "a line is cut": (cut_line(LINES, 1) + LINES, [SMP]),
    "a line is missing": (b"".join(LINES.splitlines(keepends=True)[::2]) + LINES, [SMP]),
    "lines without a beginning": (LINES[127:] + LINES, [SMP]),
    "a frame and then lines without a beginning": (LINES + LINES[127:] + LINES, [SMP, SMP]),
    "a packet loses its END before a frame": (slip.END + PACKET + LINES + SLIP, [SMP, OSC]),
    "a packet is cut before a frame": (slip.END + PACKET[:14] + LINES, [SMP]),
    "a packet is cut between the lines": (between(LINES, slip.END + PACKET[:13]), [SMP]),
    "a packet with a broken escape": (slip.END + PACKET[:-1] + b"\xdb" + slip.END + SLIP, [OSC]),
    "a modem manager knocks": (b"AT\r\nAT+GCAP\r\n~x\xf0~\xc0\xff\x06\x09!!!!" + LINES, [SMP]),
    "marks alone": (b"\x06\x09\x04\x14\x06\x06\x09\n\x04" + LINES, [SMP]),
    "a frame with a wrong checksum": (LINES.replace(b"A", b"B", 1) + LINES, [SMP]),
    "a packet full of special bytes": (
        slip.encode(osc.encode(Message("/x", (b"\xc0\xdb\xdc\x06\x09\x04\x14\n",)))),
        [("osc", osc.encode(Message("/x", (b"\xc0\xdb\xdc\x06\x09\x04\x14\n",))))],
    ),
}


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("step", [1, 2, 3, 64, 100_000])
def test_what_is_on_the_wire_comes_out_whatever_the_pieces(name, step):
    data, expected = STREAMS[name]
    demux, found = Demux(), []
    for at in range(0, len(data), step):
        found += demux.feed(data[at : at + step])
    assert found == expected


def test_a_frame_comes_out_with_its_last_byte_and_a_packet_with_its_end():
    demux = Demux()
    assert demux.feed(LINES[:-1]) == [] and demux.feed(LINES[-1:]) == [SMP]
    assert demux.feed(SLIP[:-1]) == [] and demux.feed(SLIP[-1:]) == [OSC]


LIMITS = {  # noise without end
    "base64": b"\x06\x09" + b"QUJD" * 50_000,
    "lines": b"\x06\x09//99AAAAAAAAAAAAAAAA\n" + b"\x04\x14AAAA\n" * 50_000,
    "a packet": b"/x\0\0" + b"\1" * 300_000,
    "an address": b"/" + b"x" * 300_000,
    "slashes": b"/" * 300_000,
    "addresses": b"/\0" * 150_000,
    "marks": b"\x06\x09" * 50_000,
    "ends": slip.END * 300_000,
    "zeros": bytes(300_000),
    "newlines in a packet": b"/x\0\0" + b"\n" * 300_000,
}


@pytest.mark.parametrize("name", LIMITS)
def test_noise_without_end_costs_neither_memory_nor_much_time_nor_what_follows(name):
    demux, start_s = Demux(), time.process_time()
    for at in range(0, len(LIMITS[name]), 1000):
        demux.feed(LIMITS[name][at : at + 1000])
        held = len(demux._open) + sum(map(len, demux._frame))
        assert held < 2 * 87_400, "a line and a frame at most"
    demux.feed(bytes(MAX_PACKET_BYTES) + b"\n")
    assert demux.feed(LINES + SLIP) == [SMP, OSC]
    assert time.process_time() - start_s < 3.0


def test_limits_are_as_given():
    demux = Demux(max_frame_bytes=100, max_packet_bytes=64)
    assert demux.feed(LINES + smp_serial.to_lines(SHORT)) == [("smp", SHORT)]
    long = slip.encode(osc.encode(Message("/x", (bytes(100),))))
    assert demux.feed(long + SLIP) == [OSC]


def test_upload_lines_are_read_at_20_megabytes_a_second():
    frame = smp.encode(smp.Frame(op=2, group=1, command=1, payload={"off": 9, "data": os.urandom(8192)}))
    data = smp_serial.to_lines(frame) * 40
    rates = []
    for _ in range(5):  # the best of five: the machine does other things as well
        demux, start_s = Demux(), time.process_time()
        found = [item for at in range(0, len(data), 4096) for item in demux.feed(data[at : at + 4096])]
        rates.append(len(data) / (time.process_time() - start_s) / 1e6)
        assert len(found) == 40
    print(f"{max(rates):.0f} MB/s")
    assert max(rates) > 20


# ---- the fuzz: frames, packets and text as they come, in pieces of any size, with bytes damaged on the way


def traffic(dice, count):
    """`count` pieces of a clean stream as (kind, payload, bytes)."""
    for number in range(count):
        kind = dice.choices(("smp", "osc", "text"), (45, 45, 10))[0]
        if kind == "smp":
            payload = {"off": number, "data": dice.randbytes(dice.randrange(300))}
            frame = smp.encode(smp.Frame(op=2, group=1, command=1, payload=payload, sequence=number % 256))
            yield kind, frame, smp_serial.to_lines(frame)
        elif kind == "osc":
            args = [dice.choice((dice.uniform(-1e3, 1e3), dice.randrange(2**31), "text", dice.randbytes(9)))]
            packet = osc.encode(Message(f"/p/{number}", tuple(args * dice.randrange(4))))
            yield kind, packet, dice.choice((slip.encode(packet), slip.encode(packet)[1:]))
        else:
            yield kind, b"", f"block {number}/{count} took {dice.random():.3f} ms #{number}\n".encode()


def damaged(dice, data, probability):
    """Flip, drop or add bytes; returns the bytes, and which of the original ones were hit."""
    out, hit = bytearray(), []
    for at, byte in enumerate(data):
        if probability and dice.random() < probability:
            hit.append(at)
            kind = dice.randrange(3)
            out += (bytes([byte ^ 1 << dice.randrange(8)]), b"", bytes([byte, dice.randrange(256)]))[kind]
        else:
            out.append(byte)
    return bytes(out), hit


def run(seed, count, probability):
    dice = random.Random(seed)
    pieces, spans, at = [], [], 0
    for kind, payload, data in traffic(dice, count):
        pieces.append(data)
        spans.append((kind, payload, at, at + len(data)))
        at += len(data)
    stream, hits = damaged(dice, b"".join(pieces), probability)
    demux, found, at = Demux(), [], 0
    while at < len(stream):
        step = dice.choice((1, 2, 7, 64, 500, 4096))
        found += demux.feed(stream[at : at + step])
        at += step
    return spans, hits, found


@pytest.mark.parametrize("seed", range(3))
def test_nothing_of_a_clean_stream_is_lost_and_nothing_is_made_up(seed):
    spans, _, found = run(seed, 2000, 0)
    assert found == [(kind, payload) for kind, payload, _, _ in spans if payload]


@pytest.mark.parametrize(("probability", "may_be_lost"), [(1e-4, 0.002), (1e-3, 0.02), (1e-2, 0.2)])
def test_a_damaged_stream_makes_no_false_frame_and_loses_little_that_was_whole(probability, may_be_lost):
    spans, hits, found = run(7, 3000, probability)
    sent = Counter((kind, payload) for kind, payload, _, _ in spans if payload)
    false = Counter(found) - sent
    assert not [kind for kind, _ in false if kind == "smp"]
    whole = [(kind, payload) for kind, payload, start, end in spans if payload and not any_in(hits, start, end)]
    lost = Counter(whole) - Counter(found)
    share = lost.total() / len(whole)
    print(f"p={probability:g}: {len(whole)} of {sent.total()} whole, lost {lost.total()}, false osc {false.total()}")
    assert share <= may_be_lost


def any_in(hits, start, end):
    at = bisect_left(hits, start)
    return at < len(hits) and hits[at] < end


@pytest.mark.parametrize("seed", range(4))
def test_random_bytes_make_no_frame_and_no_message(seed):
    dice, demux = random.Random(seed), Demux()
    for _ in range(200):
        for kind, packet in demux.feed(dice.randbytes(500)):
            assert kind == "osc"
            with pytest.raises(WireError):
                osc.decode(packet)
