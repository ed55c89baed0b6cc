"""All figures as one table: `python -m tests.benchmarks [synth|composer|wishes|constraints|board|…] [--json]`."""

import sys

from tests.benchmarks import board, composer, constraints, frame, size, synth, wire, wishes

GROUPS = {
    "synth": synth.run,
    "composer": composer.run,
    "wishes": wishes.run,
    "constraints": constraints.run,
    "board": board.run,
    "wire": wire.run,
    "size": size.run,
}

if __name__ == "__main__":
    sys.exit(frame.main(GROUPS))
