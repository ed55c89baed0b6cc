"""Train the sequence model on a folder of MIDI files, and print its loss on the validation split.

Leaves a model folder: weights, counting baseline, provenance. An interrupted run goes on where it was. Needs torch:
pip install 'limonaire[train]'.

Example: limonaire train --corpus corpus --seed 1 -o model
         limonaire train --chorales corpus --seed 1 -o chorales
"""

import argparse
from pathlib import Path

from gen_core.spec.errors import UsageError
from host_tools.output import add_json, emit, facts, flat, say
from host_tools.progress import bar

LANES = 16  # pieces side by side
HELP = "train the model on a folder of MIDI files"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="a folder of MIDI files")
    parser.add_argument(
        "--chorales", type=Path, metavar="PATH",
        help="a small model of the published JSB chorales instead, and of the four-part pieces of --corpus if given",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=1, help="seed of weights and order (1)")
    parser.add_argument("--steps", type=int, help="updates; without it, as many as the default model had")
    parser.add_argument("--start", type=Path, metavar="FILE", help="weights to begin with, instead of chance")
    parser.add_argument("--workers", type=int, default=2, help="processes that read the corpus (2)")
    parser.add_argument("-o", "--output", type=Path, default=Path("model"), metavar="DIR", help="model folder (model)")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from export.model import model_folder, model_graphs
    from gen_core.playback.model import GraphModel
    from gen_core.training.baseline import Baseline
    from gen_core.training.evaluate import evaluate
    from gen_core.training.train import train

    if args.chorales:
        return train_on_chorales(args)
    if not args.corpus:
        raise UsageError("there is nothing to train on", "give --corpus, a folder of MIDI files")
    with bar("training", unit_is_bytes=False) as progress:
        report = train(args.corpus, args.output, args.seed, args.steps, args.workers, say, args.start, progress)
    weights, baseline = model_folder(args.output)
    model = GraphModel(model_graphs(weights, int8=False))
    say("judging whole pieces of the validation split")
    report["valid"] = evaluate(model, Baseline.load(baseline), args.corpus, "valid", LANES, say)
    emit(args.json, report, facts(flat(report)))


def train_on_chorales(args: argparse.Namespace) -> None:
    from export.model import model_graphs
    from gen_core.playback.model import GraphModel
    from gen_core.training.chorale_figure import evaluate_chorales
    from gen_core.training.train import train_chorales

    with bar("training", unit_is_bytes=False) as progress:
        wanted = args.chorales, args.output, args.seed, args.steps
        report = train_chorales(*wanted, say, args.start, progress, args.corpus)
    model = GraphModel(model_graphs(args.output / "weights.safetensors", int8=False))
    report |= evaluate_chorales(model, args.chorales, "valid", say)
    emit(args.json, report, facts(flat(report)))
