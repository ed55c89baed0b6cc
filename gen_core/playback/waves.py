"""Oscillator periods from lists of harmonics: enough versions of each that no harmonic ever passes half the rate.

A wave is a name ("saw"), a list of amplitudes of harmonics 1, 2, 3 …, or a mapping of harmonic number to amplitude
(bells: few, far apart). The tables are made when a book is opened; the book itself carries the lists only.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.playback.layout import TABLE_FRAMES
from gen_core.spec.errors import UsageError

MAX_HARMONICS = TABLE_FRAMES // 2 - 1
# Half an octave from one version to the next: a note loses at most its top half octave of harmonics.
LADDER = tuple(sorted({min(round(2 ** (step / 2)), MAX_HARMONICS) for step in range(21)}))

Wave = str | Sequence[float] | Mapping[str, float]


def _pulse(width: float) -> NDArray:
    h = np.arange(1, MAX_HARMONICS + 1)
    return np.sin(np.pi * h * width) / h


def _named() -> dict[str, NDArray]:
    h = np.arange(1, MAX_HARMONICS + 1)
    odd = h % 2
    return {
        "sine": np.array([1.0]),
        "saw": 1.0 / h,
        "square": odd / h,
        "triangle": odd * np.where(h % 4 == 1, 1.0, -1.0) / h**2,
        "pulse_25": _pulse(0.25),
        "pulse_12": _pulse(0.125),
    }


NAMES = tuple(_named())


def harmonics(wave: Wave) -> NDArray[np.float64]:
    """Amplitudes of harmonics 1, 2, 3 …; UsageError says what a wave may be."""
    if isinstance(wave, str):
        if wave not in NAMES:
            raise UsageError(f"there is no wave {wave!r}", f"use {', '.join(NAMES)}, or a list of harmonics")
        return _named()[wave]
    pairs = wave.items() if isinstance(wave, Mapping) else enumerate(wave, start=1)
    result = np.zeros(MAX_HARMONICS)
    for number, amplitude in pairs:
        if not str(number).isdigit() or not 1 <= int(number) <= MAX_HARMONICS or not np.isfinite(amplitude):
            raise UsageError(f"a wave cannot have harmonic {number} = {amplitude}", f"use 1 to {MAX_HARMONICS}")
        result[int(number) - 1] = amplitude
    return np.trim_zeros(result, "b")


def period(amplitudes: NDArray, count: int) -> NDArray[np.float64]:
    """One period of the first `count` harmonics, all beginning as sines, plus the guard sample. [TABLE_FRAMES + 1]"""
    used = amplitudes[:count]
    spectrum = np.zeros(TABLE_FRAMES // 2 + 1, np.complex128)
    spectrum[1 : used.size + 1] = -0.5j * TABLE_FRAMES * used
    samples = np.fft.irfft(spectrum, TABLE_FRAMES)
    return np.append(samples, samples[0])


def key(wave: Any) -> str:
    """What tells one wave from another."""
    return json.dumps(wave, sort_keys=True)


class WaveTables:
    """All periods end to end (`flat`), and where each begins."""

    def __init__(self, waves: Iterable[Wave]) -> None:
        self._starts: dict[str, list[int]] = {}
        rows: list[NDArray] = []
        for wave in waves:
            if key(wave) not in self._starts:
                self._starts[key(wave)] = self._add(harmonics(wave), rows)
        self.flat = np.concatenate(rows).astype(np.float32) if rows else np.zeros(2, np.float32)

    @staticmethod
    def _add(amplitudes: NDArray, rows: list[NDArray]) -> list[int]:
        """Append one wave's versions; peak 1 at full bandwidth, so that all versions are equally loud."""
        scale = 1.0 / max(np.abs(period(amplitudes, MAX_HARMONICS)).max(), 1e-9)
        starts: list[int] = []
        for step, count in enumerate(LADDER):
            same = step > 0 and not amplitudes[LADDER[step - 1] : count].any()
            if not same:
                rows.append(scale * period(amplitudes, count))
            starts.append((len(rows) - 1) * (TABLE_FRAMES + 1))
        return starts

    def start(self, wave: Wave, increment: float) -> int:
        """Place in `flat` of the richest version that does not alias at `increment` periods a sample."""
        fitting = int(np.searchsorted(LADDER, 0.5 / max(increment, 1e-9), side="right")) - 1
        return self._starts[key(wave)][max(fitting, 0)]
