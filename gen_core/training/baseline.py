"""What counting alone can do: a seven-level Witten-Bell back-off over the same fields on the same grid.

Level 0 is the unigram of a field (over a uniform floor); each level above adds one more feature of the context, from
the most telling to the most particular. With c(x) the count of symbol x in a context, n its sum and t the number of
distinct symbols there (Witten and Bell, "The zero-frequency problem", 1991, method C):

    p(x | context) = (c(x) + t p(x | shorter context)) / (n + t)

Pitch is counted as the interval from the part's last note, so that a tune counts in every key. Contexts are hashed to
32 bits before they are counted: two that collide share one distribution, and every distribution still sums to one.
A note that the grid drops costs the entropy of the unigrams, for this model and for the network alike.
"""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gen_core.sequence import vocabulary as v
from gen_core.sequence.layout import HEADS, KINDS, TRUNK, Column
from gen_core.spec.errors import VerificationError
from gen_core.training.columns import SLICES, TARGETS

LEVELS = 7
_NONE = KINDS["pitch"] - 1
_INTERVALS = 2 * v.PITCHES  # intervals -128..127 as 0..255, then absolute classes
SYMBOLS = v.SIZES | {"pitch": _INTERVALS + v.SIZES["pitch"]}


@dataclass(frozen=True)
class Level:
    """Counts of one field in contexts of one length, sorted; entries of context i at starts[i]:starts[i + 1]."""

    contexts: NDArray[np.uint32]
    starts: NDArray[np.int64]
    symbols: NDArray[np.uint16]
    counts: NDArray[np.uint32]


class Baseline:
    """Counts of all fields; `nats` judges rows (n, WIDTH), `save` and `load` keep them as one compressed table."""

    def __init__(self, levels: dict[str, list[Level]], dropped_nats: float) -> None:
        self._levels = levels
        self.dropped_nats = dropped_nats  # what a note that the grid drops costs

    def nats(self, rows: NDArray[np.int16]) -> NDArray[np.float64]:
        """-log p of every row, all its fields together. (n,)"""
        is_note = rows[:, TARGETS.start] != v.BAR
        total = -np.log(self._probability("delta", rows))
        for field in v.FIELDS[1:]:
            total[is_note] -= np.log(self._probability(field, rows[is_note]))
        return total

    def _probability(self, field: str, rows: NDArray[np.int16]) -> NDArray[np.float64]:
        features, symbols = field_view(field, rows)
        p = np.full(len(rows), 1.0 / SYMBOLS[field])
        for level, contexts in zip(self._levels[field], hashes(features), strict=True):
            p = _blend(level, contexts, symbols, p)
        return p

    def save(self, path: Path) -> None:
        """One compressed file."""
        arrays: dict[str, NDArray[np.generic]] = {"dropped_nats": np.array(self.dropped_nats)}
        for field, levels in self._levels.items():
            for number, level in enumerate(levels):
                at = f"{field}.{number}."
                arrays[at + "contexts"] = np.diff(level.contexts, prepend=np.uint32(0))
                arrays[at + "sizes"] = np.diff(level.starts).astype(np.uint16)
                arrays[at + "symbols"] = level.symbols
                arrays[at + "counts"] = level.counts.astype(np.uint32)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path) -> "Baseline":
        """The table that `save` wrote. Raises VerificationError where it is missing, damaged, or of another version."""
        again = "train the model again, or take the file from the release again"
        try:
            with np.load(path, allow_pickle=False) as table:
                levels = {field: [_load_level(table, f"{field}.{k}.") for k in range(LEVELS)] for field in v.FIELDS}
                dropped_nats = float(table["dropped_nats"])
        except FileNotFoundError:
            raise VerificationError(f"{path} does not exist", again) from None
        except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise VerificationError(f"{path} is not a baseline ({' '.join(str(error).split())})", again) from None
        for field, counted in levels.items():
            if any(len(level.symbols) and int(level.symbols.max()) >= SYMBOLS[field] for level in counted):
                raise VerificationError(f"{path} counts other classes of {field} than this version", again)
        return cls(levels, dropped_nats)


def count(rows: NDArray[np.int16], least: int = 1) -> Baseline:
    """Count rows (n, WIDTH). Contexts heard fewer than `least` times are left out above level 1: what pruning costs."""
    levels: dict[str, list[Level]] = {}
    dropped_nats = 0.0
    is_note = rows[:, TARGETS.start] != v.BAR
    for field in v.FIELDS:
        features, symbols = field_view(field, rows if field == "delta" else rows[is_note])
        levels[field] = [
            _count_level(contexts, symbols, least if number > 1 else 1)
            for number, contexts in enumerate(hashes(features))
        ]
        share = levels[field][0].counts / levels[field][0].counts.sum()
        dropped_nats -= float((share * np.log(share)).sum())
    return Baseline(levels, dropped_nats)


def field_view(field: str, rows: NDArray[np.int16]) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
    """The six context features of a field, most telling first, and its symbols. Each (n,)."""
    t = {name: _columns(rows, "trunk", TRUNK, name) for name in _TRUNK_USED}
    target = rows[:, TARGETS].astype(np.int64)
    symbols = target[:, v.FIELDS.index(field)]
    if field == "delta":
        names = ("position", "last_delta", "next_end", "sounding", "last_part", "last_program")
        return [t[name] for name in names], symbols
    c = {name: _columns(rows, field, HEADS[field], name) for name, _ in HEADS[field]}
    if field == "part":
        return [t["last_part"], c["delta"], t["sounding"], c["position"], t["next_end"], t["last_program"]], symbols
    if field == "pitch":
        return _pitch_view(c, t["last_pitch"], symbols)
    if field == "duration":
        return [c["own"], c["position"], c["beside"], c["program"], t["last_duration"], c["left_in_bar"]], symbols
    if field == "velocity":
        return [c["own"], t["last_velocity"], c["program"], c["position"], c["pitch"], c["duration"]], symbols
    return [c["own"], c["beside"], c["program"], c["position"], c["pitch"], c["velocity"]], symbols


_TRUNK_USED = (
    "last_delta", "last_part", "last_program", "last_pitch", "last_duration", "last_velocity",
    "position", "next_end", "sounding",
)  # fmt: skip


def _columns(rows: NDArray[np.int16], part: str, layout: tuple[Column, ...], name: str) -> NDArray[np.int64]:
    index = [section for section, _ in layout].index(name)
    return rows[:, SLICES[part].start + index].astype(np.int64)


def _pitch_view(
    c: dict[str, NDArray[np.int64]], last: NDArray[np.int64], pitch: NDArray[np.int64]
) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
    own = c["own"]
    melodic = (own < v.PITCHES) & (pitch < v.PITCHES)
    symbols = np.where(melodic, pitch - own + v.PITCHES, pitch + _INTERVALS)

    def relative(other: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.where((other < v.PITCHES) & (own < v.PITCHES), other - own + 1000, other)

    anchor = np.where(own < v.PITCHES, 0, own)
    features = [c["program"], relative(c["own_before"]), relative(c["below"]), relative(last), anchor, c["position"]]
    return features, symbols


def hashes(features: list[NDArray[np.int64]]) -> list[NDArray[np.uint32]]:
    """Contexts of length 0..6 as 32-bit hashes (splitmix-like multiply and shift, feature by feature)."""
    state = np.zeros(len(features[0]), np.uint64)
    out = [state.astype(np.uint32)]
    for feature in features:
        state = (state ^ (feature.astype(np.uint64) + np.uint64(1))) * np.uint64(0x9E3779B97F4A7C15)
        state ^= state >> np.uint64(29)
        out.append((state >> np.uint64(32)).astype(np.uint32))
    return out


def _count_level(contexts: NDArray[np.uint32], symbols: NDArray[np.int64], least: int) -> Level:
    pairs, counts = np.unique(
        (contexts.astype(np.uint64) << np.uint64(16)) | symbols.astype(np.uint64), return_counts=True
    )
    owner = (pairs >> np.uint64(16)).astype(np.uint32)
    kept, inverse = np.unique(owner, return_inverse=True)
    heard = np.bincount(inverse, counts)
    keep = heard[inverse] >= least
    kept, sizes = np.unique(owner[keep], return_counts=True)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    return Level(kept, starts, (pairs[keep] & np.uint64(0xFFFF)).astype(np.uint16), counts[keep].astype(np.uint32))


def _blend(
    level: Level, contexts: NDArray[np.uint32], symbols: NDArray[np.int64], shorter: NDArray[np.float64]
) -> NDArray[np.float64]:
    """p of each symbol in its context, given p in the shorter one. (n,)"""
    if not len(level.contexts):
        return shorter
    at = np.searchsorted(level.contexts, contexts).clip(0, len(level.contexts) - 1)
    known = level.contexts[at] == contexts
    sums = np.add.reduceat(level.counts.astype(np.float64), level.starts[:-1])
    types = np.diff(level.starts).astype(np.float64)
    owner = np.repeat(np.arange(len(level.contexts), dtype=np.uint64), np.diff(level.starts))
    keys = (owner << np.uint64(16)) | level.symbols.astype(np.uint64)
    wanted = (at.astype(np.uint64) << np.uint64(16)) | symbols.astype(np.uint64)
    found = np.searchsorted(keys, wanted).clip(0, len(keys) - 1)
    hits = np.where(keys[found] == wanted, level.counts[found], 0)
    return np.where(known, (hits + types[at] * shorter) / (sums[at] + types[at]), shorter)


def _load_level(table: "np.lib.npyio.NpzFile", at: str) -> Level:
    contexts = np.cumsum(table[at + "contexts"], dtype=np.uint32)
    starts = np.concatenate([[0], np.cumsum(table[at + "sizes"], dtype=np.int64)])
    return Level(contexts, starts, table[at + "symbols"], table[at + "counts"])
