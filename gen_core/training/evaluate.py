"""The figure that judges a composer: nats per note, beside what counting alone reaches. Needs no torch.

All six fields of every note and every bar line are charged; ensemble, meter and tempo are given, no wish is. A note
that the grid drops costs the entropy of the unigrams, for network and baseline alike, and counts as a note.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.sequence import vocabulary as v
from gen_core.sequence.sampler import StepModel
from gen_core.training.baseline import Baseline
from gen_core.training.columns import SLICES, TARGETS, piece_rows, untold
from gen_core.training.corpus import SPLITS, Item, read_corpus
from gen_core.training.splits import Judged, difference, interval, rates


@dataclass
class _Sum:
    """Totals of one source."""

    notes: int = 0
    dropped: int = 0
    model: float = 0.0
    baseline: float = 0.0

    def figures(self, dropped_nats: float) -> dict[str, float]:
        extra = self.dropped * dropped_nats
        model, baseline = (self.model + extra) / self.notes, (self.baseline + extra) / self.notes
        return {
            "notes": self.notes,
            "nats_per_note": round(model, 4),
            "baseline_nats_per_note": round(baseline, 4),
            "below_baseline_percent": round(100 * (1 - model / baseline), 1),
        }


def evaluate(
    model: StepModel,
    baseline: Baseline,
    folder: Path,
    split: str = "all",
    lanes: int = 1,
    say: Callable[[str], None] = lambda line: None,
    against: str = "",
) -> dict[str, Any]:
    """Judge `model` on the MIDI files of `folder`; plain data for JSON.

    `lanes`: pieces read side by side. An int8 model wants 1, as on a board, because it scales its activations over all
    that it is given at once. `against`: another split to be judged as well, and how far the two lie apart.
    """
    report, judged = _judge(model, baseline, folder, split, lanes, say)
    if against:
        other, others = _judge(model, baseline, folder, against, lanes, say)
        kept = ("split", "pieces", "notes", "nats_per_note", "interval", "baseline_nats_per_note")
        report["against"] = {name: other[name] for name in kept} | difference(judged, others)
    return report


def _judge(
    model: StepModel, baseline: Baseline, folder: Path, split: str, lanes: int, say: Callable[[str], None]
) -> tuple[dict[str, Any], list[Judged]]:
    """The report of one split, and what each piece of it cost."""
    items, skipped = read_corpus(folder, SPLITS if split == "all" else (split,))
    sums: dict[str, _Sum] = defaultdict(_Sum)
    fields = dict.fromkeys(v.FIELDS, 0.0)
    judged: list[Judged] = []
    for done, (item, rows, nats) in enumerate(_judged(model, items, lanes), start=1):
        mine = sums[item.source]
        loss, cost, counted = item.piece.loss, float(nats.sum()), float(baseline.nats(rows).sum())
        mine.notes += loss.notes
        mine.dropped += loss.dropped
        mine.model += cost
        mine.baseline += counted
        extra = loss.dropped * baseline.dropped_nats
        judged.append(Judged(item.source, loss.notes, cost + extra, counted + extra))
        for field, part in zip(v.FIELDS, nats.sum(axis=0), strict=True):
            fields[field] += float(part)
        if done % 20 == 0:
            say(f"judged {done} of {len(items)} pieces ({split})")
    whole = _Sum(*(sum(getattr(s, name) for s in sums.values()) for name in ("notes", "dropped", "model", "baseline")))
    losses = [item.piece.loss for item in items]
    report = whole.figures(baseline.dropped_nats) | {
        "split": split,
        "interval": interval(rates(judged)[1][:, 0]),
        "pieces": len(items),
        "fields": {field: round(total / whole.notes, 4) for field, total in fields.items()},
        "sources": {source: sums[source].figures(baseline.dropped_nats) for source in sorted(sums)},
        "grid": {name: sum(getattr(loss, name) for loss in losses) for name in ("dropped", "clipped", "shifted")},
        "skipped": [{"file": file.name, "reason": file.reason} for file in skipped],
    }
    return report, judged


def _judged(model: StepModel, items: Sequence[Item], lanes: int) -> Any:
    """(item, rows, nats) of every piece, `lanes` pieces at a time, those of like length together."""
    order = sorted(items, key=lambda item: len(item.piece.events))
    for at in range(0, len(order), lanes):
        group = order[at : at + lanes]
        tables = [untold(piece_rows(item.piece)) for item in group]
        yield from zip(group, tables, model_nats(model, tables), strict=True)


def model_nats(model: StepModel, tables: Sequence[NDArray[np.int16]]) -> list[NDArray[np.float64]]:
    """-log p of every field of every row, (rows, 6) a piece; the pieces are stepped side by side."""
    out = [np.zeros((len(table), len(v.FIELDS))) for table in tables]
    lanes = list(range(len(tables)))
    state = model.start(len(lanes))
    for step in range(max(len(table) for table in tables)):
        going = [lane for lane in lanes if step < len(tables[lane])]
        if len(going) < len(lanes):
            state = np.ascontiguousarray(state[:, [lanes.index(lane) for lane in going]])
            lanes = going
        rows = np.stack([tables[lane][step] for lane in lanes])
        nats, state = _step_nats(model, rows, state)
        for lane, figures in zip(lanes, nats, strict=True):
            out[lane][step] = figures
    return out


def _step_nats(
    model: StepModel, rows: NDArray[np.int16], state: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """rows (lanes, WIDTH) → nats (lanes, 6), next state."""
    targets = rows[:, TARGETS]
    nats = np.zeros((len(rows), len(v.FIELDS)))
    h, delta, state = model.trunk(rows[:, SLICES["trunk"]], state)
    nats[:, 0] = _surprise(delta, targets[:, 0])
    notes = targets[:, 0] != v.BAR
    if notes.any():
        h, rows, targets = h[notes], rows[notes], targets[notes]
        for index, field in enumerate(v.FIELDS[1:], start=1):
            nats[notes, index] = _surprise(model.head(field, h, rows[:, SLICES[field]]), targets[:, index])
    return nats, state


def _surprise(logits: NDArray[np.float32], targets: NDArray[np.int16]) -> NDArray[np.float64]:
    """-log softmax(logits)[target], row by row."""
    wide = logits.astype(np.float64)
    top = wide.max(axis=1)
    chosen = wide[np.arange(len(wide)), targets]
    return np.asarray(np.log(np.exp(wide - top[:, None]).sum(axis=1)) + top - chosen)
