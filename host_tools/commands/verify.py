"""Check a book as a board would: its signature, that nothing in it was changed, and that it is complete.

Example: limonaire verify mine.book
"""

import argparse
from pathlib import Path

from host_tools.options import add_trust
from host_tools.output import add_json, emit

HELP = "check a book's signature and contents"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.book")
    add_trust(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from host_tools.keys import trusted
    from targets.protocol import book

    data = args.file.read_bytes()
    read = book.read(data, trusted(args.trust))
    facts = {
        "file": str(args.file),
        "name": read.manifest["name"],
        "version": read.manifest["version"],
        "bytes": len(data),
        "counter": read.image.counter,
        "hash": read.image.hash.hex(),
        "verified": True,
    }
    emit(args.json, facts, f"{args.file} is whole and signed by a trusted key: {facts['name']} {facts['version']}")
