"""From a folder of music to a model folder: weights, counting baseline, provenance, and how it went."""

import csv
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from gen_core.sequence import vocabulary as v
from gen_core.spec.errors import UsageError
from gen_core.training.baseline import count
from gen_core.training.columns import SOURCE_STYLES, TARGETS, WIDTH, Rows, make_rows
from gen_core.training.corpus import Item, read_corpus
from gen_core.training.curve import draw_curve

LEAST_HEARD = 100  # contexts heard less often mislead: pruned to this, the table is smaller and foretells better
FORMAT = "limonaire-sequence-2"
PROVENANCE = ("path", "source", "title", "composer", "licence", "attribution", "sha256")


def train(
    corpus: Path,
    output: Path,
    seed: int = 1,
    steps: int | None = None,
    workers: int = 2,
    say: Callable[[str], None] = print,
    start: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Train on the split `train` of `corpus` and leave a model folder at `output`. Goes on where it was interrupted.

    `start`: weights to begin with, of a model of this version.
    Raises UsageError without torch, without music, or without a validation split to choose by.
    """
    fit = _torch_fit()
    items, skipped = read_corpus(corpus)
    for file in skipped:
        say(f"skipped {file.name}: {file.reason}")
    training, validation = ([item for item in items if item.split == split] for split in ("train", "valid"))
    if not training or not validation:
        raise UsageError(f"{corpus} has {len(training)} pieces to train on and {len(validation)} to validate with",
                         "give at least twenty pieces, or a manifest.csv that names the splits")  # fmt: skip
    say(f"{len(training)} pieces to train on, {len(validation)} to validate with, {len(skipped)} files skipped")
    rows, valid_rows = _cached_rows(output, training, validation, workers, say)
    say("counting the baseline")
    baseline = count(rows.table, LEAST_HEARD)
    baseline.save(output / "baseline.npz")
    plan = replace(fit.Plan(seed=seed, bfloat16=fit.has_bfloat16()), **({"steps": steps} if steps else {}))
    weights = fit.piece_weights(rows, [item.source for item in training], fit.SOURCE_SHARES)
    judged = fit.excerpts(valid_rows, plan).reshape(-1, rows.table.shape[1])
    counted = float(baseline.nats(judged).sum()) / int((judged[:, TARGETS.start] != v.BAR).sum())
    say(f"baseline: {counted:.4f} nats a note on the excerpts of the validation split")
    checkpoint = output / "checkpoint.pt"
    network = fit.fit(rows, weights, valid_rows, plan, fit.Shape(), checkpoint, say, start, progress)
    fit.save_weights(network, output / "weights.safetensors", {"format": FORMAT, "plan": json.dumps(asdict(plan))})
    draw_curve(checkpoint.with_suffix(".json"), output / "curve.png")
    write_provenance(corpus, [item.name for item in training], output / "provenance.csv")
    return {
        "output": str(output),
        "parameters": sum(p.numel() for p in network.parameters()),
        "valid_nats_per_note": round(fit.quick_validation(network.cpu(), fit.excerpts(valid_rows, plan), "cpu"), 4),
        "baseline_nats_per_note": round(counted, 4),
        "skipped": [file.name for file in skipped],
    }


def train_chorales(*given: Any) -> dict[str, Any]:
    """What `chorale_fit.train_chorales` does with what is `given`. Raises UsageError without torch."""
    _torch_fit()
    from gen_core.training import chorale_fit

    return chorale_fit.train_chorales(*given)


def write_provenance(corpus: Path, names: list[str], path: Path) -> None:
    """One line a training piece: where it is from, by whom, under which licence."""
    wanted, manifest = set(names), corpus / "manifest.csv"
    rows = [{"path": name} for name in names]
    if manifest.is_file():
        with manifest.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["path"] in wanted]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, PROVENANCE, extrasaction="ignore", restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: row["path"]))


def _cached_rows(
    output: Path, training: list[Item], validation: list[Item], workers: int, say: Callable[[str], None]
) -> tuple[Rows, Rows]:
    """The rows of both splits, read once and kept in the model folder until the corpus changes."""
    stamp = _stamp([*training, *validation])
    kept = output / "rows.npz"
    if kept.is_file():
        with np.load(kept) as held:
            if str(held["stamp"]) == stamp:
                return Rows(held["train"], held["train_starts"]), Rows(held["valid"], held["valid_starts"])
    say("reading the corpus into rows; this is done once")
    rows, valid_rows = (
        make_rows([item.piece for item in part], workers, [SOURCE_STYLES.get(item.source, "") for item in part])
        for part in (training, validation)
    )
    output.mkdir(parents=True, exist_ok=True)
    np.savez(
        kept,
        stamp=stamp,
        train=rows.table,
        train_starts=rows.starts,
        valid=valid_rows.table,
        valid_starts=valid_rows.starts,
    )
    return rows, valid_rows


def _stamp(items: list[Item]) -> str:
    """Tells one corpus, in one order and split, from another."""
    digest = hashlib.sha256(str(WIDTH).encode())
    for item in items:
        digest.update(f"{item.split} {item.piece.programs}".encode())
        for array in (item.piece.events, item.piece.bar_steps, item.piece.bar_bpm):
            digest.update(array.tobytes())
    return digest.hexdigest()


def _torch_fit() -> Any:
    try:
        from gen_core.training import fit
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise UsageError("training needs torch, which is not installed", "pip install 'limonaire[train]'") from None
    return fit
