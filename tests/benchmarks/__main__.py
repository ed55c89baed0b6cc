"""All figures as one table: `python -m tests.benchmarks [synth|composer|wishes|board|wire|size|arm …] [--json]`."""

import sys

from tests.benchmarks import arm, board, composer, frame, size, synth, wire, wishes

GROUPS = {
    "synth": synth.run,
    "composer": composer.run,
    "wishes": wishes.run,
    "board": board.run,
    "wire": wire.run,
    "size": size.run,
    "arm": arm.run,
}

if __name__ == "__main__":
    sys.exit(frame.main(GROUPS))
