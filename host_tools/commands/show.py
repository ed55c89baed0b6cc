"""Show what is in a book: model, instruments, parameters, presets, provenance, sizes. Whose
signature it bears does not matter here; `limonaire verify` asks for that.

Or show an instrument or kit, a patch file's or one that comes with the synth: its voice, its wires and what differs
from the defaults; with -o as a picture too, with one note of it as wave, spectrum and brightness.

Example: limonaire show mine.book
Example: limonaire show flute -o flute.png --key 72
"""

import argparse
from pathlib import Path

from host_tools.options import outputs, typed, whole
from host_tools.output import add_json, emit

HELP = "show what is in a book, or an instrument"
KINDS = (".png", ".svg")
KEY, KIT_KEY = 60, 36  # middle C, a bass drum


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", metavar="FILE.book|FILE.toml|NAME")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="a picture of the instrument: .png or .svg")
    parser.add_argument("--key", type=typed(whole(0, 127)), metavar="N", help=f"MIDI key of the note ({KEY})")
    parser.add_argument("--velocity", type=typed(whole(1, 127)), default=100, metavar="N", help="1 to 127 (100)")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from gen_core.spec.errors import UsageError

    outputs([args.output] if args.output else [], KINDS)
    if Path(args.what).suffix == ".book" or (Path(args.what).is_file() and Path(args.what).suffix != ".toml"):
        if args.output:
            raise UsageError("a book has no picture", "name an instrument, such as `limonaire show flute -o flute.png`")
        show_book(args)
    else:
        show_patch(args)


def show_book(args: argparse.Namespace) -> None:
    from host_tools import book_view
    from targets.protocol import book

    data = Path(args.what).read_bytes()
    read = book.read(data, None)
    emit(args.json, book_view.describe(read, len(data)), book_view.text(read, len(data)))


def show_patch(args: argparse.Namespace) -> None:
    from host_tools import patch_picture, patch_view

    rows = patch_view.find(args.what)
    key = args.key if args.key is not None else KIT_KEY if "kit" in rows[-1] else KEY
    if args.output:
        patch_picture.save(args.output, rows, key, args.velocity)
    emit(args.json, patch_view.describe(rows), patch_view.text(rows))
