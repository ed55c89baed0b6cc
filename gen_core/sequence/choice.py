"""One draw from what a network says: inverse transform over the nucleus of softmax(logits / temperature).

On a Pi Zero a call into numpy costs as much as fifty additions in Python, and a note draws six times. So this asks
numpy for little (exponentials, a sum) and sorts only what can be in the nucleus. The result is bit for bit that of the
plain way, which sorts and sums everything; `tests/gen_core/sequence/test_choice.py` holds the two together.
"""

from bisect import bisect_left, bisect_right
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

_FEW = 48  # classes that are sorted as they are; more are thinned out first
_DOUBT = 1e-12  # of the total: sums in another order than the sorted one are nearer than this


def choose(
    logits: NDArray[np.float32], mask: NDArray[np.bool_] | None, temperature: float, chance: float, top_p: float
) -> int:
    """Class drawn by `chance` (0 to 1) from logits (classes,), inside `mask` (classes,), which allows one at least.

    `top_p` (0 to 1, ends excluded): the likeliest classes that together hold so much of the probability are kept.
    """
    allowed = None
    if mask is not None:
        allowed = mask.nonzero()[0]
        if len(allowed) == 1:
            return int(allowed[0])
        logits = logits[allowed]
    weights = _weights(logits, temperature)
    rank = _likely(weights, chance, top_p) if len(weights) > _FEW else -1
    if rank < 0:
        rank = _drawn(weights.tolist(), None, chance, top_p)
    return rank if allowed is None else int(allowed[rank])


def _weights(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    """exp(logits / temperature), the largest 1."""
    weights = logits.astype(np.float64)
    if temperature != 1.0:
        weights /= temperature
    weights -= weights.item(weights.argmax())  # a third of what max() costs
    return np.asarray(np.exp(weights))


def _likely(weights: NDArray[np.float64], chance: float, top_p: float) -> int:
    """The draw among those that can be in the nucleus, -1 where rounding might decide who is in it.

    All that are left out together weigh less than half of what the nucleus leaves out.
    """
    total = float(np.add.reduce(weights))
    likely = (weights > total * ((1 - top_p) / 2 / len(weights))).nonzero()[0]
    rank = _drawn(weights[likely].tolist(), total, chance, top_p)
    return int(likely[rank]) if rank >= 0 else -1


def _drawn(weights: list[float], total: float | None, chance: float, top_p: float) -> int:
    """The draw from the nucleus of `weights`. Where their `total` is given it may be inexact, and -1 says: too near."""
    ordered = sorted(weights, reverse=True)
    cumulative = list(accumulate(ordered))
    goal = top_p * (cumulative[-1] if total is None else total)
    last = bisect_left(cumulative, goal)
    if total is not None:
        doubt = _DOUBT * total
        if cumulative[last] - goal < doubt or (last and goal - cumulative[last - 1] < doubt):
            return -1
    rank = min(bisect_right(cumulative, chance * cumulative[last], 0, last), last)
    value = ordered[rank]
    at = weights.index(value)
    for _ in range(rank - ordered.index(value, 0, rank + 1)):  # equal weights keep their order
        at = weights.index(value, at + 1)
    return at
