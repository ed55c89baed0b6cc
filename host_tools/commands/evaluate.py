"""How well a model foretells the music in a folder of MIDI files, in nats per note, beside the counting baseline; and
how like that music is what it composes of itself, feature by feature, beside how like people are to each other.

Example: limonaire evaluate --corpus corpus
         limonaire evaluate --model model --corpus corpus --split valid --int8 --json
         limonaire evaluate --corpus corpus --split test --against valid --what nats,likeness --json
         limonaire evaluate --model export/chorales --chorales corpus --split test
"""

import argparse
from pathlib import Path
from typing import Any

from gen_core.spec.errors import UsageError
from host_tools.output import add_json, emit, facts, flat, hushed, say

HELP = "measure a model on a folder of MIDI files"
LANES = 16  # pieces side by side; an int8 model reads one at a time, as on a board
SPLITS = ("train", "valid", "test")
MEASURES = ("nats", "likeness")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, metavar="PATH", help="model folder or weights; without it, the default")
    music = parser.add_mutually_exclusive_group(required=True)
    music.add_argument("--corpus", type=Path, metavar="DIR", help="a folder of MIDI files")
    music.add_argument("--chorales", type=Path, metavar="PATH", help="the published JSB chorales; only nats")
    parser.add_argument("--split", choices=(*SPLITS, "all"), default="all", help="of the corpus (all)")
    parser.add_argument(
        "--what", type=measures, default=("nats",), metavar="LIST", help="nats, likeness or both (nats)"
    )
    parser.add_argument("--against", choices=SPLITS, default="", help="a second split, and how far its nats lie apart")
    parser.add_argument("--pieces", type=int, default=0, metavar="N", help="likeness: only for N pieces (all)")
    parser.add_argument("--after", type=int, default=0, metavar="BARS", help="likeness: of the bars after these (0)")
    parser.add_argument("--seed", type=int, default=0, help="likeness: of what is composed (0)")
    parser.add_argument("--int8", action="store_true", help="the graphs as the board runs them")
    add_json(parser)


def measures(words: str) -> tuple[str, ...]:
    """nats,likeness → ("nats", "likeness")."""
    chosen = tuple(words.split(","))
    wrong = [word for word in chosen if word not in MEASURES]
    if wrong:
        raise argparse.ArgumentTypeError(f"there is no measure {wrong[0]!r}, only {' and '.join(MEASURES)}")
    return chosen


def run(args: argparse.Namespace) -> None:
    from export.model import model_folder, model_graphs
    from gen_core.playback.model import GraphModel
    from gen_core.training.baseline import Baseline
    from gen_core.training.evaluate import evaluate
    from gen_core.training.likeness import likeness

    if min(args.pieces, args.after) < 0:
        raise UsageError(
            "neither --pieces nor --after can be negative", "leave them out for all pieces from their start"
        )
    weights, baseline = model_folder(args.model)
    with hushed():
        model = GraphModel(model_graphs(weights, args.int8))
    if args.chorales:
        from gen_core.training.chorale_figure import evaluate_chorales

        figures = evaluate_chorales(model, args.chorales, args.split, say)
        return emit(args.json, figures, facts(flat(figures)))
    report: dict[str, Any] = {}
    if "nats" in args.what:
        lanes = 1 if args.int8 else LANES
        report |= evaluate(model, Baseline.load(baseline), args.corpus, args.split, lanes, say, args.against)
    if "likeness" in args.what:
        wanted = {"pieces": args.pieces, "seed": args.seed, "after": args.after}
        report["likeness"] = likeness(model, args.corpus, args.split, **wanted, say=say)
    emit(args.json, report, facts(flat(report)))
