"""List the boards that a book can be made for, with the facts that the tools know of each.

Example: limonaire boards
"""

import argparse
from dataclasses import asdict

from host_tools.output import add_json, emit, table

HELP = "list the boards that a book can be made for"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from targets.boards import BOARDS

    rows = [
        (b.name, b.cores, f"{b.memory_bytes // 2**20} MiB", f"{b.max_book_bytes / 1e6:g} MB", b.title)
        for b in BOARDS.values()
    ]
    emit(args.json, [asdict(board) for board in BOARDS.values()], table(rows, ("board", "cores", "memory", "book", "")))
