"""Flashing over a line that drops, flips and inserts bytes: what it costs until the book in the slot is the same."""

import random
import sys
import time

from host_tools import flashing
from host_tools.device import Device
from tests.benchmarks.frame import Figure, main
from tests.benchmarks.line import board
from tests.fixtures.paced_line import Noise, PacedLine
from tests.fuzz.kit import KEY, signed_book

BAUD = 921600
CHANCES = (0.0, 1e-5, 1e-4)
BOOK_BYTES = 300_000


def run() -> list[Figure]:
    """A book of noise, with each chance for each kind of fault."""
    return [figure for chance in CHANCES for figure in flashed(chance)]


def flashed(chance: float) -> list[Figure]:
    """One flash from file to confirmed, a third of the faults of each kind."""
    noise = Noise(*(chance / 3,) * 3)
    options = ("--smp-buffer", "2048")
    with board(*options, probing=True) as (running, state), PacedLine(running.port, BAUD, noise, 7) as line:
        path = state / "noise.book"
        path.write_bytes(signed_book(state, "1.0.0", payload=random.Random(1).randbytes(BOOK_BYTES)))
        began_s = time.perf_counter()
        with Device(line.port, baud=BAUD) as device:
            flashing.flash(device, flashing.load(path, [KEY.get_public_pem()]), lambda *_: None)
        took_s = time.perf_counter() - began_s
        held = [(state / f"{slot}.book").read_bytes() for slot in "ab" if (state / f"{slot}.book").exists()]
        same = path.read_bytes() in held
        ratio = sum(line.carried) / path.stat().st_size
    note = f"{'the same in the slot' if same else 'NOT THE SAME'}, {ratio:.2f} bytes carried for each"
    return [Figure(f"flash with {chance:g} faults a byte", took_s, "s", note)]


if __name__ == "__main__":
    sys.exit(main({"noise": run}))
