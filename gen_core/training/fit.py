"""Train the network: one command, one seed, resumable, on the CPU or on a GPU where there is one."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from torch import Tensor

from gen_core.sequence import vocabulary as v
from gen_core.spec.errors import UsageError
from gen_core.training.columns import SLICES, TARGETS, Rows, untold
from gen_core.training.network import Network, Shape, nats
from gen_core.training.stream import Streams, piece_weights

__all__ = ["SOURCE_SHARES", "Plan", "Shape", "excerpts", "fit", "piece_weights", "quick_validation", "save_weights"]

SOURCE_SHARES = {  # of what the network hears: game music and drums 0.31, though they are a twelfth of the notes
    "freedoom_music": 0.14, "helland_free_music": 0.05, "groove_drums": 0.12, "openscore_lieder": 0.17, "mutopia": 0.17,
    "openscore_quartets": 0.13, "openscore_orchestra": 0.10, "jsb_chorales": 0.04, "pd_songs": 0.03, "pd_carols": 0.025,
    "open_hymnal": 0.025,
}  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """How long, how fast, how wide."""

    steps: int = 3000
    batch: int = 32  # lines read side by side
    length: int = 192  # events between two updates
    rate: float = 3e-3
    warmup: int = 150
    decay: float = 0.3  # the last part of the steps, over which the rate falls to nothing
    weight_decay: float = 0.05
    seed: int = 1
    bfloat16: bool = False  # matrix products in bfloat16, where the processor has them
    valid_lines: int = 32
    valid_length: int = 1024
    valid_every: int = 300
    save_every: int = 100

    def rate_at(self, step: int) -> float:
        """Warm-up, plateau, then a fall of the shape 1 - sqrt, which leaves the length of the plateau open."""
        begin = self.steps * (1 - self.decay)
        fall = 1.0 if step < begin else 1 - ((step - begin) / (self.steps - begin)) ** 0.5
        return self.rate * min(1.0, (step + 1) / self.warmup) * fall


def tensors(
    table: NDArray[np.int16], begins: NDArray[np.bool_], device: str
) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Rows (T, B, WIDTH) → columns of each input, targets (T, B, 6), keep (T, B, 1)."""
    rows = torch.from_numpy(table).to(device).int()
    columns = {name: rows[..., part] for name, part in SLICES.items()}
    keep = torch.from_numpy(~begins).to(device).float()[..., None]
    return columns, rows[..., TARGETS].long(), keep


def fit(
    train: Rows,
    weights: NDArray[np.float64],
    valid: Rows,
    plan: Plan,
    shape: Shape,
    checkpoint: Path,
    say: Callable[[str], None],
) -> Network:
    """Train until plan.steps, saving to `checkpoint` and going on from it where it exists.

    `weights` (pieces,): the chance of each. Raises UsageError where the checkpoint is of another run.
    """
    torch.manual_seed(plan.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = Network(shape).to(device)
    streams = Streams(train, weights, plan.batch, plan.seed)
    optimizer = torch.optim.AdamW(_groups(network, plan.weight_decay), lr=plan.rate, betas=(0.9, 0.98))
    state = network.start(plan.batch).to(device)
    first, curve = 0, []
    if checkpoint.is_file():
        saved = _load(checkpoint, plan, shape)
        network.load_state_dict(saved["network"])
        optimizer.load_state_dict(saved["optimizer"])
        streams.__dict__.update(saved["streams"])
        state, first, curve = saved["state"].to(device), saved["step"], saved["curve"]
        say(f"going on from step {first} of {checkpoint.name}")
    say(f"{sum(p.numel() for p in network.parameters()):,} parameters on {device}, {plan.steps - first} steps")
    heard, began = 0.0, time.monotonic()
    sums, judged = np.zeros(2), excerpts(valid, plan)
    for step in range(first, plan.steps):
        for group in optimizer.param_groups:
            group["lr"] = plan.rate_at(step)
        loss, notes, state = _update(network, optimizer, streams, state, plan, device)
        sums += loss, notes
        heard += plan.batch * plan.length
        if (step + 1) % 20 == 0:
            speed = heard / (time.monotonic() - began)
            say(f"step {step + 1}: {sums[0] / sums[1]:.4f} nats a note, {speed:.0f} events a second")
            curve.append((step + 1, "train", sums[0] / sums[1]))
            sums[:] = 0
        if (step + 1) % plan.valid_every == 0 or step + 1 == plan.steps:
            figure = quick_validation(network, judged, device)
            curve.append((step + 1, "valid", figure))
            say(f"step {step + 1}: validation {figure:.4f} nats a note")
        if (step + 1) % plan.save_every == 0 or step + 1 == plan.steps:
            rest = {"step": step + 1, "curve": curve, "plan": asdict(plan), "shape": asdict(shape)}
            bits = {key: streams.__dict__[key] for key in Streams.MOVING}
            parts = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "streams": bits}
            _save({**parts, "state": state, **rest}, checkpoint)
            checkpoint.with_suffix(".json").write_text(json.dumps(rest))
    return network


def _update(
    network: Network, optimizer: torch.optim.Optimizer, streams: Streams, state: Tensor, plan: Plan, device: str
) -> tuple[float, int, Tensor]:
    table, begins, given = streams.next(plan.length)
    columns, targets, keep = tensors(table, begins, device)
    with torch.autocast(device, torch.bfloat16, enabled=plan.bfloat16):
        h, state = network.trunk(columns["trunk"], keep, state)
        known = torch.from_numpy(given).to(device)
        total = sum(nats(network, columns, targets, h, known).values(), torch.zeros((), device=device))
    notes = int((targets[..., 0] != v.BAR).sum())
    optimizer.zero_grad(set_to_none=True)
    (total / notes).backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return total.item(), notes, state.detach()


def excerpts(valid: Rows, plan: Plan) -> NDArray[np.int16]:
    """The first events of pieces spread over the split, no wish given: rows (T, valid_lines, WIDTH).

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


def _groups(network: Network, weight_decay: float) -> list[dict[str, Any]]:
    """Matrices decay; norms, biases and embedding rows do not."""
    matrices = [p for name, p in network.named_parameters() if p.dim() == 2 and not name.endswith("table")]
    others = [p for name, p in network.named_parameters() if p.dim() != 2 or name.endswith("table")]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def _load(path: Path, plan: Plan, shape: Shape) -> dict[str, Any]:
    """What `_save` wrote. UsageError unless plan and shape are those of now; a run may be made longer."""
    saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=False)
    wanted = asdict(plan) | {"steps": saved["plan"]["steps"]}
    if saved["plan"] != wanted or saved["shape"] != asdict(shape):
        raise UsageError(f"{path} belongs to a run with another seed, plan or shape", "choose another folder")
    return saved


def _save(saved: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(saved, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)
