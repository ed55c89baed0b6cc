"""Pack a book from the default model, instruments and presets, and sign it.

Without --key it is signed with the user's own key, made on first use, which the user's bench board trusts.

Example: limonaire build -o mine.book
"""

import argparse
from dataclasses import asdict
from pathlib import Path

from host_tools.options import block, sample_rate, typed, whole
from host_tools.output import add_json, emit, facts, flat, hushed

HELP = "pack and sign a book"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.book")
    parser.add_argument("--key", type=Path, metavar="PEM", help="private ed25519 key to sign with")
    parser.add_argument("--name", default="default", help="name of the book")
    parser.add_argument("--version", default="0.1.0", metavar="X.Y.Z", help="version of the book (0.1.0)")
    parser.add_argument("--sample-rate", type=typed(sample_rate), default=48000, metavar="HZ",
                        help="of the sound (48000); 32000 costs a small board a sixth less")  # fmt: skip
    parser.add_argument("--block", type=typed(block), default=0, metavar="FRAMES",
                        help="frames of a block (10.7 ms of them); 1024 cost a small board a third less")  # fmt: skip
    parser.add_argument("--ensemble", action="append", default=[], metavar="NAME",
                        help="pack only this ensemble and its instruments; repeatable")  # fmt: skip
    parser.add_argument("--counter", type=typed(whole(0, 2**32 - 1)), default=0, metavar="N",
                        help="once it is confirmed, a board takes no book of a lower counter (0)")  # fmt: skip
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from export import book
    from host_tools.keys import user_keys

    with hushed():
        key = args.key or user_keys().private
        how = (args.sample_rate, args.ensemble, args.block, args.counter)
        report = asdict(book.build(args.output, key, args.name, args.version, *how))
    emit(args.json, report, facts(flat(report)))
