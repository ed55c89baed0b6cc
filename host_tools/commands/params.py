"""Every parameter of the board: its value now, unit, range, and when a change lands.

With --layout it is a control surface that sends each of them over OSC: a session of Open Stage Control or a document of
TouchOSC, on standard output or in a file. Point it at UDP port 9000 of the board.

Example: limonaire params
         limonaire params --layout open-stage-control -o board.json
         limonaire params --layout touchosc -o board.tosc
"""

import argparse
import sys
from pathlib import Path

from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param
from host_tools.options import add_board, open_board
from host_tools.output import emit, say, short, table

HELP = "list every parameter with its value and range"
FEW = 3  # choices that fit into a column
LAYOUTS = ("open-stage-control", "touchosc")


def arguments(parser: argparse.ArgumentParser) -> None:
    add_board(parser)
    parser.add_argument("--layout", choices=LAYOUTS, help="make a control surface for this program instead")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="where --layout goes, if not to stdout")


def run(args: argparse.Namespace) -> None:
    if args.output and not args.layout:
        raise UsageError("only a control surface goes to a file", f"add --layout {LAYOUTS[0]}, or redirect stdout")
    with open_board(args) as device:
        listed = device.listed_params()
    if args.layout:
        return write(args.layout, args.output, listed)
    rows = [(p.id, p.spoken(short(value)), reach(p), p.quantum, p.help) for p, value in listed]
    data = [param.to_dict() | {"value": short(value)} for param, value in listed]
    emit(args.json, data, table(rows, ("parameter", "value", "range", "lands", "")))


def write(name: str, path: Path | None, listed: list[tuple[Param, float]]) -> None:
    """The control surface for the program of that name."""
    from host_tools import layouts

    data = layouts.layout(name, [(param, short(value)) for param, value in listed])
    if path is None:
        sys.stdout.buffer.write(data)
    else:
        path.write_bytes(data)
        say(f"{path}: {len(listed)} parameters")


def reach(param: Param) -> str:
    """What it may be; of many choices only the first and the last, since --json and a wrong `set` name all."""
    if len(param.choices) > FEW:
        return f"{param.choices[0]} … {param.choices[-1]}"
    return ", ".join(param.choices) or f"{param.low:.9g} to {param.high:.9g}"
