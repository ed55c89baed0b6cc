"""Show what is in a book: model, instruments, parameters, presets, provenance, sizes. Whose
signature it bears does not matter here; `limonaire verify` asks for that.

Example: limonaire show mine.book
"""

import argparse
from pathlib import Path

from host_tools.output import add_json, emit

HELP = "show what is in a book"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.book")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from host_tools import book_view
    from targets.protocol import book

    data = args.file.read_bytes()
    read = book.read(data, None)
    emit(args.json, book_view.describe(read, len(data)), book_view.text(read, len(data)))
