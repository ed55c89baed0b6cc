"""The wire: how fast bytes are taken apart, and how many OSC packets a second go either way."""

import random
import sys

from targets.protocol import osc, slip, smp, smp_serial
from targets.protocol.demux import Demux
from tests.benchmarks.frame import Figure, main, medians

READ_BYTES = 4096  # a pseudo-terminal gives no more at once
CHUNK_BYTES = 8144  # of a book in one upload request to a board with 8 KiB of buffer
ROUNDS = 9
PACKETS = 2000


def run() -> list[Figure]:
    """Everything about the wire."""
    rng = random.Random(1)
    upload = b"".join(upload_lines(rng, number) for number in range(60))
    packets = b"".join(parameter(rng.random()) for _ in range(PACKETS))
    mixed = b"".join(upload_lines(rng, n) + parameter(0.5) * 20 for n in range(30))
    jobs = {
        "upload": lambda: feed(upload),
        "mixed": lambda: feed(mixed),
        "out": lambda: [parameter(0.5) for _ in range(PACKETS)],
        "in": lambda: [osc.decode(packet) for kind, packet in feed(packets) if kind == "osc"],
    }
    took = medians(jobs, ROUNDS)
    return [
        Figure("demultiplexer, upload", len(upload) / took["upload"] / 1e6, "MB/s", "SMP lines of 8 KiB requests"),
        Figure("demultiplexer, mixed", len(mixed) / took["mixed"] / 1e6, "MB/s", "each followed by 20 OSC packets"),
        Figure("OSC in", PACKETS / took["in"], "packets/s", "SLIP, demultiplexer and decoding"),
        Figure("OSC out", PACKETS / took["out"], "packets/s", "encoding and SLIP"),
        Figure("payload of an upload", 60 * CHUNK_BYTES / len(upload), "of all bytes", "requests only"),
    ]


def upload_lines(rng: random.Random, number: int) -> bytes:
    """One upload request as it crosses the wire."""
    payload = {"off": number * CHUNK_BYTES, "data": rng.randbytes(CHUNK_BYTES)}
    frame = smp.Frame(op=smp.Op.WRITE, group=smp.Group.IMAGE, command=smp.ImageCommand.UPLOAD, payload=payload)
    return smp_serial.to_lines(smp.encode(frame.numbered(number % 256)))


def parameter(value: float) -> bytes:
    """One parameter as it crosses the wire."""
    return slip.encode(osc.encode(osc.Message("/param/energy", (value,))))


def feed(stream: bytes) -> list[tuple[str, bytes]]:
    """The stream through a fresh demultiplexer, in pieces as a port gives them."""
    demux = Demux()
    pieces = (stream[at : at + READ_BYTES] for at in range(0, len(stream), READ_BYTES))
    return [found for piece in pieces for found in demux.feed(piece)]


if __name__ == "__main__":
    sys.exit(main({"wire": run}))
