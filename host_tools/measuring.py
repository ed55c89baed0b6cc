"""What can be measured of one note: how fast it begins, how it dies away, how bright and how loud it is."""

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from host_tools.orchestra import Orchestra, has_kernels

Audio = NDArray[np.float32]  # (frames, 2), or (frames,)
HOP_S = 0.0005  # of the envelope
WINDOW_S = 0.004  # of the envelope, where the sound has no period of its own
_FLOOR_DB = -60.0  # below the strongest partial: noise of no colour
_FIT_DB = ((-5.0, -35.0), (-5.0, -25.0))  # of the decay curve: T30, else T20 (ISO 3382-1)
_SUSTAINS_DB = 6.0  # what falls less while it is heard does not die away by itself
_SPECTRUM_FRAMES = 1 << 14
_LOUD_S = 0.4  # a block of ITU-R BS.1770


class Sampler:
    """Single notes of an orchestra's instruments, dry: what the voices give before any effect."""

    def __init__(self, orchestra: Orchestra) -> None:
        self.sample_rate_hz = orchestra.plan.sample_rate_hz
        self._synth = orchestra.synth("numba" if has_kernels() else "onnx", 1)

    def note(self, name: str, key: int, velocity: int, held_s: float, seconds: float) -> Audio:
        """(frames, 2): a note held for `held_s`, heard for `seconds`."""
        synth, size = self._synth, self._synth.block_frames
        synth.reset()
        synth.assign(0, name)
        synth.note_on(0, key, velocity)
        off, blocks = round(held_s * self.sample_rate_hz), []
        for begin in range(0, round(seconds * self.sample_rate_hz), size):
            if begin <= off < begin + size:
                synth.note_off(0, key, off - begin)
            synth.render_block()
            bus = synth.engine.bus
            blocks.append((bus[0:2] + bus[5:7]).T)
        return np.ascontiguousarray(np.concatenate(blocks)[: round(seconds * self.sample_rate_hz)])


def mono(audio: Audio) -> NDArray[np.float64]:
    """(frames,): the channels' sum, scaled so that what stands in the middle keeps its power."""
    wide = np.asarray(audio, np.float64)
    return wide if wide.ndim == 1 else wide.sum(axis=1) / math.sqrt(wide.shape[1])


def envelope(audio: Audio, sample_rate_hz: int, window_s: float = WINDOW_S) -> NDArray[np.float64]:
    """RMS every HOP_S over a window; give the period of a low note, whose ripples would be taken for a shape."""
    size, hop = (max(round(s * sample_rate_hz), 1) for s in (window_s, HOP_S))
    power = np.concatenate([[0.0], np.cumsum(mono(audio) ** 2)])
    starts = np.arange(0, max(len(power) - size, 1), hop)
    ends = np.minimum(starts + size, len(power) - 1)
    return np.sqrt(np.maximum(power[ends] - power[starts], 0.0) / size)


def attack_s(audio: Audio, sample_rate_hz: int, window_s: float = WINDOW_S) -> float:
    """Seconds from 10 % to 90 % of the envelope's peak; nan for silence. A step reads as 0.8 of the window."""
    before = np.zeros(round(window_s * sample_rate_hz))  # a note may begin with the first frame
    shape = envelope(np.concatenate([before, mono(audio)]), sample_rate_hz, window_s)
    if not shape.max() > 0.0:
        return math.nan
    high = int(np.argmax(shape >= 0.9 * shape.max()))
    below = np.flatnonzero(shape[: high + 1] < 0.1 * shape.max())
    low = int(below[-1]) + 1 if below.size else 0
    return (high - low) * HOP_S


def decay_s(audio: Audio, sample_rate_hz: int) -> float:
    """T60: seconds in which the sound falls by 60 dB from its peak on; inf where it does not; nan for silence.

    By the backward integral of M. R. Schroeder, "New method of measuring reverberation time", JASA 37 (1965), where the
    sound falls far enough while it is heard; else by a line through the envelope.
    """
    energy = mono(audio) ** 2
    shape = envelope(audio, sample_rate_hz, 0.02)
    if not shape.max() > 0.0:
        return math.nan
    peak = int(np.argmax(shape))
    fallen = _db(shape[peak:] / shape[peak])
    if fallen[-1] > -_SUSTAINS_DB:
        return math.inf
    left = energy[int(peak * HOP_S * sample_rate_hz) :][::-1].cumsum()[::-1]
    curve = _db(np.sqrt(left / left[0]))
    for high, low in _FIT_DB:
        if fallen[-1] < low - 10.0:  # what was cut off at the end bends the integral
            inside = np.flatnonzero((curve <= high) & (curve >= low))
            return _t60(inside / sample_rate_hz, curve[inside])
    return _t60(np.arange(len(fallen)) * HOP_S, fallen)


def _t60(times: NDArray, levels: NDArray) -> float:
    """From the slope of a straight line through levels in dB."""
    if len(times) < 2:
        return 0.0
    slope = float(np.polyfit(times, levels, 1)[0])
    return -60.0 / slope if slope < 0.0 else math.inf


def centroid_hz(audio: Audio, sample_rate_hz: int) -> float:
    """Centre of the amplitude spectrum: brightness (J. M. Grey, J. W. Gordon, JASA 63, 1978). nan for silence."""
    sound = mono(audio)
    frames = min(len(sound), _SPECTRUM_FRAMES)
    pieces = sliding_window_view(sound, frames)[:: max(frames // 2, 1)]
    power = (np.abs(np.fft.rfft(pieces * np.hanning(frames), axis=1)) ** 2).mean(axis=0)
    amplitude = np.sqrt(power)
    if not amplitude.max() > 0.0:
        return math.nan
    amplitude[amplitude < amplitude.max() * 10.0 ** (_FLOOR_DB / 20.0)] = 0.0
    return float((np.fft.rfftfreq(frames, 1.0 / sample_rate_hz) * amplitude).sum() / amplitude.sum())


def loudness_db(audio: Audio, sample_rate_hz: int) -> float:
    """The loudest 0.4 s in LKFS: K-weighted as ITU-R BS.1770-5 has it, not gated; -inf for silence."""
    from scipy.signal import sosfilt

    wide = np.asarray(audio, np.float64).reshape(len(audio), -1)
    power = np.concatenate([[0.0], np.cumsum((sosfilt(_k_weighting(sample_rate_hz), wide, axis=0) ** 2).sum(axis=1))])
    size = min(round(_LOUD_S * sample_rate_hz), len(wide))
    loudest = float((power[size:] - power[:-size]).max()) / size
    return -0.691 + 10.0 * math.log10(loudest) if loudest > 0.0 else -math.inf


def _k_weighting(sample_rate_hz: int) -> NDArray[np.float64]:
    """(2, 6) second-order sections at any rate: a shelf for the head, a high pass.

    The recommendation has coefficients for 48 kHz only; these are the analogue filters behind them, found by
    B. De Man, "Evaluation of implementations of the EBU R128 loudness measurement", AES 145 (2018).
    """
    gain, q, k = 10.0 ** (3.999843853973347 / 20.0), 0.7071752369554196, _warped(1681.974450955533, sample_rate_hz)
    middle, norm = gain**0.4996667741545416, 1.0 + k / q + k * k
    shelf = [gain + middle * k / q + k * k, 2.0 * (k * k - gain), gain - middle * k / q + k * k]
    first = [*(b / norm for b in shelf), 1.0, 2.0 * (k * k - 1.0) / norm, (1.0 - k / q + k * k) / norm]
    q, k = 0.5003270373238773, _warped(38.13547087602444, sample_rate_hz)
    norm = 1.0 + k / q + k * k
    return np.array([first, [1.0, -2.0, 1.0, 1.0, 2.0 * (k * k - 1.0) / norm, (1.0 - k / q + k * k) / norm]])


def _warped(hertz: float, sample_rate_hz: int) -> float:
    return math.tan(math.pi * hertz / sample_rate_hz)


def spectrogram_db(audio: Audio, sample_rate_hz: int, frames: int = 2048, columns: int = 400) -> tuple[Any, Any, Any]:
    """Seconds (columns,), Hz (rows,), and dB (rows, columns) below a full-scale sine: Hann windows side by side."""
    sound = np.concatenate([np.zeros(frames // 2), mono(audio), np.zeros(frames)])
    starts = np.linspace(0, max(len(sound) - frames, 0), columns).astype(int)
    window = np.hanning(frames)
    pieces = sliding_window_view(sound, frames)[starts] * window
    level = _db(np.abs(np.fft.rfft(pieces, axis=1)) * 2.0 / window.sum())
    return starts / sample_rate_hz, np.fft.rfftfreq(frames, 1.0 / sample_rate_hz), level.T


def _db(ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    return 20.0 * np.log10(np.maximum(ratio, 1e-10))
