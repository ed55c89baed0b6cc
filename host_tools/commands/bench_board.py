"""Be a board: the board's own runtime on this machine, on a pseudo-terminal, until interrupted.

The first line on stdout is the path of the terminal; any SMP or OSC client may open it. The board trusts the user's
own key and plays the default book until another one is flashed.

Example: limonaire bench-board --wav music.wav
"""

import argparse
from pathlib import Path

from host_tools.output import add_json

HELP = "be a board on a pseudo-terminal"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", type=Path, metavar="DIR", help="where the board keeps its books (the user's own)")
    parser.add_argument("--factory", type=Path, metavar="FILE", help="factory book; without it, the default book")
    parser.add_argument("--trust", type=Path, action="append", default=[], metavar="PEM", help="trust this key as well")
    parser.add_argument("--link", type=Path, metavar="PATH", help="a lasting name for the terminal")
    parser.add_argument("--seed", type=int, help="seed of the performance")
    sink = parser.add_mutually_exclusive_group()
    sink.add_argument("--wav", type=Path, metavar="FILE", help="write the sound to a file")
    sink.add_argument("--listen", action="store_true", help="play aloud")
    sink.add_argument("--null", action="store_true", help="compose and render, but drop the sound")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    from host_tools import bench

    return bench.serve(
        state=args.state,
        factory=args.factory,
        trust=args.trust,
        options=bench.sink_options(args.wav, args.listen) + bench.other_options(args.link, args.seed, args.json),
    )
