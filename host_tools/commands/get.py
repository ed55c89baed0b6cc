"""Ask the board for the value of parameters.

Example: limonaire get energy bpm
"""

import argparse

from host_tools.options import add_board, open_board
from host_tools.output import emit, facts

HELP = "ask for the value of parameters"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", nargs="+", help="a parameter, as `limonaire params` names it")
    add_board(parser)


def run(args: argparse.Namespace) -> None:
    from gen_core.spec.param import find

    with open_board(args) as device:
        params = device.params()
        wanted = [find(params, name) for name in args.id]
        values = {param.id: device.get(param.id) for param in wanted}
    emit(args.json, values, facts({param.id: param.spoken(values[param.id]) for param in wanted}))
