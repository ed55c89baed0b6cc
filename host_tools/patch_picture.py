"""A picture of an instrument: how it is wired, and one note of it as wave, spectrum and brightness."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.playback.instrument import Instrument
from gen_core.synth.patches import Row
from host_tools import measuring, patch_view, wiring_picture
from host_tools.drafts import drafted
from host_tools.orchestra import gather_rows

HELD_S, HEARD_S = 1.0, 4.0
FIRST_S, SHORTEST_S = 0.03, 0.2
VELOCITIES = tuple(range(8, 128, 17))  # 8 to 127
LOWEST_HZ, FLOOR_DB = 30.0, -90.0
WAVE, ACCENT, MUTED = "#30638e", "#d1495b", "#7b8794"
STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.titlecolor": "#52606d",
    "axes.edgecolor": "#9aa5b1",
    "axes.labelcolor": "#52606d",
    "xtick.color": "#52606d",
    "ytick.color": "#52606d",
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def save(path: Path, rows: Sequence[Row], key: int, velocity: int) -> None:
    """Write a .png of 1200x900, or an .svg. `rows` as from `patch_view.find`; of a kit the piece at `key` is shown."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    row = rows[-1]
    if "kit" in row:
        row = next(piece for piece in rows if piece["name"] == Instrument(row).piece(key))
    sampler = measuring.Sampler(gather_rows([row]))
    note = audible(sampler.note(row["name"], key, velocity, HELD_S, HEARD_S), sampler.sample_rate_hz)
    with pyplot.rc_context(STYLE):
        figure = pyplot.figure(figsize=(12, 9), layout="constrained")
        grid = figure.add_gridspec(3, 3, height_ratios=(1.15, 0.9, 1.2))
        title = f"{row.get('title', row['name'])}   key {key}, velocity {velocity}, held {HELD_S:g} s, without effects"
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, color="#1f2933")
        wires = figure.add_subplot(grid[0, :])
        chosen = {slot: unit.name for slot, unit in patch_view.units_of(row).items()}
        wiring_picture.draw(wires, patch_view.wires_of(row), chosen)
        draw_wave(figure.add_subplot(grid[1, :2]), note, sampler.sample_rate_hz)
        draw_beginning(figure.add_subplot(grid[1, 2]), note, sampler.sample_rate_hz)
        draw_spectrum(figure.add_subplot(grid[2, :2]), note, sampler.sample_rate_hz)
        _draw_brightness(figure.add_subplot(grid[2, 2]), sampler, row, key)
        picture = io.BytesIO()
        figure.savefig(picture, format=path.suffix.lower().strip("."), dpi=100)
        pyplot.close(figure)
    with drafted(path) as file:
        file.write(picture.getvalue())


def audible(note: NDArray[np.float32], sample_rate_hz: int) -> NDArray[np.float32]:
    """The note without the silence behind it: until it is 60 dB below its peak, and a little longer."""
    loud = np.flatnonzero(np.abs(note).max(axis=1) > np.abs(note).max() * 1e-3)
    return note[: max(int(1.1 * (loud[-1] if loud.size else 0)), round(SHORTEST_S * sample_rate_hz))]


def draw_wave(axes: Any, note: NDArray[np.float32], sample_rate_hz: int, columns: int = 1200) -> None:
    """The whole note, as the range that each column of it fills."""
    sound = measuring.mono(note)
    size = max(len(sound) // columns, 1)
    pieces = sound[: len(sound) // size * size].reshape(-1, size)
    times = np.arange(len(pieces)) * size / sample_rate_hz
    axes.fill_between(times, pieces.min(axis=1), pieces.max(axis=1), color=WAVE, lw=0.4)
    axes.set_xlim(0, len(sound) / sample_rate_hz)
    axes.set_title("wave")
    axes.set_xlabel("s")


def draw_beginning(axes: Any, note: NDArray[np.float32], sample_rate_hz: int) -> None:
    """The first 30 ms."""
    sound = measuring.mono(note)[: round(FIRST_S * sample_rate_hz)]
    axes.plot(np.arange(len(sound)) / sample_rate_hz * 1000.0, sound, color=WAVE, lw=0.9)
    axes.set_xlim(0, FIRST_S * 1000.0)
    axes.set_title("the first 30 ms")
    axes.set_xlabel("ms")


def draw_spectrum(
    axes: Any, note: NDArray[np.float32], sample_rate_hz: int, frames: int = 4096, columns: int = 400, rows: int = 240
) -> None:
    """Level over time and the logarithm of frequency, 90 dB down from the loudest."""
    times, hertz, level = measuring.spectrogram_db(note, sample_rate_hz, frames, columns)
    keep = hertz >= LOWEST_HZ
    edges = np.geomspace(LOWEST_HZ, min(sample_rate_hz / 2, 20_000.0), rows)
    shown = np.stack([np.interp(edges, hertz[keep], column[keep]) for column in level.T], axis=1)
    shown = np.maximum(shown, _peaks(edges, hertz, level))
    shown -= max(shown.max(), FLOOR_DB)
    axes.pcolormesh(times, edges, shown, cmap="magma", vmin=FLOOR_DB, vmax=0.0, shading="nearest")
    axes.set_yscale("log")
    axes.set_xlim(0, len(note) / sample_rate_hz)
    axes.set_ylim(LOWEST_HZ, edges[-1])
    ticks = (50, 100, 200, 500, 1000, 2000, 5000, 10_000)
    axes.set_yticks(ticks, [f"{tick // 1000} k" if tick >= 1000 else str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_title("spectrum, 90 dB deep")
    axes.set_xlabel("s")
    axes.set_ylabel("Hz")


def _peaks(edges: NDArray[np.float64], hertz: NDArray[np.float64], level: NDArray[np.float64]) -> NDArray[np.float64]:
    """The loudest bin in the stretch around each edge, so that no partial falls between two rows."""
    borders = np.searchsorted(hertz, np.sqrt(edges[:-1] * edges[1:]))
    found = np.full((len(edges), level.shape[1]), FLOOR_DB * 3)
    for number, (low, high) in enumerate(zip(borders, borders[1:], strict=False), 1):
        if high > low:
            found[number] = level[low:high].max(axis=0)
    return found


def _draw_brightness(axes: Any, sampler: measuring.Sampler, row: Row, key: int) -> None:
    """Spectral centroid over velocity."""
    notes = (sampler.note(row["name"], key, velocity, HELD_S, HELD_S) for velocity in VELOCITIES)
    centres = [measuring.centroid_hz(note, sampler.sample_rate_hz) for note in notes]
    axes.plot(VELOCITIES, centres, color=ACCENT, lw=1.4, marker="o", ms=4)
    axes.set_xlim(0, 130)
    axes.set_ylim(0, 1.15 * max(np.nan_to_num(centres, nan=1.0)))  # silence has no centre
    axes.set_title("centre of the spectrum over velocity")
    axes.set_xlabel("velocity")
    axes.set_ylabel("Hz")
    axes.grid(alpha=0.25)
