"""Keep the book that plays on trial: without this the next reset brings the old one back.

Example: limonaire confirm
"""

import argparse

from host_tools.options import add_board, open_board
from host_tools.output import emit

HELP = "keep the book that plays on trial"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_board(parser)


def run(args: argparse.Namespace) -> None:
    with open_board(args) as device:
        device.confirm()
        slots = device.slots()
    playing = next((slot for slot in slots if slot.get("active")), None)
    emit(args.json, {"slots": slots}, f"version {playing['version']} is confirmed" if playing else "no book plays")
