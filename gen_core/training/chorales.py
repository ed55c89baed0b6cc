"""The published Bach chorales as a yardstick: nats per note of the 16th-note raster, beside the figures of others.

The data (Boulanger-Lewandowski's split; `Jsb16thSeparated.json` of github.com/czhuang/JSB-Chorales-dataset) are
rasters: four voices, a key or a rest for every sixteenth, no sign of where a held key is struck anew. A network that
foretells notes has to say where they begin and end, so every raster is written in one canonical way:

- a run of equal cells is one note of program 52; a run of rests is a note of the class REST, which transposing spares;
- a run longer than LONGEST is cut every LONGEST cells;
- voices S, A, T, B are parts 0..3; bars are 4/4, the first as long as the remainder of the piece, which is charged;
- tempo, velocity and micro-timing are constants, and nothing is said of style, wishes, chords or the end.

Each voice then begins a note exactly where its last one ends. When and in which part the next event falls, bar lines
included, follows from what sounds: the form leaves one choice, which costs nothing. What is charged is key and
duration of every note, over the choices that the form leaves: durations of whole cells up to LONGEST, and no key again
that could have been held. `decode` undoes `encode`, so different rasters are different pieces, and the sum over a
piece bounds -log p of its raster from above: the end is not told, and how long its last notes are is charged in full.
"""

import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gen_core.score.grid import GridLoss, Piece
from gen_core.sequence import vocabulary as v
from gen_core.sequence.layout import HEADS, KINDS
from gen_core.spec.errors import UsageError
from gen_core.spec.time import STEPS_PER_QUARTER
from gen_core.training.columns import SLICES, TARGETS, Rows, piece_rows, untold

FILE = "Jsb16thSeparated.json"
VOICES = 4
PROGRAM = 52  # choir aahs
CELL_STEPS = STEPS_PER_QUARTER // 4
BAR_CELLS = 16
LONGEST = 16  # cells; longer durations are not all in the vocabulary
REST = v.PITCHES  # the first percussion key stands for silence
BPM, VELOCITY = 100.0, 16  # constants
UPBEATS = {0: 65, 4: 148, 8: 9, 12: 7}  # cells of the first, short bar (0: none) → training pieces

_DURATIONS = v.DURATION_CLASS[np.arange(1, LONGEST + 1) * CELL_STEPS]
_LONGEST_CLASS = int(_DURATIONS[-1])
_KEYS = np.arange(v.SIZES["pitch"]) <= REST
_CELLS = np.isin(np.arange(v.SIZES["duration"]), _DURATIONS)
_OWN = {f: SLICES[f].start + [name for name, _ in HEADS[f]].index("own") for f in ("pitch", "duration")}
_PITCH, _DURATION = (TARGETS.start + v.FIELDS.index(field) for field in ("pitch", "duration"))

Raster = NDArray[np.int64]  # (cells, VOICES): MIDI keys, -1 where a voice rests


def read_chorales(source: Path) -> dict[str, list[Raster]]:
    """Rasters by split from the JSON file, a folder that holds it, or the corpus' archive of it.

    Raises UsageError where there is none.
    """
    if source.is_dir():
        found = [*sorted(source.rglob(FILE)), source / "jsb_chorales.tar.xz"]
        source = next((path for path in found if path.is_file()), source / FILE)
    if not source.is_file():
        raise UsageError(f"{source} does not exist", f"give {FILE}, or a folder or .tar.xz that holds it")
    if source.suffix == ".json":
        text = source.read_bytes()
    else:
        with tarfile.open(source) as archive:
            member = next((name for name in archive.getnames() if name.endswith(FILE)), None)
            held = archive.extractfile(member) if member else None
            if held is None:
                raise UsageError(f"{source} does not hold {FILE}", "give the published data")
            text = held.read()
    return {split: [_raster(piece) for piece in pieces] for split, pieces in json.loads(text).items()}


def _raster(piece: list[list[float | None]]) -> Raster:
    cells = np.array(piece, np.float64)
    return np.where(cells > 0, np.nan_to_num(cells), -1).astype(np.int64)


def encode(raster: Raster) -> Piece:
    """Raster (cells, voices) → piece, one part a voice, in the canonical form."""
    notes = [note for part in range(raster.shape[1]) for note in _voice(raster[:, part], part)]
    upbeat = len(raster) % BAR_CELLS
    bars = [upbeat] * (upbeat > 0) + [BAR_CELLS] * (len(raster) // BAR_CELLS)
    starts = np.concatenate([[0], np.cumsum(bars)])
    events, bar, now = [v.BAR_LINE], 0, 0
    for cell, part, pitch, cells in sorted(notes):
        while cell >= starts[bar + 1]:
            bar += 1
            now = int(starts[bar])
            events.append(v.BAR_LINE)
        duration = int(_DURATIONS[cells - 1])
        events.append(v.Event((cell - now) * CELL_STEPS, part, pitch, duration, VELOCITY, v.MICRO_ZERO))
        now = cell
    steps = np.array(bars[: bar + 1], np.int64) * CELL_STEPS
    loss = GridLoss(len(notes), 0, 0, 0)
    return Piece((PROGRAM,) * raster.shape[1], np.array(events, np.int16), steps, np.full(bar + 1, BPM), loss)


def _voice(cells: NDArray[np.int64], part: int) -> list[tuple[int, int, int, int]]:
    """One voice → notes (first cell, part, pitch class, cells)."""
    edges = [*np.flatnonzero(np.diff(cells, prepend=-2)).tolist(), len(cells)]
    return [
        (cell, part, int(cells[cell]) if cells[cell] >= 0 else REST, min(LONGEST, end - cell))
        for begin, end in zip(edges, edges[1:], strict=False)
        for cell in range(begin, end, LONGEST)
    ]


def decode(piece: Piece) -> Raster:
    """Piece in the canonical form → raster (cells, parts)."""
    voices: list[list[int]] = [[] for _ in piece.programs]
    for delta, part, pitch, duration, _, _ in piece.events.tolist():
        if delta != v.BAR:
            cells = int(v.DURATIONS[duration]) // CELL_STEPS
            voices[part] += [pitch if pitch < REST else -1] * cells
    return np.array(voices, np.int64).T


def chorale_rows(rasters: Sequence[Raster]) -> Rows:
    """Rows of all rasters in the canonical form, nothing told."""
    tables = [untold(piece_rows(encode(raster))) for raster in rasters]
    return Rows(np.concatenate(tables), np.concatenate([[0], np.cumsum([len(table) for table in tables])]))


def upbeat_nats(raster: Raster) -> float:
    """What it costs to say how long the first bar is; every length might have been."""
    heard = UPBEATS.get(len(raster) % BAR_CELLS, 0)
    return float(np.log((sum(UPBEATS.values()) + BAR_CELLS) / (heard + 1)))


def allowed(rows: NDArray[np.int16]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Rows (n, WIDTH) of notes → what the form leaves: keys (n, 189) and durations (92,).

    The key that the voice had before is out, unless its note was as long as a note can be.
    """
    keys = np.tile(_KEYS, (len(rows), 1))
    before = rows[:, _OWN["pitch"]].astype(np.int64)
    held = (before < KINDS["pitch"] - 1) & (rows[:, _OWN["duration"]] != _LONGEST_CLASS)
    keys[np.flatnonzero(held), before[held]] = False
    return keys, _CELLS
