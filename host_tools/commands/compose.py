"""Compose offline what a board would play: same book, director, sampler and seed, faster than real time.

Example: limonaire compose --length 30s --seed 7 -o piece.mid -o piece.wav
"""

import argparse
import secrets
from pathlib import Path

from gen_core.director.controls import SEED_HIGH
from host_tools.options import add_book, assignment, length, outputs, seed, typed
from host_tools.output import emit, facts, flat

HELP = "compose a piece offline"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--length", type=typed(length), default=(30.0, "s"), help="30s, 2min or 8bars (30s)")
    parser.add_argument("--seed", type=typed(seed), help="same seed, same notes; without it, chosen and printed")
    parser.add_argument("--set", type=typed(assignment), action="append", default=[], metavar="ID=VALUE")
    parser.add_argument("-o", "--output", type=Path, action="append", required=True, help=".mid or .wav")
    parser.add_argument("--preset", default="", metavar="NAME", help="one of the book's moods to start from")
    add_book(parser)


def run(args: argparse.Namespace) -> None:
    from host_tools import offline

    files = outputs(args.output, (".mid", ".wav"))
    chosen = secrets.randbelow(SEED_HIGH + 1) if args.seed is None else args.seed
    book = offline.open_book(args.book, args.trust)
    wishes = offline.preset(book, args.preset) | dict(args.set)
    report = offline.compose(book, args.length, chosen, wishes, files)
    emit(args.json, report, facts(flat(report)))
