"""List the boards that are connected now, and what would hinder you from speaking to them. No port is opened.

Example: limonaire devices
"""

import argparse

from host_tools.output import add_json, emit, say, table

HELP = "list the boards that are connected"


def arguments(parser: argparse.ArgumentParser) -> None:
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from host_tools import port_trouble, ports

    found = ports.boards()
    warnings = [port_trouble.warning(port) for port in found]
    data = [port._asdict() | {"warning": warning} for port, warning in zip(found, warnings, strict=True)]
    emit(args.json, data, table(found, ("port", "kind", "serial")) if found else "")
    for warning in filter(None, warnings):
        say(f"warning: {warning}")
    if not found:
        say("no board is connected; plug one in, or start `limonaire bench-board` in another terminal")
