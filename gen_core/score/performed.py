"""Composed notes to a score, for MIDI files."""

from collections.abc import Sequence

from gen_core.score.score import Meter, Score, Tempo, Track, make_notes
from gen_core.spec.note import Note
from gen_core.theory import meter as theory

_COMMON_TIME = theory.Meter()


def score_of(
    notes: Sequence[Note],
    parts: Sequence[tuple[str, int]],
    tempos: Sequence[tuple[int, float]],
    title: str = "",
    meter: theory.Meter = _COMMON_TIME,
) -> Score:
    """Notes of a performance → score. `parts`: name and program of each; `tempos`: (tick, quarter notes a minute)."""
    tracks = []
    for number, (name, program) in enumerate(parts):
        rows = [(n.tick, n.duration, n.pitch, n.velocity) for n in notes if n.part == number]
        tracks.append(Track(name, program, make_notes(rows)))
    meters = (Meter(0, meter.numerator, meter.denominator),)
    return Score(tuple(tracks), tuple(Tempo(tick, bpm) for tick, bpm in tempos), meters, title)
