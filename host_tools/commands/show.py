"""Show what is in a book: model, instruments, parameters, presets, provenance, sizes. It is verified first.

Example: limonaire show mine.book
"""

import argparse
from pathlib import Path

from host_tools.output import add_json, emit

HELP = "show what is in a book"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.book")
    parser.add_argument("--trust", type=Path, action="append", default=[], metavar="PEM", help="trust this key as well")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from host_tools import book_view
    from host_tools.keys import trusted
    from targets.protocol import book

    data = args.file.read_bytes()
    read = book.read(data, trusted(args.trust))
    emit(args.json, book_view.describe(read, len(data)), book_view.text(read, len(data)))
