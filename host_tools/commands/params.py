"""Every parameter of the board: its value now, unit, range, and when a change lands.

Example: limonaire params
"""

import argparse

from gen_core.spec.param import Param
from host_tools.options import add_board
from host_tools.output import emit, short, table

HELP = "list every parameter with its value and range"
FEW = 3  # choices that fit into a column


def arguments(parser: argparse.ArgumentParser) -> None:
    add_board(parser)


def run(args: argparse.Namespace) -> None:
    from host_tools.device import Device

    with Device(args.port, args.timeout) as device:
        listed = device.listed_params()
    rows = [(p.id, p.spoken(short(value)), reach(p), p.quantum, p.help) for p, value in listed]
    data = [param.to_dict() | {"value": short(value)} for param, value in listed]
    emit(args.json, data, table(rows, ("parameter", "value", "range", "lands", "")))


def reach(param: Param) -> str:
    """What it may be; of many choices only the first and the last, since --json and a wrong `set` name all."""
    if len(param.choices) > FEW:
        return f"{param.choices[0]} … {param.choices[-1]}"
    return ", ".join(param.choices) or f"{param.low:.9g} to {param.high:.9g}"
