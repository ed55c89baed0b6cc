"""The board's own performance and synthesizer without a clock on the wall: as fast as the machine goes."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.playback.performance import Performance
from gen_core.playback.synth import Synth
from gen_core.spec.note import Note
from gen_core.theory.lead_sheet import LeadSheet


def perform(
    manifest: Mapping[str, Any],
    files: Mapping[str, bytes],
    seconds: float,
    seed: int | None = None,
    values: Mapping[str, float] | None = None,
    sheet: LeadSheet | None = None,
    length_bars: int | None = None,
) -> tuple[list[Note], NDArray[np.float32], Performance]:
    """Compose and sound `seconds` of the book: notes, audio (frames, 2), and the performance with its figures.

    `sheet`: chords to obey; `length_bars`: the piece ends with so many bars. UsageError where they contradict `values`.
    """
    performance = Performance(manifest, files, seed, values, sheet, length_bars)
    blocks = []
    for _ in range(math.ceil(seconds * performance.sample_rate_hz / performance.block_frames)):
        while performance.compose_ahead():
            pass
        blocks.append(performance.render_block())
    audio = np.concatenate(blocks)[: round(seconds * performance.sample_rate_hz)]
    return performance.take_notes(), audio, performance


def sound(
    synth: Synth, notes: Iterable[tuple[float, float, int, int, int]], tail_s: float = 2.0
) -> NDArray[np.float32]:
    """Sound notes (start s, end s, part, pitch, velocity), in any order; audio (frames, 2) with a tail."""
    rate, size = synth.plan.sample_rate_hz, synth.block_frames
    moves = []
    for start, end, part, pitch, velocity in notes:
        first = round(start * rate)
        moves.append((first, 1, part, pitch, velocity))
        moves.append((max(round(end * rate), first + 1), 0, part, pitch, 0))
    moves.sort()
    total = (moves[-1][0] if moves else 0) + round(tail_s * rate)
    blocks, at = [], 0
    for block in range(math.ceil(total / size)):
        while at < len(moves) and moves[at][0] < (block + 1) * size:
            frame, starts, part, pitch, velocity = moves[at]
            if starts:
                synth.note_on(part, pitch, velocity, frame - block * size)
            else:
                synth.note_off(part, pitch, frame - block * size)
            at += 1
        blocks.append(synth.render_block())
    return np.concatenate(blocks)[:total] if blocks else np.zeros((0, 2), np.float32)
