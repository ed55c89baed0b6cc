"""Which note sounds on which lane: allocation, release, legato, stealing without clicks.

Every voice of the plan keeps a few lanes free, or on their way to be. A lane that must go fades to zero over one block
(10.7 ms at 48 kHz) while its replacement starts on a free lane; only when notes come faster than lanes fade does a note
wait for the next block. Plain numpy over the lanes of all voices at once, and only of what moves: this runs on the
board, once a block.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gen_core.playback.lane_table import FADING, FREE, SOUNDING, LaneTable, Start
from gen_core.synth import modes
from gen_core.synth.layout import HELD_S
from gen_core.synth.plan import Plan
from gen_core.synth.unit import Arrays
from gen_core.synth.units.mixer import BUSES

_RESERVE = 4  # lanes of a voice kept free for the next block's notes: a chord of four and no waiting
_CLEAN, _DRIVEN = slice(0, 2), slice(5, 7)  # rows of the buses
_UNTIL_OFF = -1  # a waiting note that is still held
_LOOK_EVERY = 4  # blocks (43 ms) between looks for notes that have died away
_BLOCKS_TO_SETTLE = 2  # gains run to where they belong in one block, and stand still in the next


class Voices:
    """The lanes of one engine, whose `inputs` it writes. All methods belong to the audio thread."""

    def __init__(self, plan: Plan, inputs: Arrays) -> None:
        self.plan, self._inputs = plan, inputs
        self._ranges = plan.ranges
        self._ports = {name: list(wires.values.items()) for name, (wires, _) in plan.voices.items()}
        self.dropped = 0  # notes for which there was no lane even after waiting
        self._waiting: list[Start] = []
        self._started: list[int] = []  # lanes whose note begins in the next block
        self._crowded: set[str] = set()  # voices that took a note in the next block
        self._unsettled, self._blocks = _BLOCKS_TO_SETTLE, 0  # blocks until the gains stand still
        self._names = [name for name, lanes in self._ranges.items() for _ in range(lanes.stop - lanes.start)]
        self._table = LaneTable(len(self._names), plan.sample_rate_hz)
        self._brightened = np.zeros(len(self._names))  # octaves by which each lane's values are raised
        self._before = np.zeros((len(BUSES), len(self._names)))  # gains at the last block's end
        self._silence()

    def _silence(self) -> None:
        """All values as if nothing had ever been played."""
        for name in self._ranges:
            for key, _ in self._ports[name]:
                self._inputs[f"{name}.{key}"][...] = 0
            self._inputs[f"{name}.on"][0] = False
        self._noise()
        self._inputs["keep"][:] = 1.0
        self._inputs["off_age"][:] = HELD_S

    @property
    def active(self) -> int:
        """Lanes that sound, fading ones included."""
        return int((self._table.state != FREE).sum())

    def _place(self, lane: int) -> tuple[str, int]:
        """The voice that a lane belongs to, and its number in it."""
        return self._names[lane], lane - self._ranges[self._names[lane]].start

    # -- notes -------------------------------------------------------------------------------------------------------
    def note_on(self, note: Start) -> None:
        """Begin a note at its frame; the same key of the same part is let go."""
        if note.frame >= self.plan.block_frames:
            self._wait(note)
            return
        self.note_off(note.part, note.pitch, note.frame)
        self._unsettled = _BLOCKS_TO_SETTLE
        self._crowded.add(note.voice)
        if note.choke:
            self._table.choke(note.part, note.choke)
        if note.glide_s and self._legato(note):
            return
        lanes = self._ranges[note.voice]
        free = np.flatnonzero(self._table.state[lanes] == FREE)
        if free.size:
            self._occupy(int(free[0]) + lanes.start, note)
        else:
            self._wait(note)

    def _wait(self, note: Start) -> None:
        if len(self._waiting) < len(self._names):
            self._waiting.append(note)
        else:
            self.dropped += 1

    def note_off(self, part: int, pitch: int, frame: int) -> None:
        """Let go of every held note of that key; one-shots play on."""
        self._table.let_go(part, pitch, frame)
        for index, note in enumerate(self._waiting):
            if (note.part, note.pitch, note.off) == (part, pitch, _UNTIL_OFF) and not note.one_shot:
                self._waiting[index] = replace(note, off=max(frame, note.frame) + 1)
                break

    def all_notes_off(self) -> None:
        """Let go of everything; release times apply, one-shots fade."""
        self._table.let_all_go()
        self._unsettled = _BLOCKS_TO_SETTLE
        self._waiting.clear()

    def _legato(self, note: Start) -> bool:
        """Lead the part's held note to this one's pitch; False where none is held."""
        held = [lane for lane in self._table.held_by(note.part) if self._names[lane] == note.voice]
        if not held:
            return False
        lane = held[-1]
        bend = self._key_now(lane) - note.sound.key
        self._write(lane, note, starts=False)
        self._put(lane, "pitch.bend_depth", bend)
        self._put(lane, "pitch.bend_rate", 1.0 / note.glide_s)
        self._table.lead(lane, note.pitch, note.frame, note.sound)
        if note.off != _UNTIL_OFF:  # it was let go while it waited
            self._table.let_go(note.part, note.pitch, note.off)
        return True

    def _key_now(self, lane: int) -> float:
        """Where a gliding lane is, in keys."""
        voice, at = self._place(lane)
        depth = self._inputs.get(f"{voice}.pitch.bend_depth")
        if depth is None:
            return float(self._table.key[lane])
        rate = self._inputs[f"{voice}.pitch.bend_rate"][at, 0]
        late = max(self._table.seconds("pitch_age")[lane], 0.0)
        return float(self._table.key[lane] + depth[at, 0] * np.exp(-late * rate))

    def _put(self, lane: int, key: str, value: float) -> None:
        voice, at = self._place(lane)
        if f"{voice}.{key}" in self._inputs:
            self._inputs[f"{voice}.{key}"][at] = value

    def _occupy(self, lane: int, note: Start) -> None:
        """Write a note's values into a free lane."""
        self._write(lane, note, starts=True)
        self._inputs["keep"][lane] = 0.0
        self._inputs[f"{note.voice}.on"][0] = True
        self._started.append(lane)
        self._table.occupy(lane, note)
        self._noise()

    def _write(self, lane: int, note: Start, starts: bool) -> None:
        """The values of a note; what only a start needs (phases) where it is one."""
        self._brightened[lane] = 0.0
        at, values = lane - self._ranges[note.voice].start, note.sound.values
        for key, port in self._ports[note.voice]:
            view = self._inputs[f"{note.voice}.{key}"][at]
            if port.kind != "start":
                view[...] = np.reshape(values[key], view.shape)
            elif starts:
                self._begin(view, key, note)

    @staticmethod
    def _begin(view: NDArray, key: str, note: Start) -> None:
        """A state at the start of the block such that it is as declared at the note's first frame."""
        value = np.reshape(note.sound.values[key], view.shape)
        moves, turns = (note.sound.values.get(f"{key}.{how}") for how in ("per_frame", "turn"))
        if turns is not None:
            value = modes.turned_back(value, turns, note.frame)
        view[...] = value if moves is None else (value - note.frame * np.reshape(moves, view.shape)) % 1.0

    # -- blocks ------------------------------------------------------------------------------------------------------
    def begin_block(self, levels: NDArray[np.float64], brightness: NDArray[np.float64], moved: bool = True) -> None:
        """Write what moves. levels [buses, parts]: gains, reached at the block's end; brightness [parts] in octaves;
        `moved`: are they others than in the last block?"""
        table, inputs = self._table, self._inputs
        for clock in ("age", "off_age", "pitch_age"):
            inputs[clock][:, 0] = table.seconds(clock)
        self._unsettled = _BLOCKS_TO_SETTLE if moved else self._unsettled
        if self._unsettled:
            self._unsettled -= 1
            inputs["brightness"][:, 0] = brightness[table.part]
            self._brighten()
            self._mix(levels)

    def _brighten(self) -> None:
        """Values of sounding notes that follow the brightness of their part without the unit's knowing."""
        for lane, sound in enumerate(self._table.sounds):
            if sound is None or not sound.bright:
                continue
            octaves = float(self._inputs["brightness"][lane, 0])
            voice, at = self._place(lane)
            for key in sound.bright if octaves != self._brightened[lane] else ():
                view = self._inputs[f"{voice}.{key}"][at]
                raised = sound.values[key] * np.exp(octaves * sound.values[f"{key}.brightness"])
                view[...] = np.reshape(raised, view.shape)
            self._brightened[lane] = octaves

    def _mix(self, levels: NDArray[np.float64]) -> None:
        """The gains of every lane, in a straight line from where the last block ended."""
        table, inputs = self._table, self._inputs
        target = table.gains * levels[:, table.part] * (table.state == SOUNDING)
        target[_DRIVEN] -= target[_CLEAN]  # what does not go clean goes through the drive
        before = np.where(inputs["keep"][:, 0] == 0.0, target, self._before)
        for name, lanes in self._ranges.items():
            if inputs[f"{name}.on"][0]:
                mix = inputs[f"{name}.mix"]
                mix[:, : len(BUSES)] = before[:, lanes].T
                mix[:, len(BUSES) :] = (target[:, lanes] - before[:, lanes]).T
                used = np.flatnonzero(table.state[lanes])
                inputs[f"{name}.count"][0] = used[-1] + 1 if used.size else 0
        self._before = target

    def end_block(self) -> None:
        """Time goes on: faded lanes are free, silent ones fade, the weakest make room, waiting notes begin."""
        table, inputs = self._table, self._inputs
        for lane in self._started:
            self._settle(lane)
        self._started.clear()
        table.now += self.plan.block_frames
        self._blocks += 1
        if table.fading:
            self._unsettled = _BLOCKS_TO_SETTLE
            for lane in np.flatnonzero(table.state == FADING).tolist():
                self._release(lane)
        if self._blocks % _LOOK_EVERY == 0 and table.fade_silent():
            self._unsettled = _BLOCKS_TO_SETTLE
        self._crowded |= {note.voice for note in self._waiting}
        for voice in self._crowded:
            self._make_room(voice)
        self._crowded.clear()
        for name, lanes in self._ranges.items():
            if inputs[f"{name}.on"][0]:
                inputs[f"{name}.on"][0] = bool(table.state[lanes].any())
        self._noise()
        self._retry()

    def _noise(self) -> None:
        """The noise that all voices share runs while a note needs it."""
        for name in self.plan.sources:
            self._inputs[f"{name}.on"][0] = self._table.noisy

    def _settle(self, lane: int) -> None:
        """What was added at the start of a note is not added again."""
        voice, at = self._place(lane)
        self._inputs["keep"][lane] = 1.0
        for key, port in self._ports[voice]:
            if port.kind == "start":
                self._inputs[f"{voice}.{key}"][at] = 0

    def _retry(self) -> None:
        """Notes that wait for a lane or for their time."""
        waiting, self._waiting = self._waiting, []
        frames = self.plan.block_frames
        for note in waiting:
            off = max(note.off - frames, 0) if note.off >= 0 else note.off
            self.note_on(replace(note, frame=max(note.frame - frames, 0), off=off))

    def _release(self, lane: int) -> None:
        """Free a lane, with values that cost a kernel nothing."""
        voice, at = self._place(lane)
        self._table.free(lane)
        for key, _ in self._ports[voice]:
            self._inputs[f"{voice}.{key}"][at] = 0

    def _make_room(self, voice: str) -> None:
        """Fade the weakest of a voice until enough lanes are free or fading."""
        lanes = self._ranges[voice]
        waiting = sum(note.voice == voice and note.frame < self.plan.block_frames for note in self._waiting)
        if self._table.fade_weakest(lanes, min(_RESERVE, (lanes.stop - lanes.start) // 4) + waiting):
            self._unsettled = _BLOCKS_TO_SETTLE
