"""Run noise against every reader: `python -m tests.fuzz [TARGET …] [--frames N] [--seed N] [--atheris]`.

Prints for each target what became of the frames, how fast they went, the slowest one and how memory grew. A frame that
breaks a promise is printed as hexadecimal and ends the run. With --atheris the frames are led by coverage (`atheris`
must be installed; it leaves when its frames are done).
"""

import argparse
import random
import resource
import sys
import time
import traceback
from collections import Counter

from tests.fuzz.targets import TARGETS

MEMORY_BYTES = 3 << 30  # what announces more must not get it


def run(name: str, frames: int, seed: int) -> dict:
    """So many frames against one target. AssertionError, or whatever the reader raised, with the frame in its note."""
    target, rng, outcomes = TARGETS[name], random.Random(f"{name} {seed}"), Counter()
    seeds, slowest_s = target.seeds(), 0.0
    with target.check() as check:
        for data in seeds:
            check(data)
        before, began_s = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
        for _ in range(frames):
            data = target.frame(rng, seeds)
            start_s = time.perf_counter()
            try:
                outcomes[check(data)] += 1
            except BaseException as error:
                error.add_note(f"{name}: {data.hex()}")
                raise
            slowest_s = max(slowest_s, time.perf_counter() - start_s)
        took_s = time.perf_counter() - began_s
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"frames": frames, **outcomes, "per_s": frames / took_s, "slowest_ms": 1e3 * slowest_s, "grown_kib": grown}


def led_by_coverage(name: str, frames: int, seed: int) -> None:
    """The same with atheris; it ends the process."""
    import atheris

    target = TARGETS[name]
    with target.check() as check:
        atheris.instrument_all()
        random_part = random.Random(seed)
        seeds = target.seeds()

        def one(data: bytes) -> None:
            check(data if random_part.random() < 0.5 else target.frame(random_part, seeds))

        atheris.Setup([sys.argv[0], f"-runs={frames}", f"-seed={seed}", "-rss_limit_mb=3000", "-timeout=10"], one)
        atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"{', '.join(TARGETS)} (all)")
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--atheris", action="store_true", help="let coverage lead (one target)")
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES if not given.atheris else resource.RLIM_INFINITY,) * 2)
    for name in given.targets or TARGETS:
        if given.atheris:
            led_by_coverage(name, given.frames, given.seed)
        try:
            found = run(name, given.frames, given.seed)
        except BaseException:
            traceback.print_exc()
            return 1
        print(f"{name:<8}", "  ".join(f"{key} {value:,.4g}" for key, value in found.items()), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
