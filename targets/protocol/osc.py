"""OSC 1.1 messages, as bytes and back. The whole structure is checked, because SLIP has no checksum.

Types: i h f d s b T F N I. A bundle is taken apart and its time tag left aside: a board has no clock that the sender
shares, so everything means "now". What a number may be is decided by whoever uses it: NaN passes here.
Source: "The Open Sound Control 1.0 Specification" (Wright, 2002), "1.1" (Freed, Schmeder, 2009).
"""

import struct
from typing import Any, NamedTuple

from gen_core.spec.errors import UsageError, WireError

BUNDLE = b"#bundle\0"
MAX_DEPTH = 8  # bundles within bundles


class Int64(int):
    """An integer that travels in 64 bits (type h) however small it is."""


class Double(float):
    """A number that travels in 64 bits (type d)."""


class Impulse:
    """The event without a value (type I), called infinitum in OSC 1.0."""

    def __repr__(self) -> str:
        return "IMPULSE"


IMPULSE = Impulse()


class Message(NamedTuple):
    """An address that begins with "/", and arguments: int, Int64, float, Double, str, bytes, bool, None, IMPULSE."""

    address: str
    args: tuple[Any, ...] = ()


NUMBERS = {"i": (struct.Struct("!i"), int), "h": (struct.Struct("!q"), Int64)} | {
    "f": (struct.Struct("!f"), float),
    "d": (struct.Struct("!d"), Double),
}
WORDS: dict[str, Any] = {"T": True, "F": False, "N": None, "I": IMPULSE}  # types without data


def encode(message: Message) -> bytes:
    """One message as a packet. UsageError if an argument does not fit its type."""
    if not message.address.startswith("/"):
        raise UsageError(f"{message.address!r} is no OSC address", "begin it with /")
    types = "".join(_type(arg) for arg in message.args)
    parts = [_string(message.address), _string("," + types)]
    try:
        parts += [_argument(kind, arg) for kind, arg in zip(types, message.args, strict=True)]
    except (struct.error, OverflowError):
        raise UsageError(f"{message.args} do not fit the types {types}", "use Int64 or Double") from None
    return b"".join(parts)


def decode(packet: bytes) -> list[Message]:
    """The messages of a packet, those of bundles in their order. WireError if anything does not add up."""
    return _decode(packet, 0)


def _type(arg: Any) -> str:
    word = next((kind for kind, word in WORDS.items() if arg is word), None)
    if word is not None:
        return word
    kinds = ((Int64, "h"), (int, "i"), (Double, "d"), (float, "f"), (str, "s"), (bytes, "b"))
    kind = next((kind for type_, kind in kinds if isinstance(arg, type_)), None)
    if kind is None:
        raise UsageError(f"OSC has no type for {arg!r}", "send a number, text, bytes or a truth value")
    return "h" if kind == "i" and not -(2**31) <= arg < 2**31 else kind


def _argument(kind: str, arg: Any) -> bytes:
    if kind in NUMBERS:
        return NUMBERS[kind][0].pack(arg)
    if kind == "s":
        return _string(arg)
    return struct.pack("!i", len(arg)) + arg + bytes(-len(arg) % 4) if kind == "b" else b""


def _string(text: str) -> bytes:
    data = text.encode()
    if b"\0" in data:
        raise UsageError(f"{text!r} holds a zero byte", "OSC text ends at the first one")
    return data + bytes(4 - len(data) % 4)


def _decode(packet: bytes, depth: int) -> list[Message]:
    if len(packet) % 4:
        raise WireError(f"no OSC packet has {len(packet)} bytes")
    if not packet.startswith(BUNDLE):
        return [_message(packet)]
    if depth >= MAX_DEPTH or len(packet) < 16:
        raise WireError("an OSC bundle nested too deep, or too short")
    messages, at = [], 16  # behind the name and the time tag
    while at < len(packet):
        size, at = int.from_bytes(packet[at : at + 4], "big"), at + 4
        if not 0 < size <= len(packet) - at:
            raise WireError("an OSC bundle holds an element of wrong size")
        messages += _decode(packet[at : at + size], depth + 1)
        at += size
    return messages


def _message(packet: bytes) -> Message:
    address, at = _read_string(packet, 0)
    if not address.startswith("/") or not address.isascii() or not address.isprintable() or " " in address:
        raise WireError("no OSC address")
    types, at = _read_string(packet, at)
    if not types.startswith(","):
        raise WireError("an OSC message without types")
    args = []
    for kind in types[1:]:
        arg, at = _read_argument(kind, packet, at)
        args.append(arg)
    if at != len(packet):
        raise WireError(f"an OSC message has {len(packet) - at} bytes too many")
    return Message(address, tuple(args))


def _read_argument(kind: str, packet: bytes, at: int) -> tuple[Any, int]:
    if kind in WORDS:
        return WORDS[kind], at
    if kind == "s":
        return _read_string(packet, at)
    layout, convert = NUMBERS["i"] if kind == "b" else NUMBERS.get(kind, (None, None))
    if layout is None or convert is None:
        raise WireError(f"OSC type {kind!r} is not known here")
    if len(packet) - at < layout.size:
        raise WireError("an OSC message ends in the middle of an argument")
    value, at = layout.unpack_from(packet, at)[0], at + layout.size
    return _read_blob(packet, at, value) if kind == "b" else (convert(value), at)


def _read_blob(packet: bytes, at: int, size: int) -> tuple[bytes, int]:
    end = at + size + -size % 4
    if size < 0 or end > len(packet) or any(packet[at + size : end]):
        raise WireError("an OSC blob of wrong size")
    return packet[at : at + size], end


def _read_string(packet: bytes, at: int) -> tuple[str, int]:
    zero = packet.find(0, at)
    end = zero + 4 - (zero - at) % 4
    if zero < 0 or end > len(packet) or any(packet[zero:end]):
        raise WireError("OSC text without its end")
    try:
        return packet[at:zero].decode(), end
    except UnicodeDecodeError:
        raise WireError("OSC text that is no text") from None
