"""What the board is, which book it plays, and how it is doing.

Example: limonaire info
"""

import argparse

from host_tools.options import add_board, open_board
from host_tools.output import emit, facts, flat, plain

HELP = "what the board is, plays, and how it is doing"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_board(parser)


def run(args: argparse.Namespace) -> None:
    with open_board(args) as device:
        status = device.info()
    emit(args.json, status, facts(flat(plain(status))))
