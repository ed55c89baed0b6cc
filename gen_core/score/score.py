"""A score: tracks of notes over one map of tempo and meter. Times are int64 ticks, 480 a quarter note."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gen_core.sequence.vocabulary import DRUM_PROGRAM

NOTE_DTYPE = np.dtype([("onset", "<i8"), ("duration", "<i8"), ("pitch", "<i2"), ("velocity", "<i2")])


class Tempo(NamedTuple):
    """From `tick` on, `bpm` quarter notes a minute."""

    tick: int
    bpm: float


class Meter(NamedTuple):
    """From `tick` on, bars of numerator/denominator."""

    tick: int
    numerator: int
    denominator: int


@dataclass(frozen=True)
class Track:
    """One part: notes (n,) of NOTE_DTYPE, sorted by onset then pitch; program 0..127, or 128 for percussion."""

    name: str
    program: int
    notes: NDArray[np.void]

    @property
    def is_drum(self) -> bool:
        """Whether its pitches are percussion keys."""
        return self.program == DRUM_PROGRAM


@dataclass(frozen=True)
class Score:
    """Tracks and their maps. Empty maps mean 120 bpm and 4/4."""

    tracks: tuple[Track, ...]
    tempos: tuple[Tempo, ...] = ()
    meters: tuple[Meter, ...] = ()
    title: str = ""

    @property
    def n_notes(self) -> int:
        """Notes of all tracks."""
        return sum(len(track.notes) for track in self.tracks)

    @property
    def end_tick(self) -> int:
        """Where the last note ends, in ticks; 0 for an empty score."""
        return max(
            (int((t.notes["onset"] + t.notes["duration"]).max()) for t in self.tracks if len(t.notes)), default=0
        )

    def bpm_at(self, tick: int) -> float:
        """Tempo that rules at `tick`, in quarter notes a minute."""
        before = [tempo.bpm for tempo in self.tempos if tempo.tick <= tick]
        return before[-1] if before else (self.tempos[0].bpm if self.tempos else 120.0)


def make_notes(rows: list[tuple[int, int, int, int]]) -> NDArray[np.void]:
    """Rows (onset, duration, pitch, velocity) → sorted notes (n,) of NOTE_DTYPE."""
    notes = np.array(rows, dtype=NOTE_DTYPE)
    notes.sort(order=("onset", "pitch", "duration"))
    return notes
