"""Single periods as sums of sines, in versions with fewer and fewer harmonics, so that none ever passes half the rate.

A wave is a name ("saw"), a list of amplitudes of harmonics 1, 2, 3 …, or a mapping of harmonic number to amplitude
(bells: few, far apart). A body, resonances at fixed frequencies, colours it differently at every pitch: the version
of a wave belongs to half an octave of pitches, so a resonance is painted where it falls among their harmonics.
The tables are made when a book is opened; the book itself carries the lists only.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.errors import UsageError

MAX_FRAMES = 2048  # of a period
MAX_HARMONICS = MAX_FRAMES // 2 - 1
# Half an octave from one version to the next: a note loses at most its top half octave of harmonics.
LADDER = tuple(sorted({min(round(2 ** (step / 2)), MAX_HARMONICS) for step in range(21)}))
NYQUIST_HZ = 24000.0  # at 48 kHz: what a version's harmonics mean in hertz, for a body

Wave = str | Sequence[float] | Mapping[str, float]
Body = Sequence[Sequence[float]]  # rows of (Hz, dB, octaves wide)


def frames_of(count: int) -> int:
    """Length of a period with `count` harmonics: linear interpolation of harmonic h errs by (h / frames)^2 of it."""
    return min(max(1024, 2 ** math.ceil(math.log2(64 * count))), MAX_FRAMES)


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


def check_wave(value: Any) -> Any:
    """`value` if it is a wave that can sound."""
    hint = f"use {', '.join(NAMES)}, or a list of harmonics"
    try:
        if not isinstance(value, str | list | dict) or not harmonics(value).any():
            raise UsageError(f"wave cannot be {value!r}", hint)
    except (UsageError, TypeError) as error:
        raise UsageError(f"wave: {getattr(error, 'cause', error)}", hint) from None
    return value


def check_body(value: Any) -> Any:
    """`value` if it is a list of rows [Hz 20..20000, dB -40..40, octaves 0.05..4]."""
    hint = "write rows of [Hz, dB, octaves wide], as in [[700, 12, 0.3]]"
    try:
        rows = np.asarray(value, float).reshape(-1, 3) if len(value) else np.zeros((0, 3))
    except (TypeError, ValueError):
        raise UsageError(f"body cannot be {value!r}", hint) from None
    low, high = np.array([20.0, -40.0, 0.05]), np.array([20000.0, 40.0, 4.0])
    if not ((rows >= low) & (rows <= high)).all():
        raise UsageError(f"body {value!r} is out of range", "give 20 to 20000 Hz, -40 to 40 dB, 0.05 to 4 octaves")
    return rows.tolist()


def body_gain(body: Body, hertz: NDArray) -> NDArray[np.float64]:
    """What the resonances multiply at the given frequencies: bells on a scale of octaves, added in dB."""
    level = np.zeros(np.shape(hertz))
    for centre, decibels, octaves in body:
        level += decibels * np.exp(-0.5 * (np.log2(np.maximum(hertz, 1.0) / centre) / octaves) ** 2)
    return np.asarray(10.0 ** (level / 20.0))


def period(amplitudes: NDArray, count: int, frames: int = MAX_FRAMES) -> NDArray[np.float64]:
    """One period of the first `count` harmonics, all beginning as sines, plus the guard sample. [frames + 1]"""
    used = amplitudes[:count]
    spectrum = np.zeros(frames // 2 + 1, np.complex128)
    spectrum[1 : used.size + 1] = -0.5j * frames * used
    samples = np.fft.irfft(spectrum, frames)
    return np.append(samples, samples[0])


def key(wave: Any, body: Any = ()) -> str:
    """What tells one wave from another."""
    return json.dumps([wave, list(body)], sort_keys=True)


class WaveTables:
    """All periods end to end, and where each begins. A wave that was not there is added when it is asked for."""

    def __init__(self, waves: Iterable[Wave] = ()) -> None:
        self._places: dict[str, list[tuple[int, int]]] = {}
        self._rows: list[NDArray[np.float32]] = []
        self.end = 0
        for wave in waves:
            self.add(wave)

    @property
    def flat(self) -> NDArray[np.float32]:
        """All periods end to end."""
        return np.concatenate(self._rows) if self._rows else np.zeros(2, np.float32)

    def add(self, wave: Wave, body: Body = ()) -> None:
        """Append the versions of a wave, if they are not there; peak 1 where a body does not colour it."""
        if key(wave, body) in self._places:
            return
        amplitudes = harmonics(wave)
        scale = 1.0 / max(np.abs(period(amplitudes, MAX_HARMONICS)).max(), 1e-9)
        places: list[tuple[int, int]] = []
        for step, count in enumerate(LADDER):
            same = step > 0 and not len(body) and not amplitudes[LADDER[step - 1] : count].any()
            places.append(places[-1] if same else self._version(amplitudes * scale, body, count))
        self._places[key(wave, body)] = places

    def _version(self, amplitudes: NDArray, body: Body, count: int) -> tuple[int, int]:
        """Place and length of one version, made for the pitches whose harmonic `count` is just below half the rate."""
        used = amplitudes[:count]
        if len(body):
            middle_hz = NYQUIST_HZ / count * 2.0**-0.25
            used = used * body_gain(body, middle_hz * np.arange(1, used.size + 1))
        frames = frames_of(min(count, max(used.size, 1)))
        self._rows.append(period(used, count, frames).astype(np.float32))
        self.end += frames + 1
        return self.end - frames - 1, frames

    def place(self, wave: Wave, increment: float, body: Body = ()) -> tuple[int, int]:
        """(place in `flat`, frames) of the richest version that does not alias at `increment` periods a sample."""
        self.add(wave, body)
        fitting = int(np.searchsorted(LADDER, 0.5 / max(increment, 1e-9), side="right")) - 1
        return self._places[key(wave, body)][max(fitting, 0)]
