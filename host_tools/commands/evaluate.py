"""How well a model foretells the music in a folder of MIDI files, in nats per note, beside the counting baseline.

Example: limonaire evaluate --corpus corpus
         limonaire evaluate --model model --corpus corpus --split valid --int8 --json
         limonaire evaluate --model export/chorales --chorales corpus --split test
"""

import argparse
from pathlib import Path

from host_tools.output import add_json, emit, facts, flat, hushed, say

HELP = "measure a model on a folder of MIDI files"
LANES = 16  # pieces side by side; an int8 model reads one at a time, as on a board


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, metavar="PATH", help="model folder or weights; without it, the default")
    music = parser.add_mutually_exclusive_group(required=True)
    music.add_argument("--corpus", type=Path, metavar="DIR", help="a folder of MIDI files")
    music.add_argument("--chorales", type=Path, metavar="PATH", help="the published JSB chorales")
    parser.add_argument("--split", choices=("train", "valid", "test", "all"), default="all", help="of the corpus (all)")
    parser.add_argument("--int8", action="store_true", help="the graphs as the board runs them")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from export.model import model_folder, model_graphs
    from gen_core.playback.model import GraphModel
    from gen_core.training.baseline import Baseline
    from gen_core.training.evaluate import evaluate

    weights, baseline = model_folder(args.model)
    with hushed():
        model = GraphModel(model_graphs(weights, args.int8))
    if args.chorales:
        from gen_core.training.chorale_figure import evaluate_chorales

        report = evaluate_chorales(model, args.chorales, args.split, say)
        return emit(args.json, report, facts(flat(report)))
    lanes = 1 if args.int8 else LANES
    report = evaluate(model, Baseline.load(baseline), args.corpus, args.split, lanes, say)
    emit(args.json, report, facts(flat(report)))
