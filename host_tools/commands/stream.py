"""Send parameters over time: a curve, or lines of `seconds id value` from a file or from standard input.

Where values come faster than the line carries them, the last value of each parameter wins.

Or morph from one preset of the board's book to another: every number along its own curve, choices half way. In place of
a preset, . is what is set now. Printed is the bar and beat on which the end lands.

Example: limonaire stream --curve energy=0:0.2,15:0.9,30:0.3
         sensor-script | limonaire stream -
         limonaire stream morph calm chase --over 8bars
         limonaire stream morph . fair --over 30s
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param, find
from host_tools import curve
from host_tools.options import add_board, open_board
from host_tools.output import emit

HELP = "send parameters over time"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="*", metavar="FILE | morph FROM TO", help="lines to send (-: standard input)")
    parser.add_argument("--curve", action="append", default=[], metavar="ID=S:V,…", help="breakpoints; may be repeated")
    parser.add_argument("--over", metavar="TIME", default="8bars", help="of a morph: 8bars, 4beats, 30s (8bars)")
    parser.add_argument("--book", type=Path, metavar="FILE", help="of a morph: the book that the board plays")
    add_board(parser)


def run(args: argparse.Namespace) -> None:
    if args.words[:1] == ["morph"] and len(args.words) > 1:
        return morph(args)
    if len(args.words) > 1 or bool(args.words) == bool(args.curve):
        raise UsageError("there must be a file or curves to stream, and not both", "see `limonaire stream --help`")
    with open_board(args) as device:
        sent = device.stream(points(args, device.params()))
    emit(args.json, {"sent": sent}, f"{sent} values sent")


def morph(args: argparse.Namespace) -> None:
    """From one preset to another."""
    from host_tools import morphing

    if len(args.words) != 3 or args.curve:
        raise UsageError("a morph goes from one preset to another", "write `limonaire stream morph calm chase`")
    over = morphing.span(args.over)
    with open_board(args) as device:
        report = morphing.morph(device, (args.words[1], args.words[2]), over, args.book)
    words = f"{args.words[1]} → {args.words[2]} in {report['seconds']:.3g} s, {report['sent']} values sent"
    emit(args.json, report, f"{words}; from bar {report['bar']}, beat {report['beat']:.3g}")


def points(args: argparse.Namespace, params: Mapping[str, Param]) -> Iterator[curve.Point]:
    """What to send, checked against the board's declarations."""
    if args.curve:
        curves = dict(curve.parse(text) for text in args.curve)
        for name, breakpoints in curves.items():
            for _, value in breakpoints:
                find(params, name).check(value)
        yield from curve.points(curves)
    elif args.words == ["-"]:
        yield from checked(sys.stdin, params)
    else:
        with Path(args.words[0]).open(encoding="utf-8") as lines:
            yield from checked(lines, params)


def checked(lines: Iterator[str], params: Mapping[str, Param]) -> Iterator[curve.Point]:
    for at_s, name, value in curve.read_lines(lines):
        yield at_s, {name: find(params, name).parse(value)}
