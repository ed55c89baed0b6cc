"""Train a small network on the published chorales, in their canonical form: `gen_core.training.chorales`.

Only what is charged is learnt: key and duration, over the choices that the form leaves. Every visit to a piece
transposes it to where each voice stays within what that voice sings somewhere in the split.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from gen_core.sequence import vocabulary as v
from gen_core.training.chorale_figure import CHARGED
from gen_core.training.chorales import Raster, allowed, chorale_rows, read_chorales, upbeat_nats
from gen_core.training.columns import TARGETS, WIDTH, Rows, transpose
from gen_core.training.fit import Run, has_bfloat16, load_weights, save_weights, tensors
from gen_core.training.four_voices import corpus_rasters
from gen_core.training.network import Shape
from gen_core.training.plan import Plan
from gen_core.training.stream import Streams, piece_weights
from gen_core.training.train import FORMAT

SHAPE = Shape(width=128, blocks=4, hidden=256, head=96, dropout=0.15)
PLAN = Plan(steps=1600, batch=16, rate=3e-3, warmup=50, decay=0.5, valid_every=100)
FARTHEST = 6  # semitones of a transposition
LANES = 19  # pieces judged side by side


@dataclass
class ChoraleStreams(Streams):
    """Lines through chorales: nothing is told, nothing given, and every voice stays within its range."""

    reach: NDArray[np.int64] = field(init=False)  # (pieces, 2): lowest and highest transposition

    def __post_init__(self) -> None:
        super().__post_init__()
        self.reach = transpositions(self.rows)

    def _draw(self, line: int) -> None:
        piece = self.rng.choice(len(self.weights), p=self.weights)
        self.at[line], self.end[line] = self.rows.starts[piece : piece + 2]
        low, high = self.reach[piece]
        self.shift[line] = self.rng.integers(low, high + 1)

    def _vary(self, rows: NDArray[np.int16], shift: int) -> None:
        transpose(rows, np.full(len(rows), shift))


def transpositions(rows: Rows) -> NDArray[np.int64]:
    """Lowest and highest transposition of each piece that leaves every part within its range in `rows`. (pieces, 2)"""
    ranges = np.array([_ranges(rows.table[a:b, TARGETS]) for a, b in zip(rows.starts, rows.starts[1:], strict=False)])
    low, high = ranges[..., 0], ranges[..., 1]  # (pieces, parts)
    down, up = (low.min(axis=0) - low).max(axis=1), (high.max(axis=0) - high).min(axis=1)
    return np.stack([np.maximum(down, -FARTHEST), np.minimum(up, FARTHEST)], axis=1)


def _ranges(events: NDArray[np.int16]) -> list[tuple[int, int]]:
    sung = events[(events[:, 0] != v.BAR) & (events[:, 2] < v.PITCHES)]
    voices = [sung[sung[:, 1] == part, 2] for part in range(int(sung[:, 1].max()) + 1)]
    return [(int(keys.min()), int(keys.max())) for keys in voices]


class ChoraleRun(Run):
    """A run that learns what is charged. The optimiser, the carried state and the checkpoint are `Run`'s."""

    def __init__(self, train: Rows, weights: NDArray[np.float64], plan: Plan, shape: Shape) -> None:
        super().__init__(train, weights, plan, shape)
        self.streams = ChoraleStreams(train, weights, plan.batch, plan.seed)

    def loss(self, table: NDArray[np.int16], begins: NDArray[np.bool_], state: Tensor) -> tuple[Tensor, Tensor]:
        """Rows (T, B, WIDTH) → sum of nats of key and duration, next state."""
        columns, targets, keep = tensors(table, begins, self.device)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.plan.bfloat16 and self.network.training):
            h, state = self.network.trunk(columns["trunk"], keep, state)
            notes = targets[..., 0] != v.BAR
            left = allowed(table[notes.cpu().numpy()])
            total = torch.zeros((), device=self.device)
            for name, mask in zip(CHARGED, left, strict=True):
                logits = self.network.heads[name](h[notes], columns[name][notes]).float()
                logits = logits.masked_fill(~torch.from_numpy(mask).to(self.device), -1e9)
                total = total + F.cross_entropy(logits, targets[notes][:, v.FIELDS.index(name)], reduction="sum")
        return total, state

    def update(self) -> NDArray[np.float64]:
        """One step over `batch` × `length` events; returns (nats, notes)."""
        self.optimizer.set_rate(self.plan.rate_at(self.step))
        table, begins, _ = self.streams.next(self.plan.length)
        total, state = self.loss(table, begins, self.state)
        notes = int((table[..., TARGETS.start] != v.BAR).sum())
        self.optimizer.zero_grad()
        (total / max(notes, 1)).backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.state, self.step = state.detach(), self.step + 1
        return np.array([total.item(), notes])

    @torch.no_grad()
    def nats(self, rows: Rows) -> float:
        """Sum over whole pieces, LANES side by side; shorter ones are filled up with bar lines, which cost nothing."""
        pieces = sorted((rows.table[a:b] for a, b in zip(rows.starts, rows.starts[1:], strict=False)), key=len)
        total = 0.0
        for at in range(0, len(pieces), LANES):
            group = pieces[at : at + LANES]
            table = np.zeros((max(map(len, group)), len(group), WIDTH), np.int16)
            table[..., TARGETS.start] = v.BAR
            for lane, piece in enumerate(group):
                table[: len(piece), lane] = piece
            start = self.network.start(len(group)).to(self.device)
            total += self.loss(table, np.zeros(table.shape[:2], bool), start)[0].item()
        return total

    def judge_pieces(self, rows: Rows, rasters: Sequence[Raster]) -> float:
        """Nats per raster note of a split; keeps the weights where they are the best so far."""
        self.network.eval()
        upbeats = sum(upbeat_nats(raster) for raster in rasters)
        figure = (self.nats(rows) + upbeats) / sum(raster.size for raster in rasters)
        self.network.train()
        self.keep(figure)
        return figure


def train_chorales(
    source: Path,
    output: Path,
    seed: int = 1,
    steps: int | None = None,
    say: Callable[[str], None] = print,
    start: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    corpus: Path | None = None,
) -> dict[str, Any]:
    """Train on the split `train` at `source`, choose by `valid`, leave weights in `output`; goes on after a kill.

    `start`: weights of the same shape to begin with. `corpus`: a folder of MIDI files whose four-part pieces are heard
    as much as the chorales. Raises UsageError without the published data.
    """
    rasters = read_chorales(source)
    others = corpus_rasters(corpus) if corpus else []
    training = [*rasters["train"], *others]
    rows = chorale_rows(training)
    sources = ["chorales"] * len(rasters["train"]) + ["others"] * len(others)
    weights = piece_weights(rows, sources, {"chorales": 1.0, "others": 1.0})
    plan = replace(PLAN, seed=seed, steps=steps or PLAN.steps, bfloat16=has_bfloat16())
    valid = chorale_rows(rasters["valid"])
    run, checkpoint = ChoraleRun(rows, weights, plan, SHAPE), output / "checkpoint.pt"
    if checkpoint.is_file():
        run.load(checkpoint)
        say(f"going on from step {run.step} of {checkpoint.name}")
    elif start:
        load_weights(run.network, start)
    sums, cells_an_event = np.zeros(2), _cells_an_event(training, rows)
    while run.step < plan.steps:
        sums += run.update()
        progress(run.step, plan.steps)
        if run.step % plan.valid_every == 0 or run.step == plan.steps:
            heard = sums[0] / sums[1] / cells_an_event
            figure = run.judge_pieces(valid, rasters["valid"])
            say(f"step {run.step}: {heard:.4f} nats per raster note, validation {figure:.4f}")
            run.save(checkpoint)
            sums[:] = 0
    run.network.load_state_dict(run.best[1])
    count = sum(p.numel() for p in run.network.parameters())
    heard_of = f"{len(rasters['train'])} chorales, {len(others)} others"
    metadata = {"format": FORMAT, "plan": json.dumps(asdict(plan)), "data": heard_of}
    save_weights(run.network, output / "weights.safetensors", metadata)
    return {"output": str(output), "parameters": count, "valid_nats_per_note": round(run.best[0], 4)}


def _cells_an_event(rasters: Sequence[Raster], rows: Rows) -> float:
    notes = int((rows.table[:, TARGETS.start] != v.BAR).sum())
    return sum(raster.size for raster in rasters) / notes
