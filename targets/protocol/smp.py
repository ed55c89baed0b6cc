"""SMP, the management protocol of MCUmgr: frames. Its numbers are those of `smp_numbers`, told here as well.

A frame is a header of 8 bytes and a map in CBOR (Zephyr, "SMP Protocol Specification").
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import cbor2

from gen_core.spec.errors import UsageError, WireError
from targets.protocol.smp_numbers import *  # noqa: F403  # so that smp.Group is that table
from targets.protocol.smp_numbers import Op

HEADER = struct.Struct("!BBHHBB")  # version << 3 | op, flags, length of the map, group, sequence, command
MAX_PAYLOAD_BYTES = 0xFFFF - HEADER.size - 2  # what a serial line can carry: 16 bits hold frame and checksum


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One request or answer. `version`: 0 is the first edition of SMP, 1 the second (errors with their group)."""

    op: int
    group: int
    command: int
    payload: Mapping[str, Any] = field(default_factory=dict)
    sequence: int = 0  # 0..255, the answer repeats it
    version: int = 1

    def numbered(self, sequence: int) -> "Frame":
        """The same with another sequence number."""
        return replace(self, sequence=sequence)

    def answered(self, payload: Mapping[str, Any]) -> "Frame":
        """The answer to this request."""
        return replace(self, op=self.op + 1, payload=payload)

    def answers(self, request: "Frame") -> bool:
        """True if this is the answer to `request`."""
        ours, theirs = (self.op, self.group, self.command, self.sequence), (request.op + 1, request.group)
        return ours == (*theirs, request.command, request.sequence)


def encode(frame: Frame) -> bytes:
    """A frame as bytes. UsageError if it is larger than a serial line can carry."""
    payload = cbor2.dumps(frame.payload)
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise UsageError(f"a message of {len(payload)} bytes is too large", f"send at most {MAX_PAYLOAD_BYTES} at once")
    first = frame.version << 3 | frame.op
    return HEADER.pack(first, 0, len(payload), frame.group, frame.sequence, frame.command) + payload


def decode(data: bytes) -> Frame:
    """Bytes as a frame; WireError for anything else. Groups, commands and keys that are not known here are let by."""
    if len(data) < HEADER.size:
        raise WireError(f"{len(data)} bytes are too few for an SMP frame")
    first, _flags, length, group, sequence, command = HEADER.unpack_from(data)
    op, version = first & 0b111, first >> 3 & 0b11
    if op > Op.WRITE_ANSWER or version > 1:
        raise WireError(f"no SMP frame begins with {first:#04x}")
    if length != len(data) - HEADER.size:
        raise WireError(f"an SMP frame announces {length} bytes and has {len(data) - HEADER.size}")
    payload = _map(data[HEADER.size :])
    return Frame(op=op, group=group, command=command, payload=payload, sequence=sequence, version=version)


def _map(data: bytes) -> dict[str, Any]:
    """A CBOR map with text as keys."""
    try:
        payload = cbor2.loads(data)
    except Exception as error:  # the decoder raises many kinds, also from dates and numbers inside
        raise WireError(f"an SMP frame holds no CBOR ({type(error).__name__})") from None
    if not isinstance(payload, dict) or not all(isinstance(key, str) for key in payload):
        raise WireError("an SMP frame holds no map by names")
    return payload
