"""Send a book to the board, start it once, and keep it if it sounds.

The book is verified here first. What the board holds already in another book does not travel again, and an upload that
was cut off goes on where it stopped. After the test start, when all is well, the book is confirmed; with --no-confirm
the board returns to its old book at the next reset.

Example: limonaire flash mine.book
"""

import argparse
from dataclasses import asdict
from pathlib import Path

from host_tools.options import add_board, add_trust, open_board
from host_tools.output import emit

HELP = "send a book to the board"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.book")
    add_trust(parser)
    parser.add_argument("--no-confirm", action="store_true", help="only test: the next reset brings the old book back")
    parser.add_argument("--slot", type=int, choices=(0, 1), default=1, help="either means the one that does not play")
    add_board(parser)


def run(args: argparse.Namespace) -> None:
    from host_tools import flashing
    from host_tools.keys import trusted
    from host_tools.progress import bar

    book = flashing.load(args.file, trusted(args.trust))
    with open_board(args) as device, bar(f"flashing {args.file.name}") as progress:
        report = flashing.flash(device, book, progress, confirm=not args.no_confirm, slot=args.slot)
    kept = "confirmed" if report.confirmed else "on trial until the next reset"
    resumed = f"it went on at byte {report.resumed_bytes}, " if report.resumed_bytes else ""
    emit(
        args.json,
        asdict(report),
        f"{report.name} {report.version} is playing, {kept}: {report.bytes} bytes in {report.seconds:.1f} s, "
        f"{resumed}{report.copied_bytes} of them were on the board, payload/wire {report.payload_ratio:.2f}",
    )
