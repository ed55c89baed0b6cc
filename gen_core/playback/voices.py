"""Which note sounds on which lane: allocation, release, legato, stealing without clicks.

Every voice of the plan keeps a few lanes free, or on their way to be. A lane that must go fades to zero over one block
(10.7 ms at 48 kHz) while its replacement starts on a free lane; only when notes come faster than lanes fade does a note
wait for the next block. Plain numpy over the lanes of all voices at once: this runs on the board, once a block.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gen_core.playback.instrument import Sound
from gen_core.synth import modes
from gen_core.synth.layout import HELD_S
from gen_core.synth.plan import Plan
from gen_core.synth.unit import Arrays
from gen_core.synth.units.mixer import BUSES

_RESERVE = 4  # lanes of a voice kept free for the next block's notes: a chord of four and no waiting
_SILENT = 1e-4  # -80 dB of the note's own loudest moment: its lane may go
_FAR = -40.0  # exponents below give numbers that are slow to compute and not needed
_FREE, _SOUNDING, _FADING = 0, 1, 2
_CLEAN, _DRIVEN = slice(0, 2), slice(5, 7)  # rows of the buses
_UNTIL_OFF = -1  # a waiting note that is still held


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
    off: int = _UNTIL_OFF  # the frame of its end, if that is known already


class Voices:
    """The lanes of one engine, whose `inputs` it writes. All methods belong to the audio thread."""

    def __init__(self, plan: Plan, inputs: Arrays) -> None:
        self.plan, self._inputs = plan, inputs
        self._ranges = plan.ranges
        self._ports = {name: list(wires.values.items()) for name, (wires, _) in plan.voices.items()}
        self.dropped = 0  # notes for which there was no lane even after waiting
        self._waiting: list[Start] = []
        count = inputs["keep"].size
        self._voice = [name for name, lanes_ in self._ranges.items() for _ in range(lanes_.stop - lanes_.start)]
        self._state = np.full(count, _FREE)
        self._part, self._pitch = np.zeros(count, int), np.full(count, -1)
        # frames at block start
        self._age, self._off_age, self._pitch_age = (np.zeros(count, np.int64) for _ in range(3))
        self._held, self._one_shot, self._mono = (np.zeros(count, bool) for _ in range(3))
        self._gains, self._before = np.zeros((len(BUSES), count)), np.zeros((len(BUSES), count))  # before the levels
        self._amplitude, self._life = np.ones((5, count)), np.full(count, np.inf)
        self._key = np.zeros(count)
        self._choke = [""] * count
        self._silence()

    def _silence(self) -> None:
        """All values as if nothing had ever been played."""
        for name in self._ranges:
            for key, _ in self._ports[name]:
                self._inputs[f"{name}.{key}"][...] = 0
            self._inputs[f"{name}.on"][0] = False
        self._inputs["keep"][:] = 1.0
        self._inputs["off_age"][:] = HELD_S

    @property
    def active(self) -> int:
        """Lanes that sound, fading ones included."""
        return int((self._state != _FREE).sum())

    # -- notes -------------------------------------------------------------------------------------------------------
    def note_on(self, note: Start) -> None:
        """Begin a note at its frame; the same key of the same part is let go."""
        if note.frame >= self.plan.block_frames:
            self._wait(note)
            return
        self.note_off(note.part, note.pitch, note.frame)
        if note.choke:
            self._silence_group(note)
        if note.glide_s and self._legato(note):
            return
        free = self._free(note.voice)
        if free.size:
            self._occupy(int(free[0]), note)
        else:
            self._wait(note)

    def _wait(self, note: Start) -> None:
        if len(self._waiting) < self._state.size:
            self._waiting.append(note)
        else:
            self.dropped += 1

    def _free(self, voice: str) -> NDArray[np.int64]:
        lanes_ = self._ranges[voice]
        return np.flatnonzero(self._state[lanes_] == _FREE) + lanes_.start

    def _silence_group(self, note: Start) -> None:
        for lane in np.flatnonzero((self._state == _SOUNDING) & (self._part == note.part)):
            if self._choke[lane] == note.choke and self._age[lane] > 0:
                self._state[lane] = _FADING

    def _legato(self, note: Start) -> bool:
        """Lead the part's held note to this one's pitch; False where none is held."""
        held = np.flatnonzero(self._held & self._mono & (self._part == note.part) & (self._state == _SOUNDING))
        held = [lane for lane in held if self._voice[lane] == note.voice]
        if not held:
            return False
        lane = int(held[-1])
        bend = self._bent_key(lane) - note.sound.key
        self._write(lane, note, starts=False)
        self._put(lane, "pitch.bend_depth", bend)
        self._put(lane, "pitch.bend_rate", 1.0 / note.glide_s)
        self._pitch[lane], self._pitch_age[lane], self._key[lane] = note.pitch, -note.frame, note.sound.key
        self._gains[:, lane] = note.sound.gains
        return True

    def _bent_key(self, lane: int) -> float:
        """Where a gliding lane is now, in keys."""
        voice, at = self._voice[lane], lane - self._ranges[self._voice[lane]].start
        depth = self._inputs.get(f"{voice}.pitch.bend_depth")
        if depth is None:
            return float(self._key[lane])
        rate = self._inputs[f"{voice}.pitch.bend_rate"][at, 0]
        late = max(self._pitch_age[lane] / self.plan.sample_rate_hz, 0.0)
        return float(self._key[lane] + depth[at, 0] * np.exp(-late * rate))

    def _put(self, lane: int, key: str, value: float) -> None:
        name = f"{self._voice[lane]}.{key}"
        if name in self._inputs:
            self._inputs[name][lane - self._ranges[self._voice[lane]].start] = value

    def note_off(self, part: int, pitch: int, frame: int) -> None:
        """Let go of every held note of that key; one-shots play on."""
        ours = self._held & (self._part == part) & (self._pitch == pitch) & ~self._one_shot
        self._held[ours] = False
        self._off_age[ours] = -frame
        for index, note in enumerate(self._waiting):
            if (note.part, note.pitch, note.off) == (part, pitch, _UNTIL_OFF) and not note.one_shot:
                self._waiting[index] = replace(note, off=max(frame, note.frame) + 1)
                break

    def all_notes_off(self) -> None:
        """Let go of everything; release times apply, one-shots fade."""
        self._off_age[self._held] = 0
        self._held[:] = False
        self._state[self._one_shot & (self._state == _SOUNDING)] = _FADING
        self._waiting.clear()

    def _occupy(self, lane: int, note: Start) -> None:
        """Write a note's values into a free lane."""
        self._write(lane, note, starts=True)
        self._inputs["keep"][lane] = 0.0
        self._inputs[f"{note.voice}.on"][0] = True
        self._state[lane] = _SOUNDING
        self._part[lane], self._pitch[lane], self._key[lane] = note.part, note.pitch, note.sound.key
        self._age[lane] = self._pitch_age[lane] = -note.frame
        self._held[lane], self._one_shot[lane], self._mono[lane] = note.off < 0, note.one_shot, note.glide_s > 0
        self._off_age[lane] = -max(note.off, 0)
        self._choke[lane] = note.choke
        self._gains[:, lane] = note.sound.gains
        self._amplitude[:, lane], self._life[lane] = note.sound.amplitude, note.sound.life_s

    def _write(self, lane: int, note: Start, starts: bool) -> None:
        """The values of a note; what only a start needs (phases) where it is one."""
        at, values = lane - self._ranges[note.voice].start, note.sound.values
        for key, port in self._ports[note.voice]:
            if port.kind != "start":
                view = self._inputs[f"{note.voice}.{key}"][at]
                view[...] = np.reshape(values[key], view.shape)
            elif starts:
                self._begin(self._inputs[f"{note.voice}.{key}"][at], key, note)

    @staticmethod
    def _begin(view: NDArray, key: str, note: Start) -> None:
        """A state at the start of the block such that it is as declared at the note's first frame."""
        value = np.reshape(note.sound.values[key], view.shape)
        moves, turns = (note.sound.values.get(f"{key}.{how}") for how in ("per_frame", "turn"))
        if turns is not None:
            value = modes.turned_back(value, turns, note.frame)
        view[...] = value if moves is None else (value - note.frame * np.reshape(moves, view.shape)) % 1.0

    # -- blocks ------------------------------------------------------------------------------------------------------
    def begin_block(self, levels: NDArray[np.float64], brightness: NDArray[np.float64]) -> None:
        """Write what moves. levels [buses, parts]: gains, reached at the block's end; brightness [parts] in octaves."""
        rate, inputs = self.plan.sample_rate_hz, self._inputs
        inputs["age"][:, 0] = self._age / rate
        inputs["pitch_age"][:, 0] = self._pitch_age / rate
        inputs["off_age"][:, 0] = np.where(self._held, HELD_S, self._off_age / rate)
        inputs["brightness"][:, 0] = brightness[self._part]
        target = self._gains * levels[:, self._part] * (self._state == _SOUNDING)
        target[_DRIVEN] -= target[_CLEAN]  # what does not go clean goes through the drive
        before = np.where(inputs["keep"][:, 0] == 0.0, target, self._before)
        for name, lanes_ in self._ranges.items():
            if inputs[f"{name}.on"][0]:
                mix = inputs[f"{name}.mix"]
                mix[:, : len(BUSES)] = before[:, lanes_].T
                mix[:, len(BUSES) :] = (target[:, lanes_] - before[:, lanes_]).T
                used = np.flatnonzero(self._state[lanes_])
                inputs[f"{name}.count"][0] = used[-1] + 1 if used.size else 0
        self._before = target
        for name in self.plan.sources:
            inputs[f"{name}.on"][0] = any(inputs[f"{voice}.on"][0] for voice in self._ranges)

    def end_block(self) -> None:
        """Time goes on: faded lanes are free, silent ones fade, the weakest make room, waiting notes begin."""
        frames, inputs = self.plan.block_frames, self._inputs
        for lane in np.flatnonzero(self._state == _FADING):
            self._release(int(lane))
        for ages in (self._age, self._off_age, self._pitch_age):
            ages += frames
        for lane in np.flatnonzero(inputs["keep"][:, 0] == 0.0):
            self._started(int(lane))
        inputs["keep"][:] = 1.0
        loudness = self._envelope_now()
        rate = self.plan.sample_rate_hz
        over = (loudness < _SILENT) & (self._age > self._amplitude[0] * rate) | (self._age > self._life * rate)
        self._state[(self._state == _SOUNDING) & over] = _FADING
        for name, lanes_ in self._ranges.items():
            if inputs[f"{name}.on"][0]:
                self._make_room(name, loudness)
                inputs[f"{name}.on"][0] = bool((self._state[lanes_] != _FREE).any())
        self._retry(frames)

    def _started(self, lane: int) -> None:
        """What was added at the start of a note is not added again."""
        voice = self._voice[lane]
        for key, port in self._ports[voice]:
            if port.kind == "start":
                self._inputs[f"{voice}.{key}"][lane - self._ranges[voice].start] = 0

    def _retry(self, frames: int) -> None:
        """Notes that wait for a lane or for their time."""
        waiting, self._waiting = self._waiting, []
        for note in waiting:
            off = max(note.off - frames, 0) if note.off >= 0 else note.off
            self.note_on(replace(note, frame=max(note.frame - frames, 0), off=off))

    def _release(self, lane: int) -> None:
        """Free a lane, with values that cost a kernel nothing."""
        voice = self._voice[lane]
        self._state[lane] = _FREE
        self._held[lane] = False
        self._pitch[lane] = -1
        for key, port in self._ports[voice]:
            self._inputs[f"{voice}.{key}"][lane - self._ranges[voice].start] = 0

    def _envelope_now(self) -> NDArray[np.float64]:
        """Amplitude envelope of every lane at the next block's start; the formula of units/envelope.py."""
        frame_s = 1.0 / self.plan.sample_rate_hz
        attack, attack_rate, decay_rate, sustain, release_rate = self._amplitude
        off = np.maximum(self._off_age, 0) * ~self._held * frame_s
        held = np.maximum(self._age * frame_s - off, 0.0)
        fall = np.exp(np.clip((attack - held) * decay_rate, _FAR, 0.0))
        level = np.minimum(held * attack_rate, sustain + (1.0 - sustain) * fall)
        return level * np.exp(np.maximum(-off * release_rate, _FAR))

    def _make_room(self, voice: str, loudness: NDArray[np.float64]) -> None:
        """Fade the weakest of a voice until enough lanes are free or fading; released notes go before held ones."""
        lanes_ = self._ranges[voice]
        sounding = self._state[lanes_] == _SOUNDING
        waiting = sum(note.voice == voice and note.frame < self.plan.block_frames for note in self._waiting)
        wanted = min(_RESERVE, sounding.size // 4) + waiting - int((~sounding).sum())
        if wanted <= 0:
            return
        worth = loudness[lanes_] * self._gains[:2, lanes_].max(axis=0) + 1e3 * self._held[lanes_]
        worth[~sounding] = np.inf
        order = np.lexsort((-self._age[lanes_], worth))[:wanted]
        self._state[order[np.isfinite(worth[order])] + lanes_.start] = _FADING
