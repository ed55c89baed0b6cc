"""Flashing over a line that drops, flips and inserts bytes: what it costs until the book in the slot is the same.

Each of the three kinds of fault has the chance that is named, so together they are three times as frequent. A client
without retries needs a new connection for each loss; the stock client, run again until it ends well, stands beside ours
where it is installed (`make tools`).
"""

import contextlib
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from host_tools import flashing
from host_tools.device import Device
from host_tools.link import Link
from targets.protocol import smp
from tests.benchmarks.frame import Figure, main
from tests.benchmarks.line import SMPMGR, UART_BUFFER, board
from tests.fixtures.paced_line import Noise, PacedLine
from tests.fuzz.kit import KEY, signed_book

BAUD = 921600
CHANCES = (0.0, 1e-5, 1e-4)
SEEDS = (1, 2, 3)
BOOK_BYTES = 300_000
STOCK_RUNS, STOCK_LIMIT_S = 150, 240.0  # then it is given up


class Flashed(NamedTuple):
    """One flash: seconds in all, faults that the line made, requests sent, connections opened, and did it end well?"""

    seconds: float
    faults: int
    requests: int
    connections: int
    same: bool


def run() -> list[Figure]:
    """A book of noise from file to confirmed at each chance; then the stock client's upload."""
    figures = []
    for chance in CHANCES:
        figures += described(f"flash at {chance:g}", [ours(chance, seed) for seed in SEEDS])
    if SMPMGR.exists():
        for chance in CHANCES[:2]:
            figures += described(f"stock upload at {chance:g}", [stock(chance, seed) for seed in SEEDS[:1]])
    return figures


def described(name: str, flashes: list[Flashed]) -> list[Figure]:
    """The median of the seconds, everything else in words."""
    faults, requests, connections = (
        "/".join(str(getattr(flashed, of)) for flashed in flashes) for of in ("faults", "requests", "connections")
    )
    same = sum(flashed.same for flashed in flashes)
    note = f"identical {same} of {len(flashes)}; faults {faults}, connections {connections}"
    note += f", requests {requests}" if any(flashed.requests for flashed in flashes) else ""
    return [Figure(name, statistics.median(flashed.seconds for flashed in flashes), "s", note)]


def ours(chance: float, seed: int) -> Flashed:
    """One flash, from opening the line to confirmed."""
    with board(*UART_BUFFER, probing=True) as (running, state), counted() as counts:
        noise, path = Noise(chance, chance, chance), new_book(state, seed)
        with PacedLine(running.port, BAUD, noise, seed) as line:
            began_s = time.perf_counter()
            with Device(line.port, baud=BAUD) as device:
                flashing.flash(device, flashing.load(path, [KEY.get_public_pem()]), lambda *_: None)
            took_s = time.perf_counter() - began_s
        return Flashed(took_s, sum(line.spoilt), counts["requests"], counts["connections"], held(state, path))


def stock(chance: float, seed: int) -> Flashed:
    """The upload alone, by the stock client as it comes, run again after each failure."""
    with board(*UART_BUFFER, probing=True) as (running, state):
        noise, path = Noise(chance, chance, chance), new_book(state, seed)
        with PacedLine(running.port, BAUD, noise, seed) as line:
            words = [str(SMPMGR), "--port", line.port, "image", "upload", str(path)]
            began_s, runs = time.perf_counter(), 0
            while runs < STOCK_RUNS and time.perf_counter() - began_s < STOCK_LIMIT_S and not held(state, path):
                runs += 1
                subprocess.run(words, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            took_s = time.perf_counter() - began_s
        return Flashed(took_s, sum(line.spoilt), 0, runs, held(state, path))


def new_book(state: Path, seed: int) -> Path:
    """A book that nothing on the board resembles."""
    path = state / "noise.file"
    with contextlib.redirect_stdout(sys.stderr):  # imgtool talks
        path.write_bytes(signed_book(state, f"1.0.{seed}", payload=random.Random(seed).randbytes(BOOK_BYTES)))
    return path


def held(state: Path, path: Path) -> bool:
    """Is the book in a slot, byte for byte?"""
    return path.read_bytes() in [slot.read_bytes() for slot in state.glob("[ab].book")]


@contextlib.contextmanager
def counted():
    """Counts openings of the line, and uploads' requests each time they are sent."""
    counts = {"requests": 0, "connections": 0}
    ask, opened = Link.ask, Link._open

    def counting_ask(self, request, *how, **more):
        counts["requests"] += (request.group, request.command) == (smp.Group.IMAGE, smp.ImageCommand.UPLOAD)
        return ask(self, request, *how, **more)

    def counting_open(self, *how, **more):
        counts["connections"] += 1
        return opened(self, *how, **more)

    Link.ask, Link._open = counting_ask, counting_open
    try:
        yield counts
    finally:
        Link.ask, Link._open = ask, opened


if __name__ == "__main__":
    sys.exit(main({"noise": run}))
