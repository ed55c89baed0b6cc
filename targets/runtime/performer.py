"""What the runtime asks of a performance, and the one that plays when there is no book: rests."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.note import Note
from gen_core.spec.param import Param, find

Perform = Callable[[Mapping[str, Any], Mapping[str, bytes], int | None, Mapping[str, float] | None], "Performer"]


class Performer(Protocol):
    """A book being played. One thread composes, one renders; the rest may be called from any thread."""

    sample_rate_hz: int
    block_frames: int

    @property
    def params(self) -> Mapping[str, Param]: ...
    @property
    def seed(self) -> int: ...
    @property
    def part_names(self) -> Sequence[str]: ...
    @property
    def tick(self) -> int: ...
    def get(self, param_id: str) -> float: ...
    def values(self) -> Mapping[str, float]: ...
    def set(self, param_id: str, value: float, quantum: str = "", over: str | float = "") -> tuple[int, float]: ...
    def play(self, part: str | int, pitch: int, velocity: int) -> None: ...
    def compose_ahead(self) -> bool: ...
    def render_block(self) -> NDArray[np.float32]: ...
    def take_notes(self) -> Sequence[Note]: ...
    def position(self) -> tuple[int, float]: ...
    def stats(self) -> Mapping[str, float]: ...


class Silence:
    """Rests at 48 kHz: keeps the board reachable, so that a book can be flashed, when none can be played."""

    def __init__(self) -> None:
        self.params: dict[str, Param] = {}
        self.sample_rate_hz = 48000
        self.block_frames = 512
        self.seed = self.tick = 0
        self.part_names: list[str] = []
        self._block = np.zeros((self.block_frames, 2), np.float32)

    def get(self, param_id: str) -> float:
        """There are no parameters: UsageError."""
        return find(self.params, param_id).default

    def values(self) -> dict[str, float]:
        """Nothing to set, so no values."""
        return {}

    def set(self, param_id: str, value: float, quantum: str = "", over: str | float = "") -> tuple[int, float]:
        """There are no parameters: UsageError."""
        find(self.params, param_id)
        return self.position()

    def play(self, part: str | int, pitch: int, velocity: int) -> None:
        """There are no parts: nothing sounds."""

    def compose_ahead(self) -> bool:
        """Nothing to compose."""
        return False

    def render_block(self) -> NDArray[np.float32]:
        """One block of zeros, (block_frames, 2)."""
        return self._block

    def take_notes(self) -> list[Note]:
        """No notes."""
        return []

    def position(self) -> tuple[int, float]:
        """Always at the beginning."""
        return 0, 0.0

    def stats(self) -> dict[str, float]:
        """Nothing to count."""
        return {}
