"""How well a model foretells the music in a folder of MIDI files, in nats per note, beside the counting baseline.

Example: limonaire evaluate --corpus corpus
         limonaire evaluate --model mine.safetensors --corpus corpus --int8 --json
"""

import argparse
from pathlib import Path

from host_tools.output import add_json, emit, facts

HELP = "measure a model on a folder of MIDI files"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, metavar="FILE", help="weights; without it, the default model")
    parser.add_argument("--corpus", type=Path, required=True, metavar="DIR", help="a folder of MIDI files")
    parser.add_argument("--int8", action="store_true", help="the graph as the board runs it")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from gen_core.training import evaluate

    report = evaluate.evaluate(args.corpus, args.model, int8=args.int8)
    emit(args.json, report, facts(report))
