"""Random and mutated bytes. The same seed gives the same bytes."""

import random
from collections.abc import Sequence
from typing import Any

EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
RANDOM_SHARE = 0.1  # of pure noise; what is nearly right goes deeper


def flip(rng: random.Random, data: bytearray, _others: Sequence[bytes]) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def overwrite(rng: random.Random, data: bytearray, _others: Sequence[bytes]) -> None:
    data[rng.randrange(len(data))] = rng.randrange(256)


def insert(rng: random.Random, data: bytearray, _others: Sequence[bytes]) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.randbytes(rng.choice((1, 1, 2, 4, 32)))


def delete(rng: random.Random, data: bytearray, _others: Sequence[bytes]) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.choice((1, 1, 2, 4, 32))]


def cut(rng: random.Random, data: bytearray, _others: Sequence[bytes]) -> None:
    del data[rng.randrange(len(data)) :]


def repeat(rng: random.Random, data: bytearray, _others: Sequence[bytes]) -> None:
    start = rng.randrange(len(data))
    piece = data[start : start + rng.randrange(1, 65)]
    at = rng.randrange(len(data) + 1)
    data[at:at] = piece * rng.choice((1, 1, 2, 8))


def edge(rng: random.Random, data: bytearray, _others: Sequence[bytes]) -> None:
    """A number at the edge of its type, in either order of bytes."""
    size, order = rng.choice((1, 2, 4)), rng.choice(("big", "little"))
    at = rng.randrange(len(data))
    data[at : at + size] = (rng.choice(EDGES) & (1 << 8 * size) - 1).to_bytes(size, order)


def splice(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """The beginning of this and the end of another."""
    other = rng.choice(others)
    data[rng.randrange(len(data)) :] = other[rng.randrange(len(other)) :]


MUTATIONS = (flip, overwrite, insert, delete, cut, repeat, edge, splice)


STRANGE = (None, True, -1, 0, 1, 2**31, 2**64 - 1, 2**70, 0.5, float("nan"), float("inf"), "", "ü\0/../..", b"", [], {})


def values(rng: random.Random, data: Any) -> Any:
    """Plain data with some of its values exchanged for strange ones, some keys lost and some doubled."""
    if rng.random() < 0.15:
        return rng.choice(STRANGE)
    if isinstance(data, dict):
        kept = {key: values(rng, value) for key, value in data.items() if rng.random() > 0.05}
        return kept | ({rng.choice(("off", "name", "x", 5)): rng.choice(STRANGE)} if rng.random() < 0.1 else {})
    if isinstance(data, list):
        return [values(rng, value) for value in data] * rng.choice((1, 1, 1, 2))
    if isinstance(data, int) and not isinstance(data, bool) and rng.random() < 0.3:
        return data + rng.choice((-1, 1, 255, 65536))
    if isinstance(data, bytes | str) and rng.random() < 0.3:
        return data * rng.choice((2, 30)) if rng.random() < 0.5 else data[: rng.randrange(len(data) + 1)]
    return data


def frame(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """One frame: now and then noise, else a seed with one to four mutations."""
    if rng.random() < RANDOM_SHARE:
        return rng.randbytes(rng.choice((0, 1, 8, 64, 512)))
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((1, 1, 2, 4))):
        if data:
            rng.choice(MUTATIONS)(rng, data, seeds)
    return bytes(data)
