"""List the boards that are connected now. No port is opened.

Example: limonaire devices
"""

import argparse

from host_tools.output import add_json, emit, say, table

HELP = "list the boards that are connected"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from host_tools import ports

    found = ports.boards()
    emit(args.json, [port._asdict() for port in found], table(found, ("port", "kind", "serial")) if found else "")
    if not found:
        say("no board is connected; plug one in, or start `limonaire bench-board` in another terminal")
