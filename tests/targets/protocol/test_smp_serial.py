"""Frames as lines, against the `smp` package."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from smp import packet

from gen_core.spec.errors import UsageError, WireError
from targets.protocol import smp_serial

GOLDEN = "06094142414b4141414741414148414b46685a474a6f6153566b0a"


def theirs(lines):
    """The frame as the other implementation reads it."""
    decoder = packet.decode()
    next(decoder)
    try:
        for line in lines.splitlines(keepends=True):
            decoder.send(line)
    except StopIteration as done:
        return done.value
    raise AssertionError("not complete")


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=2000), st.integers(24, 400))
def test_the_other_implementation_reads_our_lines(frame, line_length):
    lines = smp_serial.to_lines(frame, line_length)
    assert theirs(lines) == frame
    assert max(map(len, lines.splitlines(keepends=True))) < line_length


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2000), st.integers(24, 400))
def test_we_read_the_lines_of_the_other_implementation(frame, line_length):
    text = b"".join(line[2:-1] for line in packet.encode(frame, line_length))
    assert smp_serial.wanted_characters(text) == len(text)
    assert smp_serial.from_text(text) == frame


def test_standard_lines_have_at_most_127_bytes():
    assert {len(line) for line in smp_serial.to_lines(bytes(1000)).splitlines(keepends=True)[:-1]} == {127}


def test_the_largest_frame_fits_and_one_byte_more_is_refused():
    largest = random.Random(1).randbytes(smp_serial.MAX_FRAME_BYTES)
    assert theirs(smp_serial.to_lines(largest)) == largest
    with pytest.raises(UsageError):
        smp_serial.to_lines(largest + b"x")


def test_any_changed_bit_is_found():
    text = smp_serial.to_lines(bytes(range(41)))[2:-1]
    assert not text.endswith(b"="), "else some bits of the last character mean nothing"
    for bit in range(8 * len(text)):
        changed = bytearray(text)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(WireError):
            smp_serial.from_text(bytes(changed))


@pytest.mark.parametrize("text", [b"", b"AA", b"AAAA", b"AAB", b"!!!!", b"/////w=="])
def test_what_is_no_frame_is_a_wire_error(text):
    with pytest.raises(WireError):
        smp_serial.from_text(text)


def test_the_bytes_of_a_line_never_change():
    assert smp_serial.to_lines(bytes.fromhex("0a00000600000700a16164626869")).hex() == GOLDEN
