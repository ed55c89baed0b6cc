"""What a board is started with: one record, and the part of the command line that child and supervisor share."""

import argparse
from dataclasses import dataclass
from pathlib import Path

PERFORMANCE = "gen_core.playback.performance:Performance"
BUFFERS = (0, 512, 1024, 2048, 4096, 8192, 16384)
BY_KERNELS = "gen_core.playback.performance:by_kernels"


@dataclass(frozen=True)
class Options:
    """Everything that differs from one start to the next."""

    state: Path
    board: str = "bench"
    serial: str = "bench"
    trust: tuple[Path, ...] = ()
    open: bool = False  # takes books of any signer
    smp_buffer: int = 0  # bytes of the largest SMP message; 0: as the board has it
    wav: Path | None = None
    listen: bool = False
    seed: int | None = None
    safe: bool = False  # play the factory book only: the other ones crashed
    performance: str = PERFORMANCE  # module:name of who plays a book
    engine: str = "onnx"  # what renders: the book's graph, or the same by Numba's kernels


def shared_arguments(parser: argparse.ArgumentParser) -> None:
    """What the supervisor passes on to the board."""
    parser.add_argument("--state", type=Path, required=True, metavar="DIR", help="the board's folder")
    parser.add_argument("--trust", type=Path, action="append", default=[], metavar="KEY.pem", help="a public key")
    parser.add_argument("--open", action="store_true", help="take books of any signer, and unsigned ones")
    help_ = "largest SMP message; 2048 is what a board on a UART takes"
    parser.add_argument("--smp-buffer", type=int, choices=BUFFERS, default=0, metavar="BYTES", help=help_)
    parser.add_argument("--wav", type=Path, metavar="FILE", help="record to this file")
    parser.add_argument("--listen", action="store_true", help="play on the sound card")
    parser.add_argument("--null", action="store_true", help="play nowhere (the default)")
    parser.add_argument("--seed", type=int, help="seed of the composer")
    parser.add_argument("--engine", choices=("onnx", "numba"), default="onnx", help="what renders the sound")
    parser.add_argument("--performance", default=PERFORMANCE, metavar="MODULE:NAME", help="who plays a book")


def passed_on(given: argparse.Namespace) -> list[str]:
    """The shared arguments as words for the board's command line."""
    words = ["--state", str(given.state), "--performance", given.performance, "--engine", given.engine]
    words += [word for key in given.trust for word in ("--trust", str(key))]
    words += ["--open"] if given.open else []
    words += ["--smp-buffer", str(given.smp_buffer)] if given.smp_buffer else []
    words += ["--wav", str(given.wav)] if given.wav else []
    words += ["--listen"] if given.listen else []
    return words + (["--seed", str(given.seed)] if given.seed is not None else [])


def from_arguments(given: argparse.Namespace) -> Options:
    """The board's command line as a record."""
    names = ("state", "board", "serial", "open", "smp_buffer", "wav", "listen", "seed", "safe", "performance", "engine")
    return Options(trust=tuple(given.trust), **{name: getattr(given, name) for name in names})
