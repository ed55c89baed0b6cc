"""Is the graph the same instrument? The same notes through both renderings, compared in decibels."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.playback.graph_engine import GraphEngine
from gen_core.playback.instrument import Instrument
from gen_core.playback.synth import Engine, Synth
from gen_core.synth.kernel_engine import KernelEngine
from gen_core.synth.plan import Plan

REQUIRED_DB = 100.0
_NEVER_SAME = 400.0  # what we call two identical signals
_PHRASE_S = 2.0
# Seconds, part, pitch, velocity (0 lets go): attack, sustain, release; soft and loud; a chord; off the block grid.
PHRASE = (
    (0.003, 0, 48, 100),
    (0.200, 0, 60, 40),
    (0.413, 0, 67, 127),
    (0.700, 0, 48, 0),
    (0.700, 0, 60, 0),
    (0.850, 0, 79, 90),
    (1.000, 0, 67, 0),
    (1.150, 0, 79, 0),
)


def snr_db(reference: NDArray, other: NDArray) -> float:
    """Signal of the reference against the difference, in dB; 400 where nothing differs."""
    difference = reference.astype(np.float64) - other
    noise, signal = float((difference**2).sum()), float((reference.astype(np.float64) ** 2).sum())
    if noise == 0.0:
        return _NEVER_SAME
    return float(10.0 * np.log10(max(signal, 1e-30) / noise))


def play(synth: Synth, phrase: Sequence[tuple[float, int, int, int]], seconds: float) -> NDArray[np.float32]:
    """Render notes (seconds, part, pitch, velocity) from silence. → (frames, 2)"""
    rate, block = synth.plan.sample_rate_hz, synth.block_frames
    events = sorted((round(second * rate), part, pitch, velocity) for second, part, pitch, velocity in phrase)
    blocks = []
    for begin in range(0, round(seconds * rate), block):
        while events and events[0][0] < begin + block:
            frame, part, pitch, velocity = events.pop(0)
            synth.note_on(part, pitch, velocity, max(frame - begin, 0))
        blocks.append(synth.render_block())
    return np.concatenate(blocks)


def patch_parity(plan: Plan, graph: bytes, rows: Sequence[Mapping[str, Any]], seconds: float = 1.4) -> dict[str, float]:
    """Each instrument and each kit piece by name → agreement of graph and kernels in dB over a phrase."""
    return {name: over_time[0] for name, over_time in long_parity(plan, graph, rows, seconds, seconds).items()}


def long_parity(
    plan: Plan, graph: bytes, rows: Sequence[Mapping[str, Any]], seconds: float = 60.0, window_s: float = 1.0
) -> dict[str, tuple[float, float, float]]:
    """Each instrument and kit piece by name → agreement over the first and over the last `window_s` of a phrase that
    is played again and again, in dB, and the largest error anywhere."""
    instruments = [Instrument(row) for row in rows]
    engines: list[Engine] = [KernelEngine(plan), GraphEngine(graph, plan)]
    synths = [Synth(engine, instruments) for engine in engines]
    result = {}
    for instrument in instruments:
        if instrument.kit:
            continue
        for synth in synths:
            synth.reset()
            synth.assign(0, instrument.name)
        kernel, drawn = (play(synth, _repeated(seconds), seconds) for synth in synths)
        edge = round(window_s * plan.sample_rate_hz)
        ends = (snr_db(kernel[:edge], drawn[:edge]), snr_db(kernel[-edge:], drawn[-edge:]))
        result[instrument.name] = (*ends, float(np.abs(kernel - drawn).max()))
    return result


def _repeated(seconds: float) -> list[tuple[float, int, int, int]]:
    """The phrase, every two seconds, so that its beginning is in the last second as well."""
    times = range(max(round(seconds / _PHRASE_S), 1))
    return [(second + _PHRASE_S * n, part, pitch, velocity) for n in times for second, part, pitch, velocity in PHRASE]
