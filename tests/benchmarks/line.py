"""The cable, as slow as real ones: how much of it is payload, how long a book takes, how late a parameter comes.

A bench board stands behind a paced line (ten bits a byte each way, small buffers) and takes messages of 2 KiB, as a Pi
on a UART does. Bytes are counted both ways. Latency is timed on the board, which notes when a value reached it. The
stock client runs on the same line where it is installed (`make tools`). With LIMONAIRE_LINE_FULL=1 the default book
also goes over 115200 baud, which takes minutes.
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
from collections.abc import Callable, Iterator
from pathlib import Path

from host_tools import bench, default_book, flashing, uploading
from host_tools.device import Device
from host_tools.keys import user_keys
from targets.protocol import book as books
from tests.benchmarks import probe
from tests.benchmarks.frame import Figure, main
from tests.fixtures.paced_line import BITS, PacedLine
from tests.fuzz.kit import KEY, signed, signed_book

ROOT = Path(__file__).resolve().parents[2]
SMPMGR = ROOT / ".tools" / "smpmgr" / "bin" / "smpmgr"
UART_BUFFER = ["--smp-buffer", "2048"]
BAUDS = (115200, 921600, 3_000_000)
NOISE_BYTES = 262_144
PROBES, GAP_S = 120, 0.05
FLOOD_S = 2.0
PATIENCE_S = 20.0


@contextlib.contextmanager
def board(*options: str, probing: bool = False) -> Iterator[tuple[bench.Bench, Path]]:
    """A bench board of its own that has next to nothing of the default book, and the folder of its state.

    `probing`: it runs a performance that notes when parameters arrive; without, it is silent until it is flashed.
    """
    with tempfile.TemporaryDirectory(prefix="limonaire-benchmark-") as folder, contextlib.redirect_stdout(sys.stderr):
        state = Path(folder)
        key, factory = state / "key.pem", state / "factory.file"
        key.write_bytes(KEY.get_public_pem())
        factory.write_bytes(signed_book(state, "0.1.0"))
        os.environ[probe.ARRIVALS] = str(state / "arrivals")
        words = ["--no-ip", "--null", *options]
        words += ["--performance", "tests.benchmarks.probe:ProbePerformance"] if probing else []
        with bench.Bench(bench.command(state, factory, [key], words)) as running:
            yield running, state


@contextlib.contextmanager
def device_behind(running: bench.Bench, baud: int) -> Iterator[tuple[Device, PacedLine | None]]:
    """The board through a line of that rate; 0: nothing in between."""
    with contextlib.ExitStack() as stack:
        line = stack.enter_context(PacedLine(running.port, baud)) if baud else None
        port = line.port if line else running.port
        yield stack.enter_context(Device(port, PATIENCE_S, baud=baud or None)), line


# ---- how much of it is payload


def payload() -> list[Figure]:
    """One book of noise at 921600, by us and by the stock client as it comes."""
    figures = []
    with board(*UART_BUFFER, probing=True) as (running, state), PacedLine(running.port, 921600) as line:
        book = state / "noise.book"
        book.write_bytes(signed_book(state, "1.0.0", payload=random.Random(1).randbytes(NOISE_BYTES)))
        with Device(line.port, PATIENCE_S, baud=line.baud) as device:
            ours = measured(line, book, lambda: uploading.upload(device, book.read_bytes(), lambda *_: None))
        figures.append(Figure("payload/wire at 921600, ours", ours[0], "of all bytes", f"2 KiB, {ours[1]:.2f} s"))
        if SMPMGR.exists():
            book.write_bytes(signed_book(state, "1.0.1", payload=random.Random(2).randbytes(NOISE_BYTES)))
            words = [str(SMPMGR), "--port", line.port, "image", "upload", str(book)]
            stock = measured(line, book, lambda: subprocess.run(words, check=True, capture_output=True))
            figures.append(Figure("the same, stock smpmgr", stock[0], "of all bytes", f"its default, {stock[1]:.2f} s"))
    return figures


def measured(line: PacedLine, book: Path, send: Callable[[], object]) -> tuple[float, float]:
    """Payload by wire, both ways, and seconds, of one upload."""
    before, began_s = sum(line.carried), time.perf_counter()
    send()
    return book.stat().st_size / (sum(line.carried) - before), time.perf_counter() - began_s


# ---- how long a book takes


def uploads_of_the_default_book() -> list[Figure]:
    """All of it, to a board that has nothing of it."""
    data, figures = default_book.path().read_bytes(), []
    for baud in (*(BAUDS if os.environ.get("LIMONAIRE_LINE_FULL") else BAUDS[1:]), 0):
        options = UART_BUFFER if baud else []
        with board(*options, probing=True) as (running, _), device_behind(running, baud) as (device, line):
            began_s = time.perf_counter()
            uploading.upload(device, data, lambda *_: None)
            took_s = time.perf_counter() - began_s
            busy = f"line busy for {line.carried[0] * BITS / baud / took_s:.0%} of it" if line else "nothing in between"
        name = f"upload of the default book at {baud}" if baud else "upload of the default book, terminal"
        figures.append(Figure(name, took_s, "s", f"{len(data):,} bytes, {busy}"))
    return figures


def flashes_of_the_default_book() -> list[Figure]:
    """From opening the line to sounding well and confirmed, played by the real synth; then with one preset changed."""
    figures = []
    default = flashing.load(default_book.path(), [user_keys().public.read_bytes()])
    with board(*UART_BUFFER) as (running, state), PacedLine(running.port, 921600) as line:
        for name, flashable in (("whole", default), ("again, a preset changed", other_preset(default, state))):
            before, began_s = sum(line.carried), time.perf_counter()
            with Device(line.port, baud=line.baud) as device:
                report = flashing.flash(device, flashable, lambda *_: None)
            note = f"upload {report.seconds:.1f} s; {sum(line.carried) - before:,} bytes on the wire"
            figures.append(Figure(f"flash at 921600, {name}", time.perf_counter() - began_s, "s", note))
    return figures


def other_preset(flashable: flashing.Flashable, folder: Path) -> flashing.Flashable:
    """The same book with other values in one preset."""
    manifest = dict(flashable.book.manifest)
    name, values = next(iter(manifest["presets"].items()))
    manifest |= {"version": "0.2.0", "presets": {**manifest["presets"], name: {**values, "energy": 0.77}}}
    data = signed(folder, books.pack(manifest, flashable.book.files), "0.2.0")
    return flashing.Flashable(data, books.read(data, [KEY.get_public_pem()]))


# ---- how late a parameter comes


def parameters() -> list[Figure]:
    """How late a parameter comes, and how many come a second; idle and during an upload."""
    figures = []
    for baud in BAUDS[:2]:
        with board(*UART_BUFFER, probing=True) as (running, state), device_behind(running, baud) as (device, _):
            for name, work in (("idle", contextlib.nullcontext()), ("during an upload", uploads(device, state))):
                with work:
                    figures += [latency(f"parameter at {baud}, {name}", device, state)]
                    rate, note = flooded(device, state), f"of {len(probe.PROBES)}, the last value of each wins"
                figures.append(Figure(f"parameters at {baud}, {name}", rate, "a second", note))
    return figures


@contextlib.contextmanager
def uploads(device: Device, state: Path) -> Iterator[None]:
    """While the context lasts, one book after the other goes over the line."""
    stop, begun, chance = threading.Event(), threading.Event(), random.Random(3)

    class Stopped(Exception):
        """Enough."""

    def progress(*_: object) -> None:
        begun.set()
        if stop.is_set():
            raise Stopped

    def run() -> None:
        with contextlib.suppress(Stopped):
            while True:
                uploading.upload(device, signed_book(state, payload=chance.randbytes(400_000)), progress)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        begun.wait()
        yield
        if not thread.is_alive():
            raise RuntimeError("the upload ended too soon for anything to be measured beside it")
    finally:
        stop.set()
        thread.join()


def latency(name: str, device: Device, state: Path) -> Figure:
    """Values sent at odd times: milliseconds until the board had them."""
    chance, sent = random.Random(5), {}
    device.params()  # which are asked for once, and not with the first value
    arrived(state)
    for number in range(PROBES):
        time.sleep(GAP_S * chance.uniform(0.5, 1.5))
        sent[number] = time.monotonic()
        device.send("probe.0", float(number))
    time.sleep(0.5)
    late_ms = sorted(1000 * (at_s - sent[number]) for _, number, at_s in arrived(state) if number in sent)
    note = f"p50 {statistics.median(late_ms):.1f}, largest {late_ms[-1]:.1f}, {len(late_ms)} of {PROBES} arrived"
    return Figure(name, late_ms[int(0.95 * len(late_ms))], "ms p95", note)


def flooded(device: Device, state: Path) -> float:
    """Changes a second that reach the board when all parameters move all the time."""
    arrived(state)
    ends_s, number = time.monotonic() + FLOOD_S, 0
    while time.monotonic() < ends_s:
        for param in probe.PROBES:
            device.send(param.id, float(number))
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
    return [*payload(), *uploads_of_the_default_book(), *flashes_of_the_default_book(), *parameters()]


if __name__ == "__main__":
    sys.exit(main({"line": run}))
