"""Is the graph the same instrument after a minute? Every instrument and the pieces of the standard kit, played for 60 s
by both renderings: agreement over the first second and the last, and the largest error (20 minutes)."""

import sys
from collections.abc import Sequence

from export.parity import long_parity
from export.synth import synth_graph
from gen_core.synth import patches
from tests.benchmarks import frame
from tests.benchmarks.frame import Figure

SECONDS = 60.0


def run() -> list[Figure]:
    """The worst first."""
    chosen = [row for row in patches.rows() if "." not in row["name"] or row["name"].startswith("standard.")]
    plan = patches.plan_for(chosen)
    found = long_parity(plan, synth_graph(plan), chosen, SECONDS)
    worst = sorted(found.items(), key=lambda pair: min(pair[1][:2]))
    return [
        Figure(name, min(first, last), "dB", f"first second {first:.1f}, last {last:.1f}; largest error {error:.1e}")
        for name, (first, last, error) in worst
    ]


def main(argv: Sequence[str]) -> int:
    """On its own, because it takes its time."""
    return frame.main({"parity": run}, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
