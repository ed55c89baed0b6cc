"""Four-part pieces of a corpus as rasters of sixteenths: hymns, carols and songs to learn from beside Bach."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gen_core.score.grid import Piece
from gen_core.sequence import vocabulary as v
from gen_core.training.chorales import BAR_CELLS, CELL_STEPS, VOICES, Raster
from gen_core.training.corpus import read_corpus

EXCERPT = 64 * BAR_CELLS  # cells; longer pieces are cut into such excerpts
NOT_SUNG = ("jsb_chorales", "openscore_quartets", "openscore_orchestra")  # the chorales themselves, and instruments
OFF_GRID, SILENT = 0.1, 0.35  # shares of onsets beside the sixteenths, and of rests, at which a piece is left out


def corpus_rasters(corpus: Path, without: Sequence[str] = NOT_SUNG) -> list[Raster]:
    """Rasters of the split `train` of a folder of MIDI files, but for the sources `without`."""
    items, _ = read_corpus(corpus, ("train",))
    return [raster for item in items if item.source not in without for raster in four_voices(item.piece)]


def four_voices(piece: Piece) -> list[Raster]:
    """The excerpts of a piece of four pitched parts; none where it has not four, rests much or leaves the sixteenths.

    A part that plays chords keeps the last key of each. The first bar of the raster is as long as the piece's.
    """
    if len(piece.programs) != VOICES or v.DRUM_PROGRAM in piece.programs or not piece.n_notes:
        return []
    onset, end, part, key = _notes(piece)
    begin, stop = (np.round(steps / CELL_STEPS).astype(np.int64) for steps in (onset, end))
    raster = np.full((int(stop.max()) + 1, VOICES), -1, np.int64)
    for a, b, voice, pitch in zip(begin, stop, part, key, strict=True):
        raster[a : max(b, a + 1), voice] = pitch
    upbeat = int(piece.bar_steps[0]) // CELL_STEPS % BAR_CELLS
    raster = raster[: (int(stop.max()) - upbeat) // BAR_CELLS * BAR_CELLS + upbeat]
    if (onset % CELL_STEPS > 0).mean() > OFF_GRID or not len(raster) or (raster < 0).mean() > SILENT:
        return []
    excerpts = [raster[at : at + EXCERPT] for at in range(0, len(raster), EXCERPT)]
    return [excerpt for excerpt in excerpts if (excerpt >= 0).any(axis=0).all()]


def _notes(piece: Piece) -> list[np.ndarray]:
    """Onset and end in steps, part, key; each (notes,)."""
    events = piece.events.astype(np.int64)
    is_bar = events[:, 0] == v.BAR
    starts = np.concatenate([[0], np.cumsum(piece.bar_steps)])[np.cumsum(is_bar) - 1]
    steps = np.where(is_bar, 0, events[:, 0])
    passed = np.cumsum(steps)
    at_bar = np.maximum.accumulate(np.where(is_bar, passed, 0))
    onset = (starts + passed - at_bar)[~is_bar]
    notes = events[~is_bar]
    return [onset, onset + v.DURATIONS[notes[:, 3]], notes[:, 1], notes[:, 2]]
