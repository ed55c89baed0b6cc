"""Be a board: the board's own runtime on this machine, on a pseudo-terminal, until interrupted.

The first line on stdout is the path of the terminal; any SMP or OSC client may open it. The board trusts the user's
own key and plays the default book until another one is flashed.

It listens on this machine's own address as well: SMP on UDP 1337, OSC on UDP 9000, OSCQuery on HTTP 9001. With --bind
it listens elsewhere; who writes from another machine needs the token, which lies in the file `token` of its folder.

Example: limonaire bench-board --wav music.wav
         limonaire bench-board --bind 192.168.1.20
"""

import argparse
import ipaddress
from pathlib import Path

from gen_core.spec.errors import UsageError
from host_tools.options import add_trust, seed, typed, whole
from host_tools.output import add_json

HELP = "be a board on a pseudo-terminal"
KINDS = ("smp", "osc", "http")


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
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--bind", type=typed(address), action="append", default=[], metavar="ADDRESS", help="listen here only"
    )
    where.add_argument("--no-ip", action="store_true", help="do not listen on IP at all")
    for kind in KINDS:
        help_ = f"another port for {kind}; 0: any free one"
        parser.add_argument(f"--{kind}-port", type=typed(whole(0, 65535)), metavar="N", help=help_)
    add_json(parser)


def address(text: str) -> str:
    """An IP address."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise UsageError(f"{text!r} is no IP address", "give one of this machine's own, or 0.0.0.0 for all") from None


def run(args: argparse.Namespace) -> None:
    from host_tools import bench

    names = ("listen", "null", "open", "json", "no-ip")
    options = [f"--{name}" for name in names if getattr(args, name.replace("-", "_"))]
    options += ["--seed", str(args.seed)] if args.seed is not None else []
    options += ["--engine", args.engine]
    options += [word for place in args.bind for word in ("--bind", place)]
    ports = {f"--{kind}-port": getattr(args, f"{kind}_port") for kind in KINDS}
    options += [word for name, port in ports.items() if port is not None for word in (name, str(port))]
    for name in ("link", "wav"):  # absolute, because whoever records asks the board where its file is
        options += [f"--{name}", str(Path(getattr(args, name)).absolute())] if getattr(args, name) else []
    bench.become(bench.command(args.state, args.factory, args.trust, options))
