"""Train the network: one command, one seed, resumable, on the CPU or on a GPU where there is one."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from torch import Tensor

from gen_core.sequence import vocabulary as v
from gen_core.spec.errors import UsageError
from gen_core.training.columns import SLICES, TARGETS, Rows, untold
from gen_core.training.network import Network, Shape, nats
from gen_core.training.optimizer import Optimizer
from gen_core.training.plan import SOURCE_SHARES, Plan
from gen_core.training.stream import Streams, piece_weights

__all__ = ["SOURCE_SHARES", "Plan", "Shape", "excerpts", "fit", "piece_weights", "quick_validation", "save_weights"]

SAY_EVERY = 20  # updates


def tensors(
    table: NDArray[np.int16], begins: NDArray[np.bool_], device: str
) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Rows (T, B, WIDTH) → columns of each input, targets (T, B, 6), keep (T, B, 1)."""
    rows = torch.from_numpy(table).to(device).int()
    columns = {name: rows[..., part] for name, part in SLICES.items()}
    keep = torch.from_numpy(~begins).to(device).float()[..., None]
    return columns, rows[..., TARGETS].long(), keep


class Run:
    """A training run as it stands: network, optimiser, stream, carried state, curve, and the best weights so far."""

    def __init__(self, train: Rows, weights: NDArray[np.float64], plan: Plan, shape: Shape) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.shape = plan, shape
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.network = Network(shape).to(self.device)
        self.streams = Streams(train, weights, plan.batch, plan.seed)
        self.optimizer = Optimizer(self.network, plan.rate, plan.weight_decay)
        self.state = self.network.start(plan.batch).to(self.device)
        self.step = 0
        self.curve: list[tuple[int, str, float]] = []  # step, "train" or "valid", nats a note
        self.best: tuple[float, dict[str, Tensor]] = (float("inf"), {})
        self.stale = 0  # validations since the best

    def update(self) -> NDArray[np.float64]:
        """One step over `batch` × `length` events; returns (nats, notes)."""
        plan = self.plan
        self.optimizer.set_rate(plan.rate_at(self.step))
        table, begins, given = self.streams.next(plan.length)
        columns, targets, keep = tensors(table, begins, self.device)
        known = torch.from_numpy(given).to(self.device)
        with torch.autocast(self.device, torch.bfloat16, enabled=plan.bfloat16):
            h, state = self.network.trunk(columns["trunk"], keep, self.state)
            total = sum(nats(self.network, columns, targets, h, known).values(), torch.zeros((), device=self.device))
        notes = int((targets[..., 0] != v.BAR).sum())
        self.optimizer.zero_grad()
        (total / max(notes, 1)).backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.state, self.step = state.detach(), self.step + 1
        return np.array([total.item(), notes])

    def judge(self, excerpts: NDArray[np.int16]) -> float:
        """Validation in nats a note; keeps the weights where they are the best so far."""
        self.network.eval()
        figure = quick_validation(self.network, excerpts, self.device)
        self.network.train()
        self.keep(figure)
        return figure

    def keep(self, figure: float) -> None:
        """Note a validation, and keep the weights where they are the best so far."""
        self.curve.append((self.step, "valid", figure))
        self.stale += 1
        if figure < self.best[0]:
            self.best = figure, {name: t.detach().clone() for name, t in self.network.state_dict().items()}
            self.stale = 0

    def save(self, path: Path) -> None:
        """Everything that `load` needs, and beside it what a person may read."""
        readable = {"step": self.step, "curve": self.curve, "plan": asdict(self.plan), "shape": asdict(self.shape)}
        parts = {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict(), "state": self.state}
        bits = {key: self.streams.__dict__[key] for key in Streams.MOVING}
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        torch.save(parts | {"streams": bits, "best": self.best, "stale": self.stale} | readable, part)
        part.replace(path)
        path.with_suffix(".json").write_text(json.dumps(readable))

    def load(self, path: Path) -> None:
        """Go on where `save` left off. UsageError unless plan and shape are those of now; a run may be made longer."""
        saved: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=False)
        wanted = asdict(self.plan) | {"steps": saved["plan"]["steps"]}
        if saved["plan"] != wanted or saved["shape"] != asdict(self.shape):
            raise UsageError(f"{path} belongs to a run with another seed, plan or shape", "choose another folder")
        self.network.load_state_dict(saved["network"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.streams.__dict__.update(saved["streams"])
        self.state, self.step, self.curve = saved["state"], saved["step"], saved["curve"]
        self.best, self.stale = saved["best"], saved["stale"]


def fit(
    train: Rows,
    weights: NDArray[np.float64],
    valid: Rows,
    plan: Plan,
    shape: Shape,
    checkpoint: Path,
    say: Callable[[str], None],
    start: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Network:
    """Train until plan.steps, or until nothing is gained, saving to `checkpoint` and going on from it where it exists.

    `weights` (pieces,): the chance of each. `start`: weights to begin with. Returns the network with the best weights.
    Raises UsageError where the checkpoint is of another run, or `start` of another shape.
    """
    run = Run(train, weights, plan, shape)
    if checkpoint.is_file():
        run.load(checkpoint)
        say(f"going on from step {run.step} of {checkpoint.name}")
    elif start:
        load_weights(run.network, start)
    count = sum(p.numel() for p in run.network.parameters())
    say(f"{count:,} parameters on {run.device}, {plan.steps - run.step} steps")
    judged, sums, began, first = excerpts(valid, plan), np.zeros(2), time.monotonic(), run.step
    while run.step < plan.steps and run.stale < plan.patience:
        sums += run.update()
        progress(run.step, plan.steps)
        if run.step % SAY_EVERY == 0:
            speed = (run.step - first) * plan.batch * plan.length / (time.monotonic() - began)
            epoch_s = len(train.table) / speed
            say(f"step {run.step}: {sums[0] / sums[1]:.4f} nats a note, {speed:.0f} events/s, an epoch {epoch_s:.0f} s")
            run.curve.append((run.step, "train", sums[0] / sums[1]))
            sums[:] = 0
        last = run.step == plan.steps
        if run.step % plan.valid_every == 0 or last:
            say(f"step {run.step}: validation {run.judge(judged):.4f} nats a note")
        if run.step % plan.save_every == 0 or last or run.stale == plan.patience:
            run.save(checkpoint)
    run.network.load_state_dict(run.best[1])
    return run.network.eval()


def has_bfloat16() -> bool:
    """Whether matrix products in bfloat16 are fast here: a GPU, or a processor with AVX512-BF16 or AMX."""
    cpu: Any = torch.cpu
    return torch.cuda.is_available() or bool(cpu._is_avx512_bf16_supported())


def excerpts(valid: Rows, plan: Plan) -> NDArray[np.int16]:
    """The first events of pieces spread over the split, nothing told: rows (T, valid_lines, WIDTH).

    T is valid_length, or the length of the longest piece where all are shorter.
    """
    lengths = np.diff(valid.starts)
    length = min(plan.valid_length, int(lengths.max()))
    long = np.flatnonzero(lengths >= length)
    chosen = long[np.linspace(0, len(long) - 1, plan.valid_lines).astype(int)]
    return untold(np.stack([valid.table[valid.starts[i] : valid.starts[i] + length] for i in chosen], axis=1))


@torch.no_grad()
def quick_validation(network: Network, table: NDArray[np.int16], device: str) -> float:
    """Nats a note over excerpts (T, B, WIDTH); for curves, and quick: `evaluate` judges whole pieces."""
    columns, targets, keep = tensors(table, np.zeros(table.shape[:2], bool), device)
    h, _ = network.trunk(columns["trunk"], keep, network.start(table.shape[1]).to(device))
    total = sum(float(part) for part in nats(network, columns, targets, h).values())
    return total / int((targets[..., 0] != v.BAR).sum())


def save_weights(network: Network, path: Path, metadata: dict[str, str]) -> None:
    """Every tensor as float16 safetensors."""
    tensors = {name: tensor.detach().cpu().numpy().astype(np.float16) for name, tensor in network.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata)


def load_weights(network: Network, path: Path) -> None:
    """Begin with the weights of a file that `save_weights` wrote. Raises UsageError where they are of another shape."""
    tensors = {name: torch.from_numpy(array.astype(np.float32)) for name, array in load_file(path).items()}
    try:
        network.load_state_dict(tensors)
    except RuntimeError:
        raise UsageError(f"{path} holds a network of another shape", "start from weights of this version") from None
