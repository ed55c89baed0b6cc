"""Sound any MIDI file with the instruments of a book.

Example: limonaire render any.mid -o any.wav
"""

import argparse
from pathlib import Path

from host_tools.options import add_book, outputs
from host_tools.output import emit, facts, flat

HELP = "sound a MIDI file"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.mid")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.wav")
    parser.add_argument("--engine", choices=("onnx", "numba"), default="onnx", help="the book's graph, or the kernels")
    add_book(parser)


def run(args: argparse.Namespace) -> None:
    from host_tools import offline

    outputs([args.output], (".wav",))
    report = offline.render(offline.open_book(args.book, args.trust), args.file, args.output, args.engine)
    emit(args.json, report, facts(flat(report)))
