"""Restart the board, and wait until it sounds again. A book that nobody confirmed gives way to the one before.

Example: limonaire reset
"""

import argparse

from host_tools.options import add_board, open_board
from host_tools.output import emit

HELP = "restart the board and wait until it sounds"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_board(parser)


def run(args: argparse.Namespace) -> None:
    with open_board(args) as device:
        device.reset()
        status = device.wait_until_back()
    book = status["book"]
    words = f"{book['name']} {book['version']} is playing" if book else "the board is back, without a book"
    emit(args.json, status, words)
