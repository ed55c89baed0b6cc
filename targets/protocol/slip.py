"""SLIP: packets on a serial line, with END on both sides as OSC 1.1 wants it. Source: RFC 1055."""

import re

from gen_core.spec.errors import WireError

END, ESC, ESC_END, ESC_ESC = b"\xc0", b"\xdb", b"\xdc", b"\xdd"
_BAD_ESCAPE = re.compile(b"\xdb(?![\xdc\xdd])")


def encode(packet: bytes) -> bytes:
    """END, the packet with END and ESC written in two bytes, END."""
    return END + packet.replace(ESC, ESC + ESC_ESC).replace(END, ESC + ESC_END) + END


def decode(body: bytes) -> bytes:
    """The packet in what stood between two ENDs. WireError if an escape is broken."""
    if ESC not in body:
        return body
    if _BAD_ESCAPE.search(body):
        raise WireError("a SLIP packet holds a broken escape")
    return body.replace(ESC + ESC_END, END).replace(ESC + ESC_ESC, ESC)
