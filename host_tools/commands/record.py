"""Record what the board plays: notes as MIDI, sound as WAV.

Notes travel over the cable. Sound is taken from the bench board's own file (`limonaire bench-board --wav FILE`).

Example: limonaire record -o take.mid -o take.wav --seconds 30
"""

import argparse
from pathlib import Path

from host_tools.options import add_board, open_board, outputs, seconds, typed
from host_tools.output import emit, facts, flat

HELP = "record notes and sound"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", type=Path, action="append", required=True, help=".mid or .wav")
    parser.add_argument("--seconds", type=typed(seconds), default=10.0, metavar="S", help="how long (10)")
    add_board(parser)


def run(args: argparse.Namespace) -> None:
    from host_tools import recording

    files = outputs(args.output, (".mid", ".wav"))
    with open_board(args) as device:
        take = recording.record(device, args.seconds, sound=".wav" in files)
    written = recording.save(take, files)
    emit(args.json, written, facts(flat(written)))
