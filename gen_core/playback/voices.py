"""Which note sounds on which lane: allocation, release, stealing without clicks.

28 notes sound; a few lanes are kept free, or on their way to be. A lane that must go fades to zero over one block
(10.7 ms at 48 kHz) while its replacement starts on a free lane; only when notes come faster than lanes fade does a
note wait for the next block. Plain numpy over all lanes: this runs on the board, once a block.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gen_core.playback.instrument import Sound
from gen_core.playback.layout import HELD_S, LaneArrays, Layout

_RESERVE = 4  # lanes kept free for the next block's notes: a chord of four and no waiting
_SILENT = 1e-4  # -80 dB of the note's own loudest moment: its lane may go
_FAR = -40.0  # exponents below give numbers that are slow to compute and not needed
_FREE, _SOUNDING, _FADING = 0, 1, 2


@dataclass(frozen=True)
class Start:
    """A note about to begin. `frame` counts from the start of the next block."""

    part: int
    pitch: int
    frame: int
    sound: Sound
    phases: NDArray[np.float64]
    choke: str = ""
    one_shot: bool = False


class Voices:
    """The lanes of one engine. All methods belong to the audio thread."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._arrays = LaneArrays(layout)
        self.lanes = self._arrays.arrays
        names = ("attack", "attack_rate", "decay_rate", "sustain", "release_rate")
        self._amplitude = [self.lanes[name][0, :, 0] for name in names]
        self.dropped = 0  # notes for which there was no lane even after waiting
        self._waiting: list[Start] = []
        count = layout.lanes
        self._state = np.full(count, _FREE)
        self._part, self._pitch = np.zeros(count, int), np.full(count, -1)
        self._age, self._off_age = np.zeros(count, np.int64), np.zeros(count, np.int64)  # frames at block start
        self._held, self._one_shot = np.zeros(count, bool), np.zeros(count, bool)
        self._gains, self._before = np.zeros((3, count)), np.zeros((3, count))  # before the part's level; last block's
        self._choke = [""] * count

    @property
    def active(self) -> int:
        """Lanes that sound, fading ones included."""
        return int((self._state != _FREE).sum())

    # -- notes -------------------------------------------------------------------------------------------------------
    def note_on(self, note: Start) -> None:
        """Begin a note at its frame of the next block; the same key of the same part is let go."""
        self.note_off(note.part, note.pitch, note.frame)
        if note.choke:
            for lane in np.flatnonzero((self._state == _SOUNDING) & (self._part == note.part)):
                if self._choke[lane] == note.choke and self._age[lane] > 0:
                    self._state[lane] = _FADING
        free = np.flatnonzero(self._state == _FREE)
        if free.size:
            self._occupy(int(free[0]), note)
        elif len(self._waiting) < self.layout.lanes:
            self._waiting.append(note)
        else:
            self.dropped += 1

    def note_off(self, part: int, pitch: int, frame: int) -> None:
        """Let go of every held note of that key; one-shots play on."""
        ours = self._held & (self._part == part) & (self._pitch == pitch) & ~self._one_shot
        self._held[ours] = False
        self._off_age[ours] = -frame
        for index, note in enumerate(self._waiting):
            if (note.part, note.pitch) == (part, pitch) and not note.one_shot:
                del self._waiting[index]
                break

    def all_notes_off(self) -> None:
        """Let go of everything; release times apply, one-shots fade."""
        self._off_age[self._held] = 0
        self._held[:] = False
        self._state[self._one_shot & (self._state == _SOUNDING)] = _FADING
        self._waiting.clear()

    def _occupy(self, lane: int, note: Start) -> None:
        """Write a note's values into a free lane."""
        self._arrays.singles[:, lane] = note.sound.singles
        self._arrays.doubles[:, lane] = note.sound.doubles
        self.lanes["filter_map"][lane] = note.sound.filter_map
        self.lanes["table"][:, lane, 0] = note.sound.table
        phase = note.phases - note.frame * note.sound.first_increment
        self.lanes["phase_start"][:, lane, 0] = phase % 1.0
        self.lanes["keep"][lane] = 0.0
        self._state[lane] = _SOUNDING
        self._part[lane], self._pitch[lane] = note.part, note.pitch
        self._age[lane] = -note.frame
        self._held[lane], self._one_shot[lane], self._choke[lane] = True, note.one_shot, note.choke
        self._gains[:, lane] = note.sound.gains

    # -- blocks ------------------------------------------------------------------------------------------------------
    def begin_block(self, levels: NDArray[np.float64]) -> dict[str, NDArray]:
        """The lane values of the next block. levels [parts]: each part's gain, reached at the block's end."""
        rate = self.layout.sample_rate_hz
        self.lanes["age"][:, 0] = self._age / rate
        self.lanes["off_age"][:, 0] = np.where(self._held, HELD_S, self._off_age / rate)
        target = self._gains * levels[self._part] * (self._state == _SOUNDING)
        starting = self.lanes["keep"][:, 0] == 0.0
        before = np.where(starting, target, self._before)
        self.lanes["mix"][:3], self.lanes["mix"][3:] = before, target - before
        self._before = target
        return self.lanes

    def end_block(self) -> None:
        """Time goes on: faded lanes are free, silent ones fade, the weakest make room, waiting notes begin."""
        frames = self.layout.block_frames
        self._release(np.flatnonzero(self._state == _FADING))
        self._age += frames
        self._off_age += frames
        self.lanes["keep"][:] = 1.0
        self.lanes["phase_start"][:] = 0.0
        loudness = self._envelope_now()
        over = (loudness < _SILENT) & (self._age > self.lanes["attack"][0, :, 0] * self.layout.sample_rate_hz)
        self._state[(self._state == _SOUNDING) & over] = _FADING
        self._make_room(loudness)
        waiting, self._waiting = self._waiting, []
        for note in waiting:
            self.note_on(Start(**{**note.__dict__, "frame": 0}))

    def _release(self, lanes: NDArray) -> None:
        """Free lanes, with values that cost a kernel nothing."""
        if not lanes.size:
            return
        self._state[lanes] = _FREE
        self._held[lanes] = False
        self._pitch[lanes] = -1
        for name in ("increment", "level", "level_bend"):
            self.lanes[name][:, lanes] = 0.0
        self.lanes["filter_map"][lanes] = 0.0

    def _envelope_now(self) -> NDArray[np.float64]:
        """Amplitude envelope of every lane at the next block's start; the formula of units/envelope.py."""
        frame_s = 1.0 / self.layout.sample_rate_hz
        attack, attack_rate, decay_rate, sustain, release_rate = self._amplitude
        off = np.maximum(self._off_age, 0) * ~self._held * frame_s
        held = np.maximum(self._age * frame_s - off, 0.0)
        fall = np.exp(np.clip((attack - held) * decay_rate, _FAR, 0.0))
        level = np.minimum(held * attack_rate, sustain + (1.0 - sustain) * fall)
        return level * np.exp(np.maximum(-off * release_rate, _FAR))

    def _make_room(self, loudness: NDArray[np.float64]) -> None:
        """Fade the weakest until enough lanes are free or fading; released notes go before held ones."""
        wanted = _RESERVE + len(self._waiting) - int((self._state != _SOUNDING).sum())
        if wanted <= 0:
            return
        worth = loudness * np.maximum(self._gains[0], self._gains[1]) + 1e3 * self._held
        worth[self._state != _SOUNDING] = np.inf
        order = np.lexsort((-self._age, worth))[:wanted]
        self._state[order[np.isfinite(worth[order])]] = _FADING
