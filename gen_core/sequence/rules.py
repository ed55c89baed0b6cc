"""What a performance must obey, always: the ensemble, each part's range, the scale. Kept by masks while sampling.

No dead end can occur: a part is offered only while one of its keys is free, an onset only while one of its parts is,
and the bar line is always allowed once the bar has what it needs.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gen_core.sequence import vocabulary as v
from gen_core.spec.errors import UsageError

ALL_PITCH_CLASSES = tuple(range(12))


@dataclass(frozen=True)
class PartRule:
    """One part of the ensemble: General MIDI program (128: percussion), lowest and highest key, notes in one stroke."""

    program: int
    low: int = 0
    high: int = 127
    chord: int = 6

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= 127:
            raise UsageError(f"a part cannot range from key {self.low} to {self.high}", "give 0 <= low <= high <= 127")


@dataclass(frozen=True)
class Rules:
    """`scale`: the pitch classes allowed (0 = C), for every part but percussion."""

    parts: tuple[PartRule, ...]
    scale: tuple[int, ...] = ALL_PITCH_CLASSES

    def __post_init__(self) -> None:
        if not 1 <= len(self.parts) <= v.MAX_PARTS:
            raise UsageError(f"an ensemble of {len(self.parts)} parts", f"give 1 to {v.MAX_PARTS} parts")
        for number, part in enumerate(self.parts):
            if not allowed_pitches(part, self.scale).any():
                raise UsageError(
                    f"part {number + 1} has no key of the scale between {part.low} and {part.high}",
                    "widen its range or the scale",
                )

    @property
    def programs(self) -> tuple[int, ...]:
        """General MIDI program of each part (128: percussion)."""
        return tuple(part.program for part in self.parts)


@lru_cache(maxsize=512)
def allowed_pitches(part: PartRule, scale: tuple[int, ...]) -> NDArray[np.bool_]:
    """Mask (pitch classes of the vocabulary,) of what `part` may play in `scale`."""
    mask = np.zeros(v.SIZES["pitch"], bool)
    if part.program == v.DRUM_PROGRAM:
        mask[v.PITCHES :] = True
        return mask
    keys = np.arange(v.PITCHES)
    mask[: v.PITCHES] = (keys >= part.low) & (keys <= part.high) & np.isin(keys % 12, scale)
    return mask
