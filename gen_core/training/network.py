"""The composer's network: minGRU blocks over notes, and six small heads, each told the fields before it.

One recurrent step a note. A block is a minimal gated recurrence (Feng et al., "Were RNNs all we needed?", 2024:
h = (1 - z) h + z c with z and c functions of the input alone) and a SwiGLU layer (Shazeer, "GLU variants improve
transformer", 2020), each behind an RMS norm. Inputs are sums of embedding rows (`sequence.layout`); the export draws
the same arithmetic, and `tests/export/test_sequence.py` holds both to the same numbers.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gen_core.sequence import vocabulary as v
from gen_core.sequence.layout import HEADS, KEY_COLUMNS, KINDS, PARTS, TRUNK, Column, offsets

NORM_EPSILON = 1e-6


@dataclass(frozen=True)
class Shape:
    """Sizes of the network."""

    width: int = 192
    blocks: int = 4
    hidden: int = 384  # of the SwiGLU layer
    head: int = 160
    dropout: float = 0.0  # while training, of what is added to the stream and of the heads' hidden layer


class _Scan(torch.autograd.Function):
    """h[t] = a[t] h[t-1] + b[t] along the first axis. A loop: beside the matrix products it costs nothing."""

    @staticmethod
    def forward(ctx, a: Tensor, b: Tensor, start: Tensor) -> Tensor:  # type: ignore[no-untyped-def, override]
        states = torch.empty_like(b)
        h = start
        for t in range(len(b)):
            h = torch.addcmul(b[t], a[t], h, out=states[t])
        ctx.save_for_backward(a, states, start)
        return states

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor, None]:  # type: ignore[no-untyped-def, override]
        a, states, start = ctx.saved_tensors
        grad_b = torch.empty_like(grad)
        running = torch.zeros_like(start)
        for t in range(len(grad) - 1, -1, -1):
            running = torch.add(grad[t], running, out=grad_b[t])
            running = running * a[t]
        before = torch.cat([start[None], states[:-1]])
        return grad_b * before, grad_b, None


class RowSum(nn.Module):
    """Class numbers (…, columns) → sum of their embedding rows (…, width)."""

    starts: Tensor

    def __init__(self, columns: tuple[Column, ...], width: int) -> None:
        super().__init__()
        starts, rows = offsets(columns)
        self.register_buffer("starts", torch.tensor(starts), persistent=False)
        self.table = nn.Parameter(torch.randn(rows, width) * (0.5 / len(columns) ** 0.5))

    def forward(self, columns: Tensor) -> Tensor:
        """columns (…, k) → sum of their rows (…, width)."""
        flat = (columns + self.starts).reshape(-1, columns.shape[-1])
        return F.embedding_bag(flat, self.table, mode="sum").reshape(*columns.shape[:-1], -1)


class Block(nn.Module):
    """Gated recurrence, then SwiGLU; both add to the stream."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.norm_time = nn.RMSNorm(shape.width, eps=NORM_EPSILON)
        self.gates = nn.Linear(shape.width, 2 * shape.width)
        self.out = nn.Linear(shape.width, shape.width, bias=False)
        self.norm_depth = nn.RMSNorm(shape.width, eps=NORM_EPSILON)
        self.up = nn.Linear(shape.width, 2 * shape.hidden, bias=False)
        self.down = nn.Linear(shape.hidden, shape.width, bias=False)
        self.drop = nn.Dropout(shape.dropout)

    def forward(self, x: Tensor, keep: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
        """x (T, B, width), keep (T, B, 1) zero where a piece begins, start (B, width) → x, last state (B, width)."""
        update, candidate = self.gates(self.norm_time(x)).float().chunk(2, dim=-1)
        update = torch.sigmoid(update)
        states = _Scan.apply((1 - update) * keep, update * candidate, start)
        x = x + self.drop(self.out(states))
        gate, value = self.up(self.norm_depth(x)).chunk(2, dim=-1)
        return x + self.drop(self.down(F.silu(gate) * value)), states[-1]


class Head(nn.Module):
    """silu(W h + rows) → logits of one field."""

    def __init__(self, field: str, shape: Shape) -> None:
        super().__init__()
        self.rows = RowSum(HEADS[field], shape.head) if HEADS[field] else None
        self.hidden = nn.Linear(shape.width, shape.head)
        self.logits = nn.Linear(shape.head, v.SIZES[field])
        self.drop = nn.Dropout(shape.dropout)

    def forward(self, h: Tensor, columns: Tensor) -> Tensor:
        """h (…, width), columns (…, k) → logits (…, classes)."""
        z = self.hidden(h)
        return self.logits(self.drop(F.silu(z if self.rows is None else z + self.rows(columns))))


class PartHead(nn.Module):
    """Which part plays: a query against one key a part, so that parts are told apart by what they are and did."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.rows = RowSum(HEADS["part"][:2], shape.head)
        self.hidden = nn.Linear(shape.width, shape.head)
        self.query = nn.Linear(shape.head, shape.head)
        self.keys = RowSum(KEY_COLUMNS, shape.head)

    def forward(self, h: Tensor, columns: Tensor) -> Tensor:
        """columns (…, 2 + 3 × parts): delta, position, since, remaining, ensemble. Absent parts get -1e9."""
        query = self.query(F.silu(self.hidden(h) + self.rows(columns[..., :2])))
        since, remaining, ensemble = columns[..., 2:].unflatten(-1, (3, v.MAX_PARTS)).unbind(-2)
        slot = torch.tensor(PARTS, device=columns.device).expand_as(since)
        keys = self.keys(torch.stack([slot, since, remaining, ensemble], dim=-1))
        logits = (keys * query[..., None, :]).sum(-1)
        return logits.masked_fill(ensemble == KINDS["program"] - 1, -1e9)


class Network(nn.Module):
    """Trunk and heads. State: (blocks, B, width), zeros at the start of a piece."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.rows = RowSum(TRUNK, shape.width)
        self.drop = nn.Dropout(shape.dropout)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.blocks))
        self.norm = nn.RMSNorm(shape.width, eps=NORM_EPSILON)
        self.heads = nn.ModuleDict(
            {field: PartHead(shape) if field == "part" else Head(field, shape) for field in v.FIELDS}
        )

    def trunk(self, columns: Tensor, keep: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """columns (T, B, trunk), keep (T, B, 1), state → h (T, B, width), next state."""
        x = self.drop(self.rows(columns))
        states = []
        for block, start in zip(self.blocks, state, strict=True):
            x, last = block(x, keep, start)
            states.append(last)
        return self.norm(x), torch.stack(states)

    def start(self, batch: int) -> Tensor:
        """State (blocks, batch, width) at the start of a piece."""
        return torch.zeros(self.shape.blocks, batch, self.shape.width)


def nats(
    network: Network, columns: dict[str, Tensor], targets: Tensor, h: Tensor, given: Tensor | None = None
) -> dict[str, Tensor]:
    """Sum of -log p of each field over the batch. columns (…, k), targets (…, 6), h (…, width).

    Of a note that was `given` (…) only delta and part count: that it comes next is news, what it is is none.
    """
    is_note = targets[..., 0] != v.BAR
    new = is_note if given is None else is_note & ~given
    logits = network.heads["delta"](h, columns["trunk"])
    total = {"delta": _nats(logits.flatten(0, -2), targets[..., 0].flatten())}
    total["part"] = _nats(network.heads["part"](h[is_note], columns["part"][is_note]), targets[is_note][:, 1])
    h, targets = h[new], targets[new]
    for index, field in enumerate(v.FIELDS[2:], start=2):
        total[field] = _nats(network.heads[field](h, columns[field][new]), targets[:, index])
    return total


def _nats(logits: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits.float(), targets, reduction="sum")
