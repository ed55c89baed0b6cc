"""Whether a composer lasts: hours of music, bar by bar, in constant memory, and a verdict.

Judged are what a listener would notice after a day: that it loops, that it wanders off, that it falls silent, that it
eats the board's memory. What is normal is taken from music that people wrote, by the same measure.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.director.composer import BAR_TICKS
from gen_core.score.grid import Piece
from gen_core.sequence import vocabulary as v
from gen_core.spec.note import Note
from gen_core.spec.time import STEPS_PER_QUARTER, TICKS_PER_QUARTER, TICKS_PER_STEP
from gen_core.training.grams import Ever, Grams
from gen_core.training.qualities import FEATURES, Window, qualities, window

HOUR_S = 3600.0
BAR_STEPS = BAR_TICKS // TICKS_PER_STEP
WINDOW_BARS = 16
LONGEST_SILENCE_BARS = 2.0
MOST_EVER = 0.9  # of an hour's grams that any earlier hour had: beyond this nothing new is said
DRIFT_T = 4.5  # slope over its standard error; of twenty features over a day one in 250 runs reaches it by chance
FEWEST_HOURS = 6  # for a slope
MOST_GROWTH_MB = 8.0  # after the first hour: what allocators take and keep
HUMAN_RATES = (0.21, 0.69)  # `hourly_rates` of the corpus in a random order: 165 hours, 0.217 to 0.684


@dataclass
class Endurance:
    """Hears `programs` play; `bars_per_hour` bars of 4/4 are an hour. All that is kept grows by one row an hour."""

    programs: tuple[int, ...]
    bars_per_hour: int
    rates: list[float] = field(default_factory=list)  # grams heard earlier in the same hour
    ever: list[float] = field(default_factory=list)  # grams heard in any hour
    means: list[NDArray[np.float64]] = field(default_factory=list)  # of FEATURES
    memory_mb: list[float] = field(default_factory=list)
    notes: int = 0
    longest_silence: int = 0  # ticks
    bars: int = 0

    def __post_init__(self) -> None:
        self._grams, self._ever, self._again = Grams(), Ever(), 0
        self._sounding_until = 0
        self._window: list[Note] = []
        self._rows: list[NDArray[np.float64]] = []

    def hear(self, notes: Sequence[Note]) -> None:
        """The next bar."""
        for note in sorted(notes):
            self._note(note)
        self.bars += 1
        self._window += notes
        if self.bars % WINDOW_BARS == 0:
            self._rows.append(qualities(self._as_window()))
            self._window = []
        if self.bars % self.bars_per_hour == 0:
            self._end_hour()

    def _note(self, note: Note) -> None:
        self.notes += 1
        self.longest_silence = max(self.longest_silence, note.tick - self._sounding_until)
        self._sounding_until = max(self._sounding_until, note.tick + note.duration)
        if self.programs[note.part] == v.DRUM_PROGRAM:
            return
        gram = self._grams.push(note.part, note.pitch, _step(note.tick))
        if gram is not None:
            self._again += self._ever.seen(gram)

    def _as_window(self) -> Window:
        first = (self.bars - WINDOW_BARS) * BAR_STEPS
        drums = np.array([program == v.DRUM_PROGRAM for program in self.programs])
        table = np.array(sorted(self._window), np.int64).reshape(-1, 5)
        part, pitch = table[:, 1], table[:, 2]
        return Window(
            onset=np.clip(_step(table[:, 0]) - first, 0, WINDOW_BARS * BAR_STEPS - 1),
            duration=np.maximum(table[:, 3] // TICKS_PER_STEP, 1),
            part=part,
            pitch=np.where(drums[part], pitch + v.PITCHES - v.DRUM_LOW, pitch),
            velocity=table[:, 4],
            bar_steps=np.full(WINDOW_BARS, BAR_STEPS),
        )

    def _end_hour(self) -> None:
        self.rates.append(self._grams.rate)
        self.ever.append(self._again / max(self._grams.total, 1))
        rows = np.array(self._rows).reshape(-1, len(FEATURES))
        counts = np.isfinite(rows).sum(axis=0)
        self.means.append(np.where(counts, np.nansum(rows, axis=0), np.nan) / np.maximum(counts, 1))
        self.memory_mb.append(memory_mb())
        self._rows, self._again = [], 0
        self._grams.next_hour()

    def report(self, people: tuple[float, float] = HUMAN_RATES) -> dict[str, Any]:
        """Figures and verdict as plain data. `people`: lowest and highest hourly rate of music that people wrote."""
        silence = max(self.longest_silence, self.bars * BAR_TICKS - self._sounding_until)
        memory = self.memory_mb or [memory_mb()]
        report: dict[str, Any] = {
            "hours": len(self.rates),
            "notes": self.notes,
            "repeated": [round(rate, 4) for rate in self.rates],
            "repeated_by_people": list(people),
            "heard_ever": [round(rate, 4) for rate in self.ever],
            "longest_silence_bars": round(silence / BAR_TICKS, 2),
            "memory_mb": {"start": memory[0], "end": memory[-1], "growth": round(memory[-1] - memory[0], 1)},
            "features": drifts(np.array(self.means).reshape(-1, len(FEATURES))),
        }
        failures = failed(report)
        return report | {"failures": failures, "verdict": "fails" if failures else "endures"}


def endure(
    compose: Callable[[], Sequence[Note]],
    endurance: Endurance,
    hours: int,
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Let `compose` write bar after bar for so many hours of music."""
    for hour in range(hours):
        for _ in range(endurance.bars_per_hour):
            endurance.hear(compose())
        say(f"hour {hour + 1} of {hours}: {endurance.rates[-1]:.1%} repeated, {endurance.memory_mb[-1]:.0f} MB")


def bars_per_hour(bpm: float) -> int:
    """Bars of 4/4 in an hour, a whole number of windows."""
    return max(round(3600 * bpm / 60 * TICKS_PER_QUARTER / BAR_TICKS / WINDOW_BARS), 1) * WINDOW_BARS


def drifts(means: NDArray[np.float64]) -> dict[str, dict[str, float]]:
    """Least squares through the hourly means (hours, features): slope an hour, against the spread around the line.

    `t` is the slope over its standard error, 0 where there are too few hours to tell.
    """
    out = {}
    hours = len(means)
    at = np.arange(hours) - (hours - 1) / 2
    for name, values in zip(FEATURES, means.T, strict=True):
        figures = {"mean": float(values.mean()) if hours else float("nan"), "spread": 0.0, "slope": 0.0, "t": 0.0}
        if hours >= FEWEST_HOURS and np.isfinite(values).all():
            slope = float(at @ values / (at @ at))
            spread = float(np.sqrt(((values - values.mean() - slope * at) ** 2).sum() / (hours - 2)))
            figures |= {"spread": spread, "slope": slope, "t": slope * float(np.sqrt(at @ at)) / max(spread, 1e-9)}
        out[name] = {key: round(float(value), 5) for key, value in figures.items()}
    return out


def failed(report: dict[str, Any]) -> list[str]:
    """What a listener or a board would notice, a line each; nothing if it lasts."""
    low, high = report["repeated_by_people"]
    rates, growth = report["repeated"], report["memory_mb"]["growth"]
    lines = [f"hour {i + 1} repeats {r:.1%}, people {low:.1%} to {high:.1%}" for i, r in enumerate(rates) if r > high]
    lines += [f"hour {i + 1} repeats only {r:.1%}, people {low:.1%} or more" for i, r in enumerate(rates) if r < low]
    lines += [f"hour {i + 1} says nothing new" for i, share in enumerate(report["heard_ever"]) if share > MOST_EVER]
    if report["longest_silence_bars"] > LONGEST_SILENCE_BARS:
        lines.append(f"silent for {report['longest_silence_bars']} bars")
    for name, figures in report["features"].items():
        if abs(figures["t"]) > DRIFT_T:
            lines.append(f"{name} drifts by {figures['slope']:+.3g} an hour, t = {figures['t']:.1f}")
    if growth > MOST_GROWTH_MB:
        lines.append(f"memory grew by {growth} MB")
    return lines


def piece_seconds(piece: Piece) -> float:
    """How long a piece lasts."""
    return float((piece.bar_steps / STEPS_PER_QUARTER * 60 / piece.bar_bpm).sum())


def hourly_rates(pieces: Iterable[Piece], hour_s: float = HOUR_S) -> Iterator[float]:
    """Rates of hour after hour of `pieces`, one played after the other; an hour that is not filled is left out."""
    grams, left_s = Grams(), hour_s
    for piece in pieces:
        grams.cut()
        grams.push_all(window(piece, 0, len(piece.bar_steps)).melody.tolist())
        left_s -= piece_seconds(piece)
        if left_s <= 0:
            yield grams.rate
            grams.next_hour()
            left_s = hour_s


def memory_mb() -> float:
    """What the process holds in memory now (resident set); 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0.0
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def _step(ticks: Any) -> Any:
    """Ticks → the nearest step of the grid."""
    return (ticks + TICKS_PER_STEP // 2) // TICKS_PER_STEP
