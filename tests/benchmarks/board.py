"""The board's process: how soon it sounds, what it holds in memory after ten seconds, and whether it keeps up."""

import sys
import tempfile
import time
from pathlib import Path

from host_tools import bench
from host_tools.device import Device
from tests.benchmarks.frame import Figure, main

PLAYS_S = 10.0
START_WAIT_S = 30.0


def run() -> list[Figure]:
    """A bench board with the default book, on a null sink, left alone."""
    with tempfile.TemporaryDirectory(prefix="limonaire-benchmark-") as state:
        words = bench.command(Path(state), None, [], ["--seed", "7", "--null"])
        began_s = time.perf_counter()
        with bench.Bench(words) as board, Device(board.port, timeout_s=START_WAIT_S) as device:
            while device.info()["stats"]["blocks"] == 0:
                time.sleep(0.02)
            start_s = time.perf_counter() - began_s
            time.sleep(PLAYS_S)
            status = device.info()
    stats = status["stats"]
    return [
        Figure("start to first block", start_s, "s wall", "interpreter, verification, graphs, two bars of music"),
        Figure("memory after 10 s", status["rss_bytes"] / 2**20, "MiB resident"),
        Figure("composer", stats["compose_rtf"], "x real time", "wall, beside the audio thread"),
        Figure("synth", stats["render_rtf"], "x real time", "wall, beside the composer"),
        Figure("deadline misses", stats["deadline_misses"], f"of {stats['blocks']}", "blocks"),
        Figure("late notes", stats["late_notes"], f"of {stats['notes']:.0f}", "notes"),
    ]


if __name__ == "__main__":
    sys.exit(main({"board": run}))
