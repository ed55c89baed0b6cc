"""Score to events and back, on the grid of the vocabulary.

`encode` reports what the grid loses: dropped notes (a thirteenth part, a second equal note, an unknown percussion key),
clipped ones (a duration that the vocabulary does not hold) and shifted ones (an onset between two micro-steps).
`encode(decode(piece))` gives the piece again, event for event, unless a change of meter has cut a bar to a length that
no meter has (no whole number of 32nd notes).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gen_core.score.score import Meter, Score, Tempo, Track, make_notes
from gen_core.sequence import vocabulary as v
from gen_core.spec.errors import UsageError
from gen_core.spec.time import TICKS_PER_STEP, bar_ticks

MOST_BARS = 50_000  # a day of music; what is longer has a damaged time in it


@dataclass(frozen=True)
class GridLoss:
    """What the grid changed, in notes."""

    notes: int
    dropped: int
    clipped: int
    shifted: int


@dataclass(frozen=True)
class Piece:
    """A score on the grid. `events` (n, 6) int16; `bar_steps` and `bar_bpm` (bars,); `programs` one per part."""

    programs: tuple[int, ...]
    events: NDArray[np.int16]
    bar_steps: NDArray[np.int64]
    bar_bpm: NDArray[np.float64]
    loss: GridLoss
    title: str = ""

    @property
    def n_notes(self) -> int:
        """Notes that the grid kept."""
        return int((self.events[:, 0] != v.BAR).sum())


def encode(score: Score) -> Piece:
    """Score → piece. Parts are ordered from the highest to the lowest on average, percussion last.

    Raises UsageError where the score goes on for more than MOST_BARS bars.
    """
    parts = _parts(score)
    starts, steps = _bars(score)
    notes, clipped, shifted = _grid_notes(parts)
    last = int(notes[:, 0].max()) if len(notes) else 0
    n_bars = int(np.searchsorted(starts, last, side="right"))
    starts, steps = starts[:n_bars], steps[:n_bars]
    bpm = _bar_bpm(score, starts * TICKS_PER_STEP)
    loss = GridLoss(score.n_notes, score.n_notes - len(notes), clipped, shifted)
    return Piece(tuple(t.program for t in parts), _events(notes, starts), steps, bpm, loss, score.title)


def decode(piece: Piece) -> Score:
    """Piece → score: every event at its place on the grid."""
    rows: list[list[tuple[int, int, int, int]]] = [[] for _ in piece.programs]
    bar, position = -1, 0
    starts = np.concatenate([[0], np.cumsum(piece.bar_steps)])
    for delta, part, pitch, duration, velocity, micro in piece.events.tolist():
        if delta == v.BAR:
            bar, position = bar + 1, 0
            continue
        position += delta
        onset = (int(starts[bar]) + position) * TICKS_PER_STEP + (micro - v.MICRO_ZERO) * v.MICRO_TICKS
        ticks = int(v.DURATIONS[duration]) * TICKS_PER_STEP
        rows[part].append((onset, ticks, v.key_of_pitch_class(pitch), v.velocity_of_class(velocity)))
    tracks = tuple(
        Track(f"part {i + 1}", p, make_notes(r)) for i, (p, r) in enumerate(zip(piece.programs, rows, strict=True))
    )
    return Score(tracks, _tempos(piece, starts), _meters(piece, starts), piece.title)


def _parts(score: Score) -> list[Track]:
    """At most twelve parts: tracks of one program merge, then those with the most notes stay; highest first."""
    tracks = [t for t in score.tracks if len(t.notes)]
    while len(tracks) > v.MAX_PARTS:
        twins = _smallest_twins(tracks)
        if not twins:
            tracks = sorted(tracks, key=lambda t: -len(t.notes))[: v.MAX_PARTS]
            break
        i, j = twins
        merged = np.concatenate([tracks[i].notes, tracks[j].notes])
        merged.sort(order=("onset", "pitch", "duration"))
        tracks[i] = Track(tracks[i].name, tracks[i].program, merged)
        del tracks[j]
    return sorted(tracks, key=lambda t: (t.is_drum, -_mean_pitch(t)))


def _smallest_twins(tracks: list[Track]) -> tuple[int, int] | None:
    """The two tracks of one program with the fewest notes together, the earlier first; None where all differ."""
    smallest: dict[int, list[tuple[int, int]]] = {}
    for number, track in enumerate(tracks):
        held = smallest.setdefault(track.program, [])
        smallest[track.program] = sorted([*held, (len(track.notes), number)])[:2]
    pairs = [(a + b, max(i, j), min(i, j)) for (a, i), (b, j) in (two for two in smallest.values() if len(two) == 2)]
    if not pairs:
        return None
    _, later, earlier = min(pairs)
    return earlier, later


def _mean_pitch(track: Track) -> float:
    """Mean over the notes that the grid keeps, so that the order of parts survives a round trip."""
    kept = {(int(onset + TICKS_PER_STEP // 2) // TICKS_PER_STEP, int(p)) for onset, _, p, _ in track.notes.tolist()}
    return sum(pitch for _, pitch in kept) / len(kept)


def _bars(score: Score) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Start and length of every bar, in steps, until the score ends. A change of meter cuts a bar short."""
    meters = [m for m in score.meters if bar_ticks(m.numerator, m.denominator) >= TICKS_PER_STEP] or [Meter(0, 4, 4)]
    last = max((int(t.notes["onset"].max()) for t in score.tracks if len(t.notes)), default=0) + TICKS_PER_STEP
    edges = [0, *(m.tick for m in meters[1:]), max(last, meters[-1].tick) + 1]
    ticks: list[int] = []
    for meter, start, end in zip(meters, edges, edges[1:], strict=False):
        length = bar_ticks(meter.numerator, meter.denominator)
        while length > v.MAX_BAR_STEPS * TICKS_PER_STEP:
            length = -(-length // 2)
        if len(ticks) + (end - start) // length > MOST_BARS:
            cause = f"{score.title or 'the score'} goes on for more than {MOST_BARS} bars"
            raise UsageError(cause, "a time in it is damaged; export it again")
        ticks.extend(range(start, end, length))
    ticks.append(ticks[-1] + length)
    starts = np.unique(np.round(np.array(ticks) / TICKS_PER_STEP).astype(np.int64))
    return starts[:-1], np.diff(starts)


def _bar_bpm(score: Score, ticks: NDArray[np.int64]) -> NDArray[np.float64]:
    """`score.bpm_at` of many ticks at once, however many tempos there are."""
    tempos = score.tempos or (Tempo(0, 120.0),)
    rules = np.searchsorted([tempo.tick for tempo in tempos], ticks, side="right") - 1
    return np.array([tempo.bpm for tempo in tempos])[np.maximum(rules, 0)]


def _grid_notes(parts: list[Track]) -> tuple[NDArray[np.int64], int, int]:
    """Rows (step, part, pitch class, duration class, velocity class, micro class), sorted; clipped, shifted."""
    rows, clipped, shifted = [], 0, 0
    for index, track in enumerate(parts):
        onset, ticks = track.notes["onset"], track.notes["duration"]
        keys = track.notes["pitch"].astype(np.int64)
        step = np.maximum((onset + TICKS_PER_STEP // 2) // TICKS_PER_STEP, 0)
        micro = np.clip(np.round((onset - step * TICKS_PER_STEP) / v.MICRO_TICKS), -v.MICRO_ZERO, v.MICRO_ZERO)
        steps = np.clip(np.round(ticks / TICKS_PER_STEP), 1, int(v.DURATIONS[-1])).astype(np.int64)
        duration = np.full(len(steps), v.DRUM_DURATION) if track.is_drum else v.DURATION_CLASS[steps]
        known = np.full(len(keys), True)
        if track.is_drum:
            known = (keys >= v.DRUM_LOW) & (keys <= v.DRUM_HIGH)
            keys = keys + v.PITCHES - v.DRUM_LOW
        else:
            clipped += int((np.abs(v.DURATIONS[duration] * TICKS_PER_STEP - ticks) > TICKS_PER_STEP // 2).sum())
        shifted += int((step * TICKS_PER_STEP + micro * v.MICRO_TICKS != onset).sum())
        part = np.full(len(keys), index)
        velocity = track.notes["velocity"].astype(np.int64) >> 2
        table = np.stack([step, part, keys, duration, velocity, micro.astype(np.int64) + v.MICRO_ZERO], axis=1)
        rows.append(table[known])
    notes = np.concatenate(rows) if rows else np.zeros((0, 6), np.int64)
    notes = notes[
        np.lexsort((-notes[:, 3], notes[:, 2], notes[:, 1], notes[:, 0]))
    ]  # of two equal notes the longer stays
    first = np.ones(len(notes), bool)
    first[1:] = (notes[1:, :3] != notes[:-1, :3]).any(axis=1)
    return notes[first], clipped, shifted


def _events(notes: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int16]:
    """Notes at absolute steps → events with bar lines. (n, 6)"""
    bar_of = np.searchsorted(starts, notes[:, 0], side="right") - 1
    position = notes[:, 0] - starts[bar_of] if len(notes) else notes[:, 0]
    previous = np.where(np.diff(bar_of, prepend=-1) == 0, np.roll(position, 1), 0)
    events = np.zeros((len(notes) + len(starts), 6), np.int16)
    events[:, 0] = v.BAR
    at = np.arange(len(notes)) + bar_of + 1
    events[at, 0] = position - previous
    events[at, 1:] = notes[:, 1:]
    return events


def _tempos(piece: Piece, starts: NDArray[np.int64]) -> tuple[Tempo, ...]:
    changes = [i for i in range(len(piece.bar_bpm)) if i == 0 or piece.bar_bpm[i] != piece.bar_bpm[i - 1]]
    return tuple(Tempo(int(starts[i]) * TICKS_PER_STEP, float(piece.bar_bpm[i])) for i in changes)


def _meters(piece: Piece, starts: NDArray[np.int64]) -> tuple[Meter, ...]:
    """Bar lengths as meters in the largest unit that fits: 96 steps → 4/4, 72 → 3/4, 84 → 7/8."""
    changes = [i for i in range(len(piece.bar_steps)) if i == 0 or piece.bar_steps[i] != piece.bar_steps[i - 1]]
    meters = []
    for i in changes:
        steps = int(piece.bar_steps[i])
        unit = next((d for d in (4, 8, 16, 32) if steps * d % 96 == 0), 0)
        if unit:
            meters.append(Meter(int(starts[i]) * TICKS_PER_STEP, steps * unit // 96, unit))
    return tuple(meters)
