"""The whole chain on the bench board: start it, flash the default book, play while a curve of energy is streamed.

Leaves limonaire.wav, limonaire.mid and limonaire.png (piano roll, the curve asked for, spectrogram) in the folder.

Example: limonaire demo --listen
"""

import argparse
from pathlib import Path

from host_tools.options import seconds, seed, typed
from host_tools.output import add_json, emit, facts, say

HELP = "the whole chain on the bench board"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--listen", action="store_true", help="play aloud as well")
    parser.add_argument("--seconds", type=typed(seconds), default=30.0, metavar="S", help="how long to play (30)")
    parser.add_argument("--seed", type=typed(seed), default=7, help="seed of the performance (7)")
    parser.add_argument("-o", "--output", type=Path, default=Path("demo"), metavar="DIR", help="where files go (demo)")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from host_tools import demonstration

    report = demonstration.run(args.output, args.seconds, args.seed, args.listen, say)
    emit(args.json, report, facts(demonstration.spoken(report)))
