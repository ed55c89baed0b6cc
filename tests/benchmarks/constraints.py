"""How exactly constraints are obeyed: random sets, the default model, and an oracle that knows only the notes.

`python -m tests.benchmarks.constraints --sets 500 --first 2000` runs a part of them.
"""

import argparse
import sys
import time
from collections import Counter

from export.model import model_graphs
from gen_core.director.composer import Composer, Request
from gen_core.playback.model import GraphModel
from gen_core.sequence import sampler as sampling
from gen_core.spec.errors import UsageError
from gen_core.spec.note import Note
from host_tools.output import hushed
from tests.benchmarks.frame import Figure, print_figures
from tests.fixtures.constraint_sets import random_set, rules_of
from tests.oracles.constraints import satisfiable, violations

SETS, REPORT_EVERY = 10_000, 250


class DeadEnd(Exception):
    """A draw under a mask that leaves nothing."""


def run(sets: int = SETS, first: int = 0) -> list[Figure]:
    """Obeyed, refused and dead ends of the sets with seeds `first` on."""
    with hushed():
        model = GraphModel(model_graphs())
    counts, began_s = Counter[str](), time.thread_time()
    choose, sampling._choose = sampling._choose, _checked(sampling._choose)
    try:
        for seed in range(first, first + sets):
            counts.update(outcome(model, seed))
            if (seed + 1 - first) % REPORT_EVERY == 0:
                print(f"{seed + 1 - first} sets: {dict(counts)}", file=sys.stderr, flush=True)
    finally:
        sampling._choose = choose
    took_s, possible = time.thread_time() - began_s, counts["possible"]
    return [
        Figure("sets", sets, "", f"1 to 12 parts, 1 to 8 bars, {counts['notes']} notes"),
        Figure("obeyed", 100 * counts["obeyed"] / max(possible, 1), "%", f"{counts['obeyed']} of {possible} possible"),
        Figure("violations", counts["violations"], "notes or chords"),
        Figure("dead ends", counts["dead ends"]),
        Figure("possible but refused", counts["wrongly refused"]),
        Figure("refused by name", counts["refused"], "", f"of {sets - possible} that contradict themselves"),
        Figure("cost", took_s * 1e3 / max(counts["notes"], 1), "ms a note", "of CPU, the oracle included"),
    ]


def outcome(model: GraphModel, seed: int) -> Counter[str]:
    """What became of one set, as counts."""
    wanted, text = random_set(seed)
    possible = satisfiable(wanted)
    counts = Counter(possible=int(possible))
    try:
        rules = rules_of(wanted, text, seed)
        notes = composed(Composer(model, Request(rules, seed, temperature=1.0 + seed % 6 / 10)))
    except UsageError as refused:
        named = bool(refused.cause and refused.next_step)
        return counts + Counter({"wrongly refused": int(possible), "refused": int(named and not possible)})
    except DeadEnd:
        return counts + Counter({"dead ends": 1})
    broken = violations(wanted, notes)
    if broken:
        print(f"seed {seed}: {broken[0]}", file=sys.stderr)
    return counts + Counter(notes=len(notes), obeyed=int(possible and not broken), violations=len(broken))


def composed(composer: Composer) -> list[Note]:
    """The whole piece."""
    notes = []
    while not composer.complete:
        notes += composer.compose_bar()
    return notes


def _checked(choose):
    def checked(logits, mask, *rest):
        if mask is not None and not mask.any():
            raise DeadEnd
        return choose(logits, mask, *rest)

    return checked


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=SETS)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args()
    print_figures({"constraints": run(given.sets, given.first)}, as_json=False)
