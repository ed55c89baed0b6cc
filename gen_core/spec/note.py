"""A note as it travels from composer to synthesizer, to the wire and into files."""

from typing import NamedTuple


class Note(NamedTuple):
    """One note of one part. Ordered by tick, then part, then pitch."""

    tick: int  # onset, 480 a quarter, from the start of the performance
    part: int  # index into the ensemble
    pitch: int  # MIDI key, 0..127; for percussion the General MIDI percussion key
    duration: int  # ticks, at least 1
    velocity: int  # 1..127
