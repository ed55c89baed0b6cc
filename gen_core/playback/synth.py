"""Notes in, blocks out: voice allocation in front of an engine, kernel or graph alike."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gen_core.playback.instrument import Instrument, Instruments
from gen_core.playback.layout import Layout
from gen_core.playback.voices import Start, Voices
from gen_core.spec.errors import UsageError


class Engine(Protocol):
    """What renders: `KernelEngine` (Numba, host) or `GraphEngine` (onnxruntime, board)."""

    layout: Layout
    sample_rate_hz: int
    block_frames: int
    lanes: int

    def load_tables(self, tables: NDArray[np.float32]) -> None: ...
    def process(self, lanes: Mapping[str, NDArray]) -> NDArray[np.float32]: ...
    def reset(self) -> None: ...


class Synth:
    """Parts (0..parts-1) play instruments. Levels and volume may be set from any thread; the rest belongs to
    the thread that renders.

    The first instrument is assigned to every part until told otherwise. Pitches are MIDI keys 0..127 (for a kit
    percussion keys), velocities 1..127, gains linear; levels and volume glide over a block.
    """

    def __init__(self, engine: Engine, instruments: Sequence[Instrument], parts: int = 16) -> None:
        if not instruments:
            raise UsageError("a synth needs at least one instrument", "build the book again")
        self.engine = engine
        self._instruments = Instruments(instruments)
        self._first = next(item.name for item in instruments)
        self._assigned = [self._first] * parts
        self._levels = np.ones(parts)
        self._volume = self._volume_before = 1.0
        self.broken_blocks = 0  # that held NaN or infinity, and were replaced by silence
        engine.load_tables(self._instruments.tables.flat)
        self._voices = Voices(engine.layout)

    @property
    def block_frames(self) -> int:
        """Frames of a block."""
        return self.engine.block_frames

    @property
    def active_voices(self) -> int:
        """Notes that sound now, dying ones included."""
        return self._voices.active

    @property
    def dropped_notes(self) -> int:
        """Notes that found no lane, since the last reset."""
        return self._voices.dropped

    def assign(self, part: int, instrument: str) -> None:
        """From its next note on, `part` plays that instrument or kit. UsageError names the nearest."""
        self._assigned[part] = self._instruments.find(instrument).name

    def note_on(self, part: int, pitch: int, velocity: int, frame: int = 0) -> None:
        """Begin a note at `frame` (0..block_frames-1) of the next block; velocity 0 lets go, as MIDI has it."""
        if velocity <= 0:
            self.note_off(part, pitch, frame)
            return
        instrument = self._instruments.sounding(self._assigned[part], pitch)
        sound = self._instruments.sound(instrument, pitch, min(velocity, 127), self.engine.sample_rate_hz)
        self._voices.note_on(Start(part, pitch, frame, sound, instrument.phases, instrument.choke, instrument.one_shot))

    def note_off(self, part: int, pitch: int, frame: int = 0) -> None:
        """Let go of a key at `frame` of the next block."""
        self._voices.note_off(part, pitch, frame)

    def all_notes_off(self) -> None:
        """Let go of everything."""
        self._voices.all_notes_off()

    def set_level(self, part: int, gain: float) -> None:
        """A part's linear gain, reached at the end of the next block."""
        self._levels[part] = gain

    def set_volume(self, gain: float) -> None:
        """Master gain before the limiter, reached at the end of the next block."""
        self._volume = gain

    def reset(self) -> None:
        """Silence at once, as after the start; assignments and levels stay."""
        self.engine.reset()
        self._voices = Voices(self.engine.layout)

    def render_block(self) -> NDArray[np.float32]:
        """The next block, (block_frames, 2), peaks at most -1 dBFS."""
        lanes = self._voices.begin_block(self._levels)
        volume = self._volume  # looked up once: any thread may set it
        lanes["volume"][0] = self._volume_before, volume
        self._volume_before = volume
        audio = self.engine.process(lanes)
        self._voices.end_block()
        if not np.isfinite(audio).all():  # in a reverb one such sample would be silence for ever
            self.broken_blocks += 1
            self.engine.reset()
            return np.zeros_like(audio)
        return audio
