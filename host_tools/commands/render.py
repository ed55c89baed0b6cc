"""Sound any MIDI file, by the instruments that come with the synth, a book's, or your own.

General MIDI programs choose the instruments, channel 10 is a kit, and a program change there chooses which. The sound
is written as 24-bit WAV or FLAC.

Example: limonaire render any.mid -o any.wav
Example: limonaire render any.mid -o any.flac --stems parts --patch mine.toml --sample-rate 44100

--patch plays the parts whose programs the file names; where it names none, all melodic parts, or, as a kit, all
percussion. --stems leaves a file for each part, dry, aligned to the sample; mix.wav beside them is their sum.
"""

import argparse
from pathlib import Path

from host_tools.options import add_book, outputs, sample_rate, typed
from host_tools.output import emit, facts, flat, say

HELP = "sound a MIDI file"
KINDS = (".wav", ".flac")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.mid")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help=".wav or .flac")
    parser.add_argument("--stems", type=Path, metavar="DIR", help="a file for each part as well")
    parser.add_argument("--patch", type=Path, action="append", default=[], metavar="FILE.toml", help="your instrument")
    parser.add_argument("--sample-rate", type=typed(sample_rate), metavar="HZ", help="8000 to 192000 (48000)")
    parser.add_argument("--engine", choices=("numba", "onnx"), help="the kernels (the default), or the board's graph")
    add_book(parser, "its instruments; without it, those that come with the synth")


def run(args: argparse.Namespace) -> None:
    from host_tools import midi_file, offline, orchestra, rendering
    from host_tools.progress import bar

    outputs([args.output], KINDS)
    song = midi_file.read(args.file)
    engine = args.engine or ("numba" if orchestra.has_kernels() else "onnx")
    if not args.engine and engine == "onnx":
        say("Numba is not installed: sounding by the board's graph")
    plain_graph = engine == "onnx" and not args.patch and not args.sample_rate
    book = offline.open_book(args.book, args.trust) if args.book or plain_graph else None
    lanes = orchestra.LANES if engine == "numba" and book is None else None
    band = orchestra.gather(book, args.patch, args.sample_rate, lanes)
    with bar("rendering", unit_is_bytes=False) as progress:
        report = rendering.render(song, band, engine, args.output, args.stems, progress)
    emit(args.json, report, facts(flat(report)))
