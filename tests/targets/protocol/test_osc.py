"""OSC and SLIP against python-osc, which others wrote."""

import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc import osc_bundle, osc_bundle_builder, osc_message, osc_message_builder
from pythonosc import slip as their_slip

from gen_core.spec.errors import UsageError, WireError
from targets.protocol import osc, slip
from targets.protocol.osc import IMPULSE, Double, Int64, Message

GOLDEN = {  # what crosses the wire in daily use
    "set": (Message("/param/bpm", (112.0,)), "2f706172616d2f62706d00002c66000042e00000"),
    "ask": (Message("/param/bpm"), "2f706172616d2f62706d00002c000000"),
    "set at a bar": (
        Message("/param/key", (2.0, "bar")),
        "2f706172616d2f6b657900002c6673004000000062617200",
    ),
    "subscribe": (Message("/subscribe", ("ack", "notes")), "2f737562736372696265000"
                  "02c73730061636b006e6f746573000000"),
    "note": (
        Message("/note", (Int64(480), 1, 60, 240, 100)),
        "2f6e6f74650000002c68696969690000" "00000000000001e0" "00000001" "0000003c" "000000f0" "00000064",
    ),
    "ack": (
        Message("/ack", ("bpm", 112.0, 3, 1.5)),
        "2f61636b000000002c73666966000000" "62706d00" "42e00000" "00000003" "3fc00000",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GOLDEN)
def test_the_bytes_of_a_message_never_change(name):
    message, data = GOLDEN[name]
    assert osc.encode(message).hex() == data
    assert osc.decode(bytes.fromhex(data)) == [message]


floats = st.floats(width=32, allow_nan=False)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)
args = st.lists(
    st.integers(-(2**31), 2**31 - 1)
    | st.integers(-(2**63), 2**63 - 1).map(Int64)
    | floats
    | st.floats(allow_nan=False).map(Double)
    | st.booleans()
    | st.none()
    | texts
    | st.binary(max_size=20),
    max_size=6,
).map(tuple)
addresses = st.lists(st.text("abcxyz019_.-*?[]{}", min_size=1, max_size=9), min_size=1, max_size=4).map(
    lambda words: "/" + "/".join(words)
)


@settings(max_examples=60, deadline=None)
@given(addresses, args)
def test_the_other_implementation_reads_what_we_write(address, values):
    theirs = osc_message.OscMessage(osc.encode(Message(address, values)))
    assert theirs.address == address and theirs.params == list(values)


@settings(max_examples=60, deadline=None)
@given(addresses, args)
def test_what_is_encoded_is_decoded_again_with_its_types(address, values):
    message = Message(address, (*values, IMPULSE))
    (decoded,) = osc.decode(osc.encode(message))
    assert decoded == message and [type(v) for v in decoded.args] == [type(v) for v in message.args]


KINDS = {"i": 7, "h": 2**40, "f": 0.5, "d": 1e300, "s": "text", "b": b"blob", "T": True, "F": False, "N": None}


@pytest.mark.parametrize("kind", KINDS)
def test_we_read_what_the_other_implementation_writes(kind):
    builder = osc_message_builder.OscMessageBuilder("/x")
    builder.add_arg(KINDS[kind], kind)
    assert osc.decode(builder.build().dgram) == [Message("/x", (KINDS[kind],))]


def test_bundles_within_bundles_are_taken_apart_in_order():
    inner, outer = (osc_bundle_builder.OscBundleBuilder(osc_bundle_builder.IMMEDIATELY) for _ in range(2))
    for number, bundle in ((1, outer), (2, inner), (3, inner)):
        builder = osc_message_builder.OscMessageBuilder(f"/m{number}")
        builder.add_arg(number)
        bundle.add_content(builder.build())
    outer.add_content(inner.build())
    packet = outer.build().dgram
    assert osc_bundle.OscBundle.dgram_is_bundle(packet)
    assert osc.decode(packet) == [Message(f"/m{number}", (number,)) for number in (1, 2, 3)]


def test_numbers_grow_into_64_bits_when_they_must():
    assert type(osc.decode(osc.encode(Message("/x", (2**31,))))[0].args[0]) is Int64


def test_nan_passes_because_its_meaning_is_for_others_to_judge():
    assert math.isnan(osc.decode(osc.encode(Message("/x", (math.nan,))))[0].args[0])


@pytest.mark.parametrize("values", [(1e39,), (2**63,), ("a\0b",), (object(),), ([1],)])
def test_what_osc_cannot_carry_is_refused_where_it_is_made(values):
    with pytest.raises(UsageError):
        osc.encode(Message("/x", values))
    with pytest.raises(UsageError):
        osc.encode(Message("x", ()))


def bundle(*elements):
    return osc.BUNDLE + bytes(8) + b"".join(struct.pack("!i", len(e)) + e for e in elements)


def nested(depth):
    packet = osc.encode(Message("/x"))
    for _ in range(depth):
        packet = bundle(packet)
    return packet


MALFORMED = {
    "nothing": b"",
    "not a multiple of four": b"/x\0\0,\0\0",
    "no address": b"x\0\0\0,\0\0\0",
    "an address that does not end": b"/xxx",
    "an address with a blank": b"/x y\0\0\0\0,\0\0\0",
    "an address with a control character": b"/x\1\0,\0\0\0",
    "no types": b"/x\0\0",
    "types that are none": b"/x\0\0f\0\0\0\0\0\0\0",
    "an unknown type": b"/x\0\0,q\0\0\0\0\0\0",
    "an argument too few": b"/x\0\0,ff\0\0\0\0\0",
    "an argument too many": b"/x\0\0,f\0\0\0\0\0\0\0\0\0\0",
    "padding that is not zero": b"/x\0\1,\0\0\0",
    "text that is no text": b"/x\0\0,s\0\0\xff\xff\0\0",
    "text that does not end": b"/x\0\0,s\0\0abcd",
    "a blob larger than the packet": b"/x\0\0,b\0\0\0\0\0\7abcd",
    "a blob of negative size": b"/x\0\0,b\0\0\xff\xff\xff\xff",
    "a bundle without time": osc.BUNDLE + bytes(4),
    "a bundle with an element too large": bundle(b"/x\0\0,\0\0\0")[:-4],
    "a bundle with an empty element": osc.BUNDLE + bytes(12),
    "bundles without end": nested(osc.MAX_DEPTH + 1),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_packet_is_a_wire_error(name):
    with pytest.raises(WireError):
        osc.decode(MALFORMED[name])


def test_bundles_may_be_nested_a_little():
    assert osc.decode(nested(osc.MAX_DEPTH)) == [Message("/x")]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80), st.sampled_from([b"", b"/x\0\0,", b"#bundle\0"]))
def test_no_bytes_raise_anything_else(data, start):
    try:
        osc.decode(start + data)
    except WireError:
        pass


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_slip_is_the_same_in_both_implementations(packet):
    assert slip.encode(packet) == their_slip.encode(packet)
    assert slip.END not in slip.encode(packet)[1:-1]
    assert slip.decode(slip.encode(packet)[1:-1]) == packet


@pytest.mark.parametrize("body", [b"a\xdb", b"\xdb\xc1", b"\xdb\xdb\xdc"])
def test_a_broken_escape_is_a_wire_error(body):
    with pytest.raises(WireError):
        slip.decode(body)


def test_slip_of_every_special_byte_never_changes():
    assert slip.encode(b"\xc0\xdb\xdc\xdd\xdb\xdc").hex() == "c0dbdcdbdddcdddbdddcc0"
