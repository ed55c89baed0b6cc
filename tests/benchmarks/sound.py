"""How it sounds, in figures: aliasing, filter and envelopes against the book, loudness, true peak, offset, tail."""

import sys

import numpy as np
import pyloudnorm
from numpy.typing import NDArray
from scipy import signal

from export.book import parts
from gen_core.playback.instrument import Instrument
from gen_core.playback.offline import perform
from gen_core.playback.synth import Synth
from gen_core.synth import patches
from gen_core.synth.kernel_engine import KernelEngine
from tests.benchmarks.frame import Figure, main

RATE, BLOCK = 48000, 512
SAW = """
[oscillator_1]
wave = "saw"
level = 0.5
[amp]
attack_s = {attack}
decay_s = {decay}
sustain = 0.0
[filter]
cutoff_hz = 20000.0
key_track = 0.0
velocity_octaves = 0.0
[mix]
send = 0.0
gain_db = -6.0
"""
MIX_S = 40.0  # of each ensemble


def run() -> list[Figure]:
    """Everything."""
    return [*aliasing(), *envelope_times(), *default_mix()]


def note(text: str, key: int, seconds: float, effects: tuple[str, ...] = ("limiter",)) -> NDArray[np.float64]:
    """One held note of a patch, left side."""
    rows = patches.read(text, "measured.toml")
    played = Synth(KernelEngine(patches.plan_for(rows, effects)), [Instrument(row) for row in rows])
    played.note_on(0, key, 127)
    return np.concatenate([played.render_block() for _ in range(round(seconds * RATE / BLOCK))])[:, 0].astype(float)


def aliasing() -> list[Figure]:
    """Energy of a saw off its harmonics, the worst of the highest octave."""
    worst = max(_off_harmonics_db(note(SAW.format(attack=0.001, decay=20.0), key, 2.0), key) for key in range(96, 109))
    return [Figure("saw, keys 96 to 108", worst, "dB", "off the harmonics; the goal is -80 at most")]


def _off_harmonics_db(sound: NDArray, key: int) -> float:
    spectrum = np.abs(np.fft.rfft(sound * signal.windows.blackmanharris(sound.size))) ** 2
    frequency, bins = 440.0 * 2 ** ((key - 69) / 12), np.fft.rfftfreq(sound.size, 1 / RATE)
    near = np.abs(bins / frequency - np.round(bins / frequency)) * frequency < 8 * RATE / sound.size
    return float(10 * np.log10(spectrum[~near].sum() / spectrum.sum()))


def envelope_times() -> list[Figure]:
    """Attack and decay of a note against what its patch says."""
    errors = []
    for attack, decay in ((0.05, 0.5), (0.2, 2.0)):
        sound = note(SAW.format(attack=attack, decay=decay), 84, attack + decay)
        level = np.abs(signal.hilbert(signal.sosfiltfilt(signal.butter(2, 3000, output="sos", fs=RATE), sound)))
        level = signal.sosfiltfilt(signal.butter(2, 200, output="sos", fs=RATE), level)
        peak = int(np.argmax(level))
        rise = np.interp([0.2, 0.8], level[:peak] / level[peak], np.arange(peak) / RATE)
        errors.append(abs((rise[1] - rise[0]) / 0.6 / attack - 1.0))
        slope = np.polyfit(np.arange(RATE // 8), np.log(level[peak + 2000 : peak + 2000 + RATE // 8]), 1)[0] * RATE
        errors.append(abs(-np.log(1000.0) / slope / decay - 1.0))
    return [Figure("envelope times", 100 * max(errors), "% off", "as heard; the goal is 1 at most")]


def default_mix() -> list[Figure]:
    """Every ensemble of the default book as it comes: loudness, true peak, offset."""
    manifest, files = parts("default", "1.0.0")
    figures = []
    for number, name in enumerate(manifest["ensembles"]):
        _, audio, _ = perform(manifest, files, MIX_S, seed=7, values={"ensemble": float(number)})
        sound = audio.astype(float)
        loud = pyloudnorm.Meter(RATE).integrated_loudness(sound)
        peak = 20 * np.log10(np.abs(signal.resample_poly(sound, 8, 1, axis=0)).max())
        window = np.blackman(len(sound))[:, None]
        offset = 20 * np.log10(np.abs((sound * window).sum(axis=0) / window.sum()).max() + 1e-12)
        note = f"true peak {peak:.2f} dBTP, offset {offset:.0f} dBFS; the goal is -16 +- 1, -1 at most, -80 at most"
        figures.append(Figure(f"{name}, {MIX_S:.0f} s", loud, "LUFS", note))
    return figures


if __name__ == "__main__":
    sys.exit(main({"sound": run}))
