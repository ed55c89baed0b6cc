"""Send parameters over time: a curve, or lines of `seconds id value` from a file or from standard input.

Where values come faster than the line carries them, the last value of each parameter wins.

Example: limonaire stream --curve energy=0:0.2,15:0.9,30:0.3
         sensor-script | limonaire stream -
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param, find
from host_tools import curve
from host_tools.options import add_board
from host_tools.output import emit

HELP = "send parameters over time"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", help="lines of `seconds id value`; - is standard input")
    parser.add_argument("--curve", action="append", default=[], metavar="ID=S:V,…", help="breakpoints; may be repeated")
    add_board(parser)


def run(args: argparse.Namespace) -> None:
    from host_tools.device import Device

    if bool(args.file) == bool(args.curve):
        raise UsageError("there must be a file or curves to stream, and not both", "see `limonaire stream --help`")
    with Device(args.port, args.timeout) as device:
        sent = device.stream(points(args, device.params()))
    emit(args.json, {"sent": sent}, f"{sent} values sent")


def points(args: argparse.Namespace, params: Mapping[str, Param]) -> Iterator[curve.Point]:
    """What to send, checked against the board's declarations."""
    if args.curve:
        curves = dict(curve.parse(text) for text in args.curve)
        for name, breakpoints in curves.items():
            for _, value in breakpoints:
                find(params, name).check(value)
        yield from curve.points(curves)
    elif args.file == "-":
        yield from checked(sys.stdin, params)
    else:
        with Path(args.file).open(encoding="utf-8") as lines:
            yield from checked(lines, params)


def checked(lines: Iterator[str], params: Mapping[str, Param]) -> Iterator[curve.Point]:
    for at_s, name, value in curve.read_lines(lines):
        yield at_s, {name: find(params, name).parse(value)}
