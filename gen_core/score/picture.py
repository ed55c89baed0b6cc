"""A performance on one page: piano roll coloured by part, the asked-for curve over it, the spectrogram below."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.note import Note
from gen_core.spec.time import ticks_to_seconds

PART_COLOURS = ("#d1495b", "#edae49", "#00798c", "#30638e", "#5b5f97", "#66a182", "#8d6a9f", "#c97b63", "#4f6d7a")
SPECTRUM_FRAMES = 2048
FLOOR_DB = -90.0


def save(
    path: Path,
    notes: Sequence[Note],
    part_names: Sequence[str],
    curve: Sequence[tuple[float, float]],
    audio: NDArray[np.float32],
    sample_rate_hz: int,
    bpm: float,
    curve_name: str = "energy",
) -> None:
    """Write a PNG. `curve` is (seconds, 0..1); `audio` (frames, channels); notes are placed at a constant `bpm`."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    seconds = max(len(audio) / sample_rate_hz, 1.0)
    figure, (roll, spectrum) = pyplot.subplots(2, 1, figsize=(14, 8), sharex=True, layout="constrained")
    _draw_roll(roll, notes, part_names, bpm)
    if curve:
        _draw_curve(roll, curve, seconds, curve_name)
    _draw_spectrum(spectrum, audio, sample_rate_hz)
    spectrum.set_xlim(0, seconds)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def _draw_roll(axes: Any, notes: Sequence[Note], part_names: Sequence[str], bpm: float) -> None:
    for part, name in enumerate(part_names):
        mine = [note for note in notes if note.part == part]
        bars = [(ticks_to_seconds(n.tick, bpm), ticks_to_seconds(n.duration, bpm)) for n in mine]
        lefts, widths = [b[0] for b in bars], [b[1] for b in bars]
        shades = [0.35 + 0.65 * note.velocity / 127 for note in mine]
        colour = PART_COLOURS[part % len(PART_COLOURS)]
        drawn = axes.barh([n.pitch for n in mine], widths, left=lefts, height=0.9, color=colour, label=name)
        for bar, shade in zip(drawn, shades, strict=True):
            bar.set_alpha(shade)
    axes.set_ylabel("MIDI key")
    axes.grid(alpha=0.2)
    axes.legend(loc="upper left", ncols=max(len(part_names), 1), fontsize=8)


def _draw_curve(axes: Any, curve: Sequence[tuple[float, float]], seconds: float, name: str) -> None:
    over = axes.twinx()
    times = [point[0] for point in curve] + [seconds]
    values = [point[1] for point in curve] + [curve[-1][1]]
    over.step(times, values, where="post", color="black", linewidth=1.6)
    over.set_ylim(-0.05, 1.05)
    over.set_ylabel(f"{name} asked for")


def _draw_spectrum(axes: Any, audio: NDArray[np.float32], sample_rate_hz: int) -> None:
    """Short-time spectrum in dB, up to 12 kHz."""
    mono = audio.mean(axis=1) if audio.ndim == 2 else audio
    hop = SPECTRUM_FRAMES // 2
    count = max((len(mono) - SPECTRUM_FRAMES) // hop + 1, 1)
    padded = np.pad(mono, (0, max(SPECTRUM_FRAMES - len(mono), 0)))
    frames = np.stack([padded[i * hop : i * hop + SPECTRUM_FRAMES] for i in range(count)]) * np.hanning(SPECTRUM_FRAMES)
    level = 20 * np.log10(np.abs(np.fft.rfft(frames, axis=1)) / (SPECTRUM_FRAMES / 4) + 10 ** (FLOOR_DB / 20))
    top = 12_000
    bins = int(top / (sample_rate_hz / SPECTRUM_FRAMES))
    extent = (0, count * hop / sample_rate_hz, 0, top / 1000)
    axes.imshow(level[:, :bins].T, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=FLOOR_DB, vmax=0)
    axes.set_ylabel("kHz")
    axes.set_xlabel("seconds")
