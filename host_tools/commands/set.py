"""Set a parameter, and print the value that the board then has and the beat on which the change lands.

Example: limonaire set energy 0.8
         limonaire set key c_sharp --at bar
         limonaire set level.drums 0 --over 8bars --at phrase
"""

import argparse

from gen_core.spec import span
from host_tools.options import add_board, open_board, typed
from host_tools.output import emit

HELP = "set a parameter"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", help="a parameter, as `limonaire params` names it")
    parser.add_argument("value", help="a number in the parameter's unit, or the name of a choice")
    parser.add_argument("--at", choices=span.QUANTA, default="", help="when it lands")
    parser.add_argument("--over", type=typed(span.parse), metavar="TIME", help="how long it takes: 30s, 4beats, 8bars")
    add_board(parser)


def run(args: argparse.Namespace) -> None:
    from gen_core.spec.param import find

    with open_board(args) as device:
        param = find(device.params(), args.id)
        landed = device.set(param.id, param.parse(args.value), args.at, str(args.over or ""))
    where = f"from bar {landed.bar}, beat {landed.beat:.3g}"
    emit(args.json, landed._asdict(), f"{param.id} {param.spoken(landed.value)} {where}")
