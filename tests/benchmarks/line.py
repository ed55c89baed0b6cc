"""The cable, as slow as real ones: how much of it is payload, how long a book takes, how late a parameter comes.

A bench board stands behind a paced line (ten bits a byte each way, small buffers). Latency is timed on the board, which
notes when a value reached it. The stock client runs on the same line where it is installed (`make tools`). With
LIMONAIRE_LINE_FULL=1 the default book also goes over 115200 baud, which takes minutes.
"""

import contextlib
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from host_tools import bench, default_book, uploading
from host_tools.device import Device
from tests.benchmarks import probe
from tests.benchmarks.frame import Figure, main
from tests.fixtures.paced_line import PacedLine
from tests.fuzz.kit import KEY, signed_book

ROOT = Path(__file__).resolve().parents[2]
SMPMGR = ROOT / ".tools" / "smpmgr" / "bin" / "smpmgr"
UART_BUFFER = ["--smp-buffer", "2048"]
BAUDS = (115200, 921600, 3_000_000)
PROBES, GAP_S = 60, 0.05
FLOOD_S = 2.0


@contextlib.contextmanager
def board(*options: str, probing: bool = False) -> Iterator[tuple[bench.Bench, Path]]:
    """A bench board of its own, with the default book or with a performance that notes arrivals."""
    with tempfile.TemporaryDirectory(prefix="limonaire-benchmark-") as folder:
        state = Path(folder)
        key = state / "key.pem"
        key.write_bytes(KEY.get_public_pem())
        factory = state / "factory.file"
        factory.write_bytes(signed_book(state, "0.1.0") if probing else default_book.path().read_bytes())
        os.environ[probe.ARRIVALS] = str(state / "arrivals")
        words = ["--no-ip", "--null", *options]
        words += ["--performance", "tests.benchmarks.probe:ProbePerformance"] if probing else []
        with bench.Bench(bench.command(state, factory, [key], words)) as running:
            yield running, state


def payload() -> list[Figure]:
    """One book of noise at 921600, by us with 2 KiB and by the stock client as it comes."""
    figures = []
    with board(*UART_BUFFER, probing=True) as (running, state), PacedLine(running.port, 921600) as line:
        book = state / "noise.book"
        book.write_bytes(signed_book(state, "1.0.0", payload=random.Random(1).randbytes(262_144)))
        with Device(line.port, timeout_s=20.0, baud=line.baud) as device:
            ours = measured(line, book, lambda: uploading.upload(device, book.read_bytes(), lambda *_: None))
        figures.append(Figure("payload/wire at 921600, ours", ours[0], "of all bytes", f"2 KiB, {ours[1]:.2f} s"))
        if SMPMGR.exists():
            book.write_bytes(signed_book(state, "1.0.1", payload=random.Random(2).randbytes(262_144)))
            words = [str(SMPMGR), "--port", line.port, "image", "upload", str(book)]
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            stock = measured(line, book, lambda: subprocess.run(words, check=True, **quiet))
            figures.append(Figure("the same, stock smpmgr", stock[0], "of all bytes", f"its default, {stock[1]:.2f} s"))
    return figures


def measured(line: PacedLine, book: Path, send) -> tuple[float, float]:
    """Payload by wire, both ways, and seconds, of one upload."""
    before, began_s = sum(line.carried), time.perf_counter()
    send()
    return book.stat().st_size / (sum(line.carried) - before), time.perf_counter() - began_s


def flashes() -> list[Figure]:
    """The whole default book to a board that has nothing of it, then again with another preset."""
    figures = []
    bauds = BAUDS if os.environ.get("LIMONAIRE_LINE_FULL") else BAUDS[1:]
    for baud in (*bauds, 0):
        with board(*(UART_BUFFER if baud else []), probing=True) as (running, _), contextlib.ExitStack() as stack:
            port = stack.enter_context(PacedLine(running.port, baud)).port if baud else running.port
            data = default_book.path().read_bytes()
            with Device(port, timeout_s=20.0, baud=baud or None) as device:
                began_s = time.perf_counter()
                uploading.upload(device, data, lambda *_: None)
            name = f"default book at {baud}" if baud else "default book over a pseudo-terminal"
            figures.append(Figure(name, time.perf_counter() - began_s, "s", f"{len(data):,} bytes"))
    return figures


def latencies() -> list[Figure]:
    """How late a parameter comes, idle and during an upload, and how many a second."""
    figures = []
    for baud in BAUDS[:2]:
        with board(*UART_BUFFER, probing=True) as (running, state), PacedLine(running.port, baud) as line:
            with Device(line.port, timeout_s=20.0, baud=line.baud) as device:
                idle = probed(device, state)
                with uploads(device, state):
                    busy = probed(device, state)
                rate = flooded(device, state)
            for name, found in (("idle", idle), ("during an upload", busy)):
                late = sorted(1000 * value for value in found)
                note = f"p50 {statistics.median(late):.1f} ms, {len(late)} of {PROBES} arrived"
                figures.append(Figure(f"parameter at {baud}, {name}", late[int(0.95 * len(late))], "ms p95", note))
            figures.append(Figure(f"parameters at {baud}", rate, "a second", "16 of them, the last value of each wins"))
    return figures


@contextlib.contextmanager
def uploads(device: Device, state: Path) -> Iterator[None]:
    """While the context lasts, one book after the other goes over the line."""
    stop, chance = threading.Event(), random.Random(3)

    class Stopped(Exception):
        """Enough."""

    def progress(*_: object) -> None:
        if stop.is_set():
            raise Stopped

    def run() -> None:
        with contextlib.suppress(Stopped):
            while True:
                uploading.upload(device, signed_book(state, payload=chance.randbytes(400_000)), progress)

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.5)
    yield
    stop.set()
    thread.join()


def probed(device: Device, state: Path) -> list[float]:
    """Seconds from here to the board of each value that arrived, sent at odd times."""
    chance, sent = random.Random(5), {}
    arrived(state)
    for number in range(PROBES):
        time.sleep(GAP_S * chance.uniform(0.5, 1.5))
        sent[number] = time.monotonic()
        device.send("probe.0", float(number))
    time.sleep(0.5)
    return [at_s - sent[number] for name, number, at_s in arrived(state) if number in sent]


def flooded(device: Device, state: Path) -> float:
    """Changes a second that reach the board when all sixteen move all the time."""
    arrived(state)
    ends_s, number = time.monotonic() + FLOOD_S, 0
    while time.monotonic() < ends_s:
        for param in probe.PROBES:
            device.send(param.id, float(number % 1_000_000))
        number += 1
        time.sleep(0.0005)
    time.sleep(0.5)
    return len(arrived(state)) / FLOOD_S


def arrived(state: Path) -> list[tuple[str, int, float]]:
    """What the board has noted since the last look."""
    path = state / "arrivals"
    lines = path.read_text(encoding="ascii").splitlines() if path.exists() else []
    path.write_text("")  # the board appends
    return [(name, int(number), float(at_s)) for name, number, at_s in (line.split() for line in lines)]


def run() -> list[Figure]:
    """Everything about slow lines."""
    return [*payload(), *flashes(), *latencies()]


if __name__ == "__main__":
    sys.exit(main({"line": run}))
