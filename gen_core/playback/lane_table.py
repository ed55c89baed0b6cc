"""What is known of every lane: who plays on it, since when, and how loud it is by now."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gen_core.playback.instrument import Sound
from gen_core.synth.units.mixer import BUSES

FREE, SOUNDING, FADING = 0, 1, 2
_NEVER = 1 << 53  # a frame after every performance: when a held note was let go
_SILENT = 1e-4  # -80 dB of the note's own loudest moment: its lane may go
_FAR = -40.0  # exponents below give numbers that are slow to compute and not needed


@dataclass(frozen=True)
class Start:
    """A note about to begin. `frame` counts from the start of the next block; it may lie in a later one."""

    part: int
    pitch: int
    frame: int
    voice: str
    sound: Sound
    choke: str = ""
    one_shot: bool = False
    glide_s: float = 0.0  # above 0: a part that plays one note at a time
    off: int = -1  # the frame of its end, if that is known already


class LaneTable:
    """One row of facts a lane, as arrays. `now` is the first frame of the next block."""

    def __init__(self, lanes: int, sample_rate_hz: int) -> None:
        self._rate, self.now = sample_rate_hz, 0
        self.state = np.full(lanes, FREE)
        self.part, self.pitch = np.zeros(lanes, int), np.full(lanes, -1)
        self.key = np.zeros(lanes)  # where it sounds
        self._since = {"age": np.zeros(lanes, np.int64), "pitch_age": np.zeros(lanes, np.int64)}
        self._since["off_age"] = np.full(lanes, _NEVER)
        self._one_shot, self._mono = np.zeros(lanes, bool), np.zeros(lanes, bool)
        self.gains = np.zeros((len(BUSES), lanes))  # before the part's level
        self._amplitude, self._life_s = np.ones((5, lanes)), np.full(lanes, np.inf)
        self.sounds: list[Sound | None] = [None] * lanes
        self._choke = [""] * lanes
        self._noisy = np.zeros(lanes, bool)

    @property
    def fading(self) -> bool:
        """Is any lane on its way out?"""
        return bool((self.state == FADING).any())

    @property
    def noisy(self) -> bool:
        """Does any lane need noise?"""
        return bool(self._noisy[self.state != FREE].any())

    @property
    def _held(self) -> NDArray[np.bool_]:
        return self._since["off_age"] == _NEVER

    def seconds(self, clock: str) -> NDArray[np.float64]:
        """Seconds since "age": the onset, "off_age": the end, "pitch_age": the pitch was chosen."""
        return (self.now - self._since[clock]) / self._rate

    def occupy(self, lane: int, note: Start) -> None:
        """A note begins."""
        self.state[lane] = SOUNDING
        self.part[lane], self.pitch[lane], self.key[lane] = note.part, note.pitch, note.sound.key
        begins = self.now + note.frame
        self._since["age"][lane] = self._since["pitch_age"][lane] = begins
        self._since["off_age"][lane] = _NEVER if note.off < 0 else self.now + note.off
        self._one_shot[lane], self._mono[lane] = note.one_shot, note.glide_s > 0
        self._choke[lane], self._noisy[lane] = note.choke, note.sound.noisy
        self.gains[:, lane], self.sounds[lane] = note.sound.gains, note.sound
        self._amplitude[:, lane], self._life_s[lane] = note.sound.amplitude, note.sound.life_s

    def lead(self, lane: int, pitch: int, frame: int, sound: Sound) -> None:
        """A held note goes on at another pitch."""
        self.pitch[lane], self.key[lane] = pitch, sound.key
        self._since["pitch_age"][lane] = self.now + frame
        self.gains[:, lane], self.sounds[lane] = sound.gains, sound

    def free(self, lane: int) -> None:
        """Nothing sounds on it any more."""
        self.state[lane], self.pitch[lane], self.sounds[lane] = FREE, -1, None
        self._since["off_age"][lane] = _NEVER

    def let_go(self, part: int, pitch: int, frame: int) -> None:
        """The held notes of a key end at `frame` of the next block; one-shots play on."""
        ours = self._held & (self.part == part) & (self.pitch == pitch) & ~self._one_shot
        if ours.any():
            self._since["off_age"][ours] = self.now + frame

    def let_all_go(self) -> None:
        """Every held note ends now; one-shots fade."""
        self._since["off_age"][self._held & (self.state == SOUNDING)] = self.now
        self.state[self._one_shot & (self.state == SOUNDING)] = FADING

    def held_by(self, part: int) -> list[int]:
        """Lanes that a part which plays one note at a time holds."""
        ours = self._held & self._mono & (self.part == part) & (self.state == SOUNDING)
        return [int(lane) for lane in np.flatnonzero(ours)]

    def choke(self, part: int, group: str) -> None:
        """Fade a part's notes of a group, but those that begin now."""
        for lane in np.flatnonzero((self.state == SOUNDING) & (self.part == part)):
            if self._choke[lane] == group and self._since["age"][lane] < self.now:
                self.state[lane] = FADING

    def fade_silent(self) -> bool:
        """Fade what nobody hears any more; True if there was something."""
        age = self.seconds("age")
        died = (self._loudness() < _SILENT) & (age > self._amplitude[0]) | (age > self._life_s)
        over = (self.state == SOUNDING) & died
        self.state[over] = FADING
        return bool(over.any())

    def fade_weakest(self, lanes: slice, wanted: int) -> bool:
        """Fade the weakest of `lanes` until `wanted` are free or fading; released notes go before held ones."""
        sounding = self.state[lanes] == SOUNDING
        missing = wanted - int((~sounding).sum())
        if missing <= 0:
            return False
        worth = self._loudness()[lanes] * self.gains[:2, lanes].max(axis=0) + 1e3 * self._held[lanes]
        worth[~sounding] = np.inf
        order = np.lexsort((self._since["age"][lanes], worth))[:missing]
        self.state[order[np.isfinite(worth[order])] + lanes.start] = FADING
        return True

    def _loudness(self) -> NDArray[np.float64]:
        """Amplitude envelope of every lane at the next block's start; the formula of units/envelope.py."""
        attack, attack_rate, decay_rate, sustain, release_rate = self._amplitude
        off = np.maximum(self.seconds("off_age"), 0.0)
        held = np.maximum(self.seconds("age") - off, 0.0)
        fall = np.exp(np.clip((attack - held) * decay_rate, _FAR, 0.0))
        level = np.minimum(held * attack_rate, sustain + (1.0 - sustain) * fall)
        return level * np.exp(np.maximum(-off * release_rate, _FAR))
