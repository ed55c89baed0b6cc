"""How well a model foretells the published chorales: nats per note of the raster. Needs no torch.

One piece at a time and one note at a time, as on a board, so that int8 graphs scale their activations as they do there.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.sequence import vocabulary as v
from gen_core.sequence.sampler import StepModel
from gen_core.training.chorales import Raster, allowed, chorale_rows, read_chorales, upbeat_nats
from gen_core.training.columns import SLICES, TARGETS

CHARGED = ("pitch", "duration")  # the form leaves no choice of the other fields


def evaluate_chorales(
    model: StepModel, source: Path, split: str = "all", say: Callable[[str], None] = lambda line: None
) -> dict[str, Any]:
    """Figures of the split, or of `valid` and `test`, of the published data at `source`: `chorales.read_chorales`."""
    rasters = read_chorales(source)
    splits = ("valid", "test") if split == "all" else (split,)
    return {name: chorale_figure(model, rasters[name], say) for name in splits}


def chorale_figure(
    model: StepModel, rasters: Sequence[Raster], say: Callable[[str], None] = lambda line: None
) -> dict[str, Any]:
    """Nats per raster note and per sixteenth of `rasters`, nothing told, and where they go; plain data for JSON."""
    sums = dict.fromkeys(("upbeat", *v.FIELDS[:4]), 0.0)
    events = 0
    for done, raster in enumerate(rasters, start=1):
        nats = note_nats(model, chorale_rows([raster]).table)
        sums["upbeat"] += upbeat_nats(raster)
        for field, total in zip(CHARGED, nats.sum(axis=0), strict=True):
            sums[field] += float(total)
        events += len(nats)
        if done % 20 == 0:
            say(f"{done} of {len(rasters)} chorales")
    cells, frames = sum(raster.size for raster in rasters), sum(len(raster) for raster in rasters)
    total = sum(sums.values())
    return {
        "nats_per_note": round(total / cells, 4),
        "nats_per_frame": round(total / frames, 4),
        "pieces": len(rasters),
        "notes": cells,
        "frames": frames,
        "events": events,
        "fields": {field: round(figure / cells, 4) for field, figure in sums.items()},
    }


def note_nats(model: StepModel, rows: NDArray[np.int16]) -> NDArray[np.float64]:
    """Rows (events, WIDTH) of one piece → -log p of key and duration of its notes, (notes, 2)."""
    notes = rows[rows[:, TARGETS.start] != v.BAR]
    keys, durations = allowed(notes)
    hidden = _hidden(model, rows)
    nats = np.empty((len(notes), len(CHARGED)))
    for i, h in enumerate(hidden):
        for j, (field, mask) in enumerate(zip(CHARGED, (keys[i], durations), strict=True)):
            logits = model.head(field, h, notes[i : i + 1, SLICES[field]])[0]
            nats[i, j] = surprise(logits, mask, int(notes[i, TARGETS.start + v.FIELDS.index(field)]))
    return nats


def _hidden(model: StepModel, rows: NDArray[np.int16]) -> list[NDArray[np.float32]]:
    """What the heads are given before each note: h (1, width), a note."""
    hidden, state = [], model.start(1)
    for i in range(len(rows)):
        h, _, state = model.trunk(rows[i : i + 1, SLICES["trunk"]], state)
        if rows[i, TARGETS.start] != v.BAR:
            hidden.append(h)
    return hidden


def surprise(logits: NDArray[np.float32], mask: NDArray[np.bool_], target: int) -> float:
    """-log of the softmax of `logits` (classes,) over the classes in `mask` (classes,), at `target`, one of them."""
    left = np.where(mask, logits.astype(np.float64), -np.inf)
    top = left.max()
    return float(np.log(np.exp(left - top).sum()) + top - left[target])
