"""Be a board: the board's own runtime on this machine, on a pseudo-terminal, until interrupted.

The first line on stdout is the path of the terminal; any SMP or OSC client may open it. The board trusts the user's
own key and plays the default book until another one is flashed.

Example: limonaire bench-board --wav music.wav
"""

import argparse
from pathlib import Path

from host_tools.options import add_trust, seed, typed
from host_tools.output import add_json

HELP = "be a board on a pseudo-terminal"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", type=Path, metavar="DIR", help="where the board keeps its books (the user's own)")
    parser.add_argument("--factory", type=Path, metavar="FILE", help="factory book; without it, the default book")
    add_trust(parser)
    parser.add_argument("--open", action="store_true", help="take books of any signer, and unsigned ones")
    parser.add_argument("--link", type=Path, metavar="PATH", help="a lasting name for the terminal")
    parser.add_argument("--seed", type=typed(seed), help="seed of the performance")
    parser.add_argument("--wav", type=Path, metavar="FILE", help="write the sound to a file")
    parser.add_argument("--listen", action="store_true", help="play aloud")
    parser.add_argument("--null", action="store_true", help="play nowhere (the default)")
    parser.add_argument("--engine", choices=("onnx", "numba"), default="onnx", help="what renders the sound")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from host_tools import bench

    options = [f"--{name}" for name in ("listen", "null", "open", "json") if getattr(args, name)]
    options += ["--seed", str(args.seed)] if args.seed is not None else []
    options += ["--engine", args.engine]
    for name in ("link", "wav"):  # absolute, because whoever records asks the board where its file is
        options += [f"--{name}", str(Path(getattr(args, name)).absolute())] if getattr(args, name) else []
    bench.become(bench.command(args.state, args.factory, args.trust, options))
