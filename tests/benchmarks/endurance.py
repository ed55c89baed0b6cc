"""Whether the composer lasts: hours of music without a stop, and a verdict. Exit code 0 if it endures, 1 if not.

    python -m tests.benchmarks endurance --hours 24 --json

`--restless` changes a wish every few bars, in music that is composed already, as a visitor at a board would.
"""

import argparse
import contextlib
import json
import random
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from export.book import parts
from export.model import model_folder, model_graphs
from gen_core.director.composer import BAR_TICKS, EARLY_TICKS
from gen_core.director.director import CONTROLS, Change, Director, Ensemble
from gen_core.playback.model import GraphModel
from gen_core.sequence.layout import WISHES
from gen_core.spec.note import Note
from gen_core.spec.param import Param
from gen_core.spec.time import TICKS_PER_QUARTER
from gen_core.training.endurance import Endurance, bars_per_hour, endure
from host_tools.output import hushed
from tests.benchmarks.frame import Figure, machine, print_figures

HOURS = 24
AHEAD_BARS = 2  # what a board keeps written, and a change may take back
RESTLESS_BARS = 8


class Station:
    """A performance that is never stopped; `bar` gives the bar that would sound next."""

    def __init__(
        self, model: Path | None, ensemble: str, seed: int, restless: bool, controls: Mapping[str, float]
    ) -> None:
        with hushed():
            manifest, _ = parts("default", "0.1.0")
            graphs = model_graphs(model_folder(model)[0])
        names = tuple(manifest["ensembles"])
        ensembles = [Ensemble.from_manifest(name, manifest["ensembles"][name]) for name in names]
        values = {p.id: p.default for p in (Param.from_dict(data) for data in manifest["params"])}
        values |= {"seed": float(seed), "ensemble": float(names.index(ensemble))} | dict(controls)
        self.bpm = values["bpm"]
        self.programs = tuple(rule.program for rule in ensembles[names.index(ensemble)].rules)
        self.director = Director(GraphModel(graphs), ensembles, {name: values[name] for name in CONTROLS})
        self._chance = random.Random(seed) if restless else None
        self._waiting: list[Note] = []
        self._sounded = 0  # ticks

    def bar(self) -> list[Note]:
        """The notes of the next bar, composed as far ahead as a board does."""
        director, end = self.director, self._sounded + BAR_TICKS
        if self._chance and self._sounded // BAR_TICKS % RESTLESS_BARS == 0:
            self._change(self._chance)
        while director.composed_until < end + AHEAD_BARS * BAR_TICKS:
            self._waiting += director.compose()
        now = [note for note in self._waiting if note.tick < end]
        self._waiting = [note for note in self._waiting if note.tick >= end]
        self._sounded = end
        director.forget(end)
        return now

    def _change(self, chance: random.Random) -> None:
        tick = self._sounded + chance.randint(1, 2 * AHEAD_BARS) * TICKS_PER_QUARTER
        taken_from = self.director.change(Change(tick, chance.choice(WISHES), chance.random()))
        self._waiting = [note for note in self._waiting if note.tick < taken_from - EARLY_TICKS]

    def held(self) -> dict[str, int]:
        """What the director and its composer remember, in entries: none may grow with the hours."""
        composer = self.director._composer
        matcher = composer._sampler.context.matcher
        return {
            "moments": len(composer._moments),
            "changes": len(self.director._changes),
            "match_index": len(matcher._index),
            "match_events": len(matcher._events),
        }


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """The report of one long run."""
    controls = dict(given.set)
    station = Station(given.model, given.ensemble, given.seed, given.restless, controls)
    endurance = Endurance(station.programs, bars_per_hour(station.bpm))
    began_s = time.process_time()
    with contextlib.suppress(KeyboardInterrupt):  # whoever stops it gets the verdict on the hours so far
        endure(station.bar, endurance, given.hours, lambda line: print(line, file=sys.stderr, flush=True))
    cpu_s = time.process_time() - began_s
    run = {
        "ensemble": given.ensemble,
        "controls": controls,
        "seed": given.seed,
        "restless": given.restless,
        "bpm": station.bpm,
    }
    return run | {"cpu_s": round(cpu_s, 1), "held": station.held()} | endurance.report()


def figures(report: dict[str, Any]) -> list[Figure]:
    """The report for the eye."""
    repeated, people = report["repeated"] or [float("nan")], report["repeated_by_people"]
    made = [
        Figure("hours", report["hours"], "h of music", f"{report['notes']} notes in {report['cpu_s']} s of CPU"),
        Figure("repeated, least", min(repeated), "of grams", f"people {people[0]} to {people[1]} in an hour"),
        Figure("repeated, most", max(repeated), "of grams"),
        Figure("heard at any time, last hour", (report["heard_ever"] or [float("nan")])[-1], "of grams"),
        Figure("longest silence", report["longest_silence_bars"], "bars"),
        Figure("memory growth", report["memory_mb"]["growth"], "MB", f"{report['memory_mb']['end']} MB at the end"),
    ]
    made += [
        Figure(name, f["mean"], "", f"spread {f['spread']:.3g}, {f['slope']:+.2g} an hour, t {f['t']:+.1f}")
        for name, f in report["features"].items()
    ]
    return [*made, *(Figure(name, count, "entries held") for name, count in report["held"].items())]


def setting(words: str) -> tuple[str, float]:
    """repeat=1 → ("repeat", 1.0)."""
    name, _, value = words.partition("=")
    if name not in CONTROLS:
        raise argparse.ArgumentTypeError(f"there is no control {name!r}, only {', '.join(CONTROLS)}")
    return name, float(value)


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, and say whether it lasts."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks endurance", description=__doc__)
    parser.add_argument("--hours", type=int, default=HOURS, help=f"of music ({HOURS})")
    parser.add_argument("--model", type=Path, help="model folder or weights; without it, the default")
    parser.add_argument("--ensemble", default="fairground", help="of the default book (fairground)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--set", type=setting, action="append", default=[], metavar="NAME=VALUE", help="a control")
    parser.add_argument("--restless", action="store_true", help="change a wish every few bars")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args(argv)
    if given.hours < 1:
        parser.error("give a whole number of hours, 1 or more")
    report = measure(given)
    if given.json:
        print(json.dumps({"machine": machine(), "endurance": report}))
    else:
        print_figures({"endurance": figures(report)}, as_json=False)
    for line in [*report["failures"], f"the composer {report['verdict']}"]:
        print(line, file=sys.stderr)
    return int(report["verdict"] != "endures")


if __name__ == "__main__":
    sys.exit(main())
