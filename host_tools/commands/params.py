"""Every parameter of the board: its value now, unit, range, and when a change lands.

Example: limonaire params
"""

import argparse

from host_tools.options import add_board
from host_tools.output import emit, short, table

HELP = "list every parameter with its value and range"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_board(parser)


def run(args: argparse.Namespace) -> None:
    from host_tools.device import Device

    with Device(args.port, args.timeout) as device:
        listed = device.listed_params()
    rows = [
        (p.id, p.spoken(short(value)), ", ".join(p.choices) or f"{p.low:.9g} to {p.high:.9g}", p.quantum, p.help)
        for p, value in listed
    ]
    data = [param.to_dict() | {"value": short(value)} for param, value in listed]
    emit(args.json, data, table(rows, ("parameter", "value", "range", "lands", "")))
