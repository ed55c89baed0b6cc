"""The demo: every link of the chain, from the book to the sounding board and back to files, measured on the way."""

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gen_core.spec.errors import BoardTimeoutError
from host_tools import bench, curve, default_book, flashing, keys, recording
from host_tools.device import Device
from host_tools.progress import bar

START_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 10.0  # whoever tries the demo may have a busy machine
ENERGY = ((0.0, 0.2), (0.5, 0.9), (0.8, 0.9), (1.0, 0.3))  # (part of the time, energy): a rise, a plateau, a fall


def run(folder: Path, seconds: float, seed: int, listen: bool, say: Callable[[str], None]) -> dict[str, Any]:
    """Play for so many seconds and leave limonaire.wav, .mid and .png in `folder`. Returns what was measured."""
    folder.mkdir(parents=True, exist_ok=True)
    book = flashing.load(default_book.path(say), keys.trusted())
    breakpoints = [(share * seconds, energy) for share, energy in ENERGY]
    with tempfile.TemporaryDirectory(prefix="limonaire-demo-") as state:
        options = ["--wav", str(Path(state, "demo.wav")), "--seed", str(seed), "--no-ip"]
        options += ["--listen"] if listen else []
        with bench.Bench(bench.command(Path(state), None, [], options)) as board, connect(board.port) as device:
            say(f"a bench board is playing on {board.port}")
            with bar("flashing the default book") as progress:
                flashed = flashing.flash(device, book, progress)
            say(f"{flashed.name} {flashed.version} plays; streaming energy for {seconds:g} s")
            take, status = perform(device, breakpoints)
    files = leave(folder, take, breakpoints, programs(book.book.manifest))
    return {"files": files, "seed": status["seed"], "notes": len(take.notes), "seconds": take.seconds} | measures(
        status, flashed
    )


def connect(port: str) -> Device:
    """The board on `port`, once it has loaded its book: the terminal is there before anybody answers on it."""
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            return Device(port, ANSWER_TIMEOUT_S)
        except BoardTimeoutError:
            if time.monotonic() > deadline_s:
                raise


def perform(device: Device, breakpoints: list[tuple[float, float]]) -> tuple[recording.Take, dict[str, Any]]:
    """Stream the curve of energy and record meanwhile; the take, and the board's status at its end."""
    tape = recording.Tape(device, sound=True)
    device.stream(curve.points({"energy": breakpoints}))
    take = tape.stop()
    return take, device.info()


def programs(manifest: Mapping[str, Any]) -> dict[str, int]:
    """General MIDI programs by part, of the first ensemble: the one that a book begins with."""
    ensembles = list(manifest["ensembles"].values())
    return {str(seat["part"]): int(seat["program"]) for seat in ensembles[0]}


def leave(
    folder: Path, take: recording.Take, breakpoints: list[tuple[float, float]], programs: Mapping[str, int]
) -> list[str]:
    """Write the three files; their paths."""
    from gen_core.score import picture

    paths = {suffix: folder / f"limonaire{suffix}" for suffix in (".wav", ".mid", ".png")}
    recording.save(take, paths, programs)
    assert take.audio is not None
    drawn = [(at_s, values["energy"]) for at_s, values in curve.points({"energy": breakpoints})]
    picture.save(paths[".png"], take.notes, take.part_names, drawn, take.audio, take.sample_rate_hz, take.bpm)
    return [str(path) for path in paths.values()]


def measures(status: dict[str, Any], flashed: flashing.FlashReport) -> dict[str, Any]:
    """The figures that the demo ends with."""
    stats = status["stats"]
    return {
        "compose_rtf": stats.get("compose_rtf"),
        "render_rtf": stats.get("render_rtf"),
        "deadline_misses": stats["deadline_misses"],
        "blocks": stats["blocks"],
        "late_notes": stats.get("late_notes"),
        "effect_latency_s": stats.get("effect_latency_median_s"),
        "effect_latency_max_s": stats.get("effect_latency_max_s"),
        "rss_bytes": status["rss_bytes"],
        "flashed_bytes": flashed.bytes,
        "copied_bytes": flashed.copied_bytes,
        "wire_bytes": flashed.wire_bytes,
        "flash_seconds": flashed.seconds,
    }


def spoken(report: dict[str, Any]) -> dict[str, object]:
    """The report as a person reads it."""

    def number(name: str, digits: str, unit: str = "") -> str:
        value = report[name]
        return f"{value:{digits}}{unit}" if isinstance(value, int | float) else "not measured"

    return {
        "files": ", ".join(report["files"]),
        "notes composed": f"{report['notes']} in {report['seconds']:.1f} s, seed {report['seed']}",
        "composer": number("compose_rtf", ".1f", " times real time"),
        "synth": number("render_rtf", ".1f", " times real time"),
        "block deadline misses": f"{report['deadline_misses']} of {report['blocks']}",
        "control change to first effect": number("effect_latency_s", ".3f", " s (median)"),
        "memory of the board": f"{report['rss_bytes'] / 2**20:.0f} MiB",
        "flashed": f"{report['flashed_bytes']} bytes in {report['flash_seconds']:.1f} s",
        "of them on the board already": f"{report['copied_bytes']}; {report['wire_bytes']} bytes crossed the cable",
    }
