"""Notes in, blocks out: voice allocation and settings in front of an engine, kernel or graph alike."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gen_core.playback.desk import Desk
from gen_core.playback.instrument import Instrument, Instruments
from gen_core.playback.lane_table import Start
from gen_core.playback.voices import Voices
from gen_core.spec.chance import draw
from gen_core.spec.errors import UsageError
from gen_core.spec.param import find
from gen_core.synth.knobs import KNOBS, rounded
from gen_core.synth.plan import Plan
from gen_core.synth.unit import Arrays

_KNOBS = {param.id: param for param in KNOBS}
_LATE, _SOFT = 1, 2  # fields of chance
_ARRIVED = 1e-3  # octaves or shares: a knob this near is there


class Engine(Protocol):
    """What renders: `KernelEngine` (Numba) or `GraphEngine` (onnxruntime). Whoever plays writes `inputs`."""

    plan: Plan
    inputs: Arrays

    @property
    def bus(self) -> NDArray[np.float32]: ...
    def load_tables(self, tables: NDArray[np.float32]) -> None: ...
    def process(self) -> NDArray[np.float32]: ...
    def reset(self) -> None: ...


class Synth:
    """Parts (0..parts-1) play instruments. Levels, knobs, settings and volume may be set from any thread; the rest
    belongs to the thread that renders.

    The first instrument is assigned to every part until told otherwise. Pitches are MIDI keys 0..127 (for a kit
    percussion keys), velocities 1..127, gains linear; levels and volume glide over a block.
    """

    def __init__(self, engine: Engine, instruments: Sequence[Instrument], parts: int = 16, seed: int = 0) -> None:
        if not instruments:
            raise UsageError("a synth needs at least one instrument", "build the book again")
        self.engine, self.plan = engine, engine.plan
        self._instruments = Instruments(instruments, engine.plan)
        self._assigned = [next(item.name for item in instruments)] * parts
        self._levels, self._trims = np.ones(parts), np.ones(parts)
        self._knobs = {name: np.full(parts, param.default) for name, param in _KNOBS.items()}
        self._turned = {name: values.copy() for name, values in self._knobs.items()}  # where gliding ones are now
        self._gliding, self._moved, self._gains = True, True, self._mix()
        self._volume = self._volume_before = 1.0
        self.broken_blocks = 0  # that held NaN or infinity, and were replaced by silence
        self._seed, self._notes, self._loaded = seed, 0, 0
        self._late: dict[tuple[int, int], int] = {}  # frames by which held notes began late
        self.desk = Desk(self.plan, engine.inputs)
        self._voices = Voices(self.plan, engine.inputs)

    @property
    def block_frames(self) -> int:
        """Frames of a block."""
        return self.plan.block_frames

    @property
    def active_voices(self) -> int:
        """Notes that sound now, dying ones included."""
        return self._voices.active

    @property
    def dropped_notes(self) -> int:
        """Notes that found no lane, since the last reset."""
        return self._voices.dropped

    def warm(self, names: Iterable[str]) -> None:
        """Make the tables of these instruments now, so that no note has to wait for them."""
        for name in names:
            item = self._instruments.find(name)
            for piece in {self._instruments.find(p).name for p in item.kit.values()} or {item.name}:
                self._instruments.sound(self._instruments.find(piece), 60, 100)
        self._load()

    def _load(self) -> None:
        """Hand over tables that were added."""
        if self._instruments.tables.end != self._loaded:
            self._loaded = self._instruments.tables.end
            self.engine.load_tables(self._instruments.tables.flat)

    def assign(self, part: int, instrument: str) -> None:
        """From its next note on, `part` plays that instrument or kit. UsageError names the nearest."""
        self._assigned[part] = self._instruments.find(instrument).name

    def note_on(self, part: int, pitch: int, velocity: int, frame: int = 0) -> None:
        """Begin a note at `frame` (0..block_frames-1) of the next block; velocity 0 lets go, as MIDI has it."""
        if velocity <= 0:
            self.note_off(part, pitch, frame)
            return
        item = self._instruments.sounding(self._assigned[part], pitch)
        late, velocity = self._human(item, min(velocity, 127))
        if late:
            self._late[part, pitch] = late
        attack, decay = (rounded(self._knobs[name][part]) for name in ("attack", "decay"))
        sound = self._instruments.sound(item, pitch, velocity, attack, decay)
        glide_s = item.playing["glide_s"] if item.mono else 0.0
        self._voices.note_on(
            Start(part, pitch, frame + late, item.voice, sound, item.choke, item.one_shot, glide_s)
        )

    def _human(self, item: Instrument, velocity: int) -> tuple[int, int]:
        """How many frames late, and how loud: nobody plays like a clock."""
        late_ms, soft_db = (item.playing.get(f"humanise_{unit}", 0.0) for unit in ("ms", "db"))
        self._notes += 1
        if not late_ms and not soft_db:
            return 0, velocity
        late = draw(self._seed, self._notes, _LATE) * late_ms * self.plan.sample_rate_hz / 1000.0
        softer = draw(self._seed, self._notes, _SOFT) * soft_db * 127.0 / max(item.row["mix"]["velocity_db"], 6.0)
        return int(late), max(round(velocity - softer), 1)

    def note_off(self, part: int, pitch: int, frame: int = 0) -> None:
        """Let go of a key at `frame` of the next block; a note that began late ends as late."""
        self._voices.note_off(part, pitch, frame + self._late.pop((part, pitch), 0))

    def all_notes_off(self) -> None:
        """Let go of everything."""
        self._voices.all_notes_off()

    def set_level(self, part: int, gain: float) -> None:
        """A part's linear gain, reached at the end of the next block."""
        self._levels[part] = gain
        self._gliding = True

    def set_trim(self, part: int, gain: float) -> None:
        """What a part's level is multiplied by, because of who plays it: linear, reached in a block."""
        self._trims[part] = gain
        self._gliding = True

    def set_knob(self, part: int, name: str, value: float) -> None:
        """Turn one of the five knobs of a part (`knobs.KNOBS`). UsageError for a wrong name or value."""
        self._knobs[name][part] = find(_KNOBS, name).check(value)
        self._gliding = True

    def set_volume(self, gain: float) -> None:
        """Master gain before the limiter, reached at the end of the next block."""
        self._volume = gain

    def reset(self) -> None:
        """Silence at once, as after the start; assignments, levels and settings stay."""
        self.engine.reset()
        self._voices = Voices(self.plan, self.engine.inputs)
        self._notes = 0
        self._late.clear()

    def render_block(self) -> NDArray[np.float32]:
        """The next block, (block_frames, 2), true peaks at most -1 dBFS."""
        self._load()
        if self._gliding:
            self._glide()
        self._voices.begin_block(self._gains, self._turned["brightness"], self._moved)
        self._moved = False
        volume = self._volume  # looked up once: any thread may set it
        self.desk.begin_block((self._volume_before, volume))
        self._volume_before = volume
        audio = self.engine.process()
        self._voices.end_block()
        if not np.isfinite(audio).all():  # in a reverb one such sample would be silence for ever
            self.broken_blocks += 1
            self.engine.reset()
            return np.zeros_like(audio)
        return audio

    def _glide(self) -> None:
        """Knobs that are heard at once move over some blocks; levels arrive in one."""
        self._gliding = False
        for name, param in _KNOBS.items():
            if param.glide_s:
                share = min(self.block_frames / (self.plan.sample_rate_hz * param.glide_s), 1.0)
                way = self._knobs[name] - self._turned[name]
                far = np.abs(way) > _ARRIVED
                self._turned[name] += np.where(far, way * share, way)
                self._gliding |= bool(far.any())
        self._gains, self._moved = self._mix(), True

    def _mix(self) -> NDArray[np.float64]:
        """[buses, parts]: what multiplies each note's own gains."""
        space, drive = self._turned["space"], self._turned["drive"]
        far, clean, one = (1.0 + space) ** 2, 1.0 - drive, np.ones_like(space)
        return self._levels * self._trims * np.stack([clean, clean, far, far, one, one, one])
