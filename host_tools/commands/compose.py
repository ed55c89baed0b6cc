"""Compose offline what a board would play: same book, director, sampler and seed, faster than real time.

Example: limonaire compose --length 30s --seed 7 -o piece.mid -o piece.wav
Example: limonaire compose --length 16bars --meter 3/4 --lead-sheet waltz.txt -o waltz.mid

A lead sheet is text: `meter: 3/4` and `key: G major`, if wanted, then bars of chords, | G | Em | Am D7 | G/B . D7 |.
It is played over and over. A length in bars ends the piece there; in seconds it cuts the music off.
"""

import argparse
import secrets
from collections.abc import Callable
from pathlib import Path

from gen_core.director.controls import SEED_HIGH
from gen_core.theory.lead_sheet import parse_lead_sheet
from gen_core.theory.meter import parse_meter
from host_tools.options import add_book, assignment, length, outputs, seed, typed
from host_tools.output import emit, facts, flat
from host_tools.seats import Limit, key_range, polyphony

HELP = "compose a piece offline"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--length", type=typed(length), default=(30.0, "s"), help="30s, 2min or 8bars (30s)")
    parser.add_argument("--meter", type=typed(parse_meter), help="3/4, 7/8, … (the lead sheet's, or 4/4)")
    parser.add_argument("--lead-sheet", type=Path, metavar="FILE", help="chords to obey")
    add_limit(parser, "--range", key_range, "PART=LOW-HIGH", "keys of a part, such as bass=28-43")
    add_limit(parser, "--polyphony", polyphony, "PART=N", "notes of a part at once, such as chords=2")
    parser.add_argument("--seed", type=typed(seed), help="same seed, same notes; without it, chosen and printed")
    parser.add_argument("--set", type=typed(assignment), action="append", default=[], metavar="ID=VALUE")
    parser.add_argument("-o", "--output", type=Path, action="append", required=True, help=".mid or .wav")
    parser.add_argument("--preset", default="", metavar="NAME", help="one of the book's moods to start from")
    add_book(parser)


def add_limit(
    parser: argparse.ArgumentParser, option: str, parse: Callable[[str], Limit], metavar: str, says: str
) -> None:
    """An option that may be given for several parts; all of these go into `limits`."""
    parser.add_argument(
        option, type=typed(parse), action="append", default=[], dest="limits", metavar=metavar, help=says
    )


def run(args: argparse.Namespace) -> None:
    from host_tools import offline

    files = outputs(args.output, (".mid", ".wav"))
    chosen = secrets.randbelow(SEED_HIGH + 1) if args.seed is None else args.seed
    sheet = parse_lead_sheet(args.lead_sheet.read_text("utf-8", "replace")) if args.lead_sheet else None
    book = offline.open_book(args.book, args.trust)
    wishes = offline.preset(book, args.preset) | ({"meter": str(args.meter)} if args.meter else {}) | dict(args.set)
    report = offline.compose(book, args.length, chosen, wishes, files, sheet, args.limits)
    emit(args.json, report, facts(flat(report)))
