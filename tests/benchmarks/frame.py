"""What every benchmark shares: a figure, interleaved runs, the machine's line, and how they are printed.

Times are CPU seconds of the thread that works (everything measured here works on one thread), because a machine that
others use as well makes wall time mean little. Rivals run in turns, so that a slow minute hits all of them: believe
the ratios, and take single figures with the machine's line in hand.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

LIBRARIES = ("numpy", "onnxruntime", "numba")


@dataclass(frozen=True)
class Figure:
    """One measured number."""

    name: str
    value: float
    unit: str = ""
    note: str = ""


def interleaved(jobs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of every run of every job, the jobs in turns; one unmeasured run of each goes first."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(rounds + 1):
        for name, job in jobs.items():
            began_s = time.thread_time()
            job()
            if turn:
                times[name].append(time.thread_time() - began_s)
    return times


def medians(jobs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median CPU seconds of each job, the jobs in turns."""
    return {name: statistics.median(times) for name, times in interleaved(jobs, rounds).items()}


def machine() -> dict[str, str | float]:
    """What it was measured on, and how busy that was."""
    versions = {name: importlib.metadata.version(name) for name in LIBRARIES}
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "python": platform.python_version(),
        **versions,
        "load": round(os.getloadavg()[0], 1),
    }


def print_figures(groups: Mapping[str, Sequence[Figure]], as_json: bool) -> None:
    """Everything as one JSON document, or as a table a group under the machine's line."""
    if as_json:
        print(json.dumps({"machine": machine(), **{name: [asdict(f) for f in fs] for name, fs in groups.items()}}))
        return
    print(", ".join(f"{name} {value}" for name, value in machine().items()))
    for name, figures in groups.items():
        print(f"\n{name}")
        width = max(len(figure.name) for figure in figures)
        for figure in figures:
            value = f"{figure.value:,.0f}" if abs(figure.value) >= 1000 else f"{figure.value:.4g}"
            print(f"  {figure.name:<{width}}  {value:>12} {figure.unit:<16} {figure.note}".rstrip())


def main(runs: Mapping[str, Callable[[], list[Figure]]], argv: Sequence[str] | None = None) -> int:
    """Run the groups that were named, or all, and print what they measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("group", nargs="*", help=f"of {', '.join(runs)}; all without one")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args(argv)
    unknown = [name for name in given.group if name not in runs]
    if unknown:
        parser.error(f"there is no group {unknown[0]!r}; choose from {', '.join(runs)}")
    measured = {}
    for name in given.group or runs:
        print(f"measuring {name}", file=sys.stderr, flush=True)
        measured[name] = runs[name]()
    print_figures(measured, given.json)
    return 0


def _processor() -> str:
    """The processor's name as Linux knows it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    return names[0] if names else platform.machine()
