"""All figures as one table: `python -m tests.benchmarks [synth|peers|sound|composer|arm|board|…] [--json]`.

What takes hours or judges stands apart and has options of its own: `python -m tests.benchmarks endurance --hours 24`.
"""

import sys

from tests.benchmarks import (
    arm,
    board,
    composer,
    constraints,
    endurance,
    frame,
    line,
    noise,
    parity,
    peers,
    size,
    sound,
    synth,
    wire,
    wishes,
)

GROUPS = {
    "synth": synth.run,
    "peers": peers.run,
    "sound": sound.run,
    "composer": composer.run,
    "wishes": wishes.run,
    "constraints": constraints.run,
    "board": board.run,
    "wire": wire.run,
    "line": line.run,
    "noise": noise.run,
    "size": size.run,
    "arm": arm.run,
}

APART = {"endurance": endurance.main, "parity": parity.main}

if __name__ == "__main__":
    words = sys.argv[1:]
    sys.exit(APART[words[0]](words[1:]) if words and words[0] in APART else frame.main(GROUPS))
