"""Train the sequence model on a folder of MIDI files, and print its loss beside that of the counting baseline.

Needs torch: pip install 'limonaire[train]'.

Example: limonaire train --corpus corpus --seed 1 -o model.safetensors
"""

import argparse
from pathlib import Path

from host_tools.output import add_json, emit, facts, say

HELP = "train the model on a folder of MIDI files"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--corpus", type=Path, required=True, metavar="DIR", help="a folder of MIDI files")
    parser.add_argument("--seed", type=int, default=1, help="seed of weights and order (1)")
    parser.add_argument("--epochs", type=int, help="passes over the corpus; without it, as the default model")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="where the weights go")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from gen_core.training import fit

    report = fit.train(args.corpus, args.output, seed=args.seed, epochs=args.epochs, say=say)
    emit(args.json, report, facts(report))
