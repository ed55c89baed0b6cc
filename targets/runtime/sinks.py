"""Where the sound goes. A sink takes a block when it is time for it, and says when it had to wait for one.

`write` blocks until the block is due, so that whoever renders is paced by the card, or by the clock where there is
no card. It returns True if the block came too late (the sink starved).
"""

import contextlib
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.errors import LimonaireError, UsageError
from targets.runtime.log import Log

AHEAD_BLOCKS = 4  # what a sound card would hold: 43 ms at 512 frames
HEADER_BYTES = 44
MAX_DATA_BYTES = 2**32 - HEADER_BYTES - 1  # RIFF counts in 32 bits: 6 h 12 min of 16-bit stereo at 48 kHz
HEADER_EVERY_BLOCKS = 47  # about 0.5 s


class Sink(Protocol):
    """What the audio thread writes to."""

    kind: str
    path: str

    @property
    def frames(self) -> int: ...
    def write(self, block: NDArray[np.float32]) -> bool: ...
    def close(self) -> None: ...


class Pace:
    """Real time by the monotonic clock, for sinks without a card."""

    def __init__(self, sample_rate_hz: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = sample_rate_hz, clock
        self._due_s: float | None = None  # when the next block would begin to sound; unknown before the first

    def wait(self, frames: int) -> bool:
        """Wait until there is room for a block; True if the room had run empty before it came."""
        now_s = self._clock()
        due_s = now_s if self._due_s is None else self._due_s
        late = now_s > due_s + AHEAD_BLOCKS * frames / self._rate
        self._due_s = (now_s if late else due_s) + frames / self._rate
        if self._due_s > now_s:
            time.sleep(self._due_s - now_s)
        return late


class NullSink:
    """Nowhere, in real time."""

    kind, path = "null", ""

    def __init__(self, sample_rate_hz: int, block_frames: int) -> None:
        self.frames = 0
        self._pace = Pace(sample_rate_hz)

    def write(self, block: NDArray[np.float32]) -> bool:
        """Take time, keep nothing."""
        self.frames += len(block)
        return self._pace.wait(len(block))

    def close(self) -> None:
        """Nothing to close."""


class WavSink:
    """A 16-bit stereo WAV file, in real time. An existing recording of the same kind is continued.

    The header is brought up to date twice a second, so that a kill leaves a readable file; continuing lets one
    recording span the resets of a board. A full disk ends the recording, never the music.
    """

    kind = "wav"

    def __init__(self, path: Path, sample_rate_hz: int, block_frames: int, log: Log, paced: bool = True) -> None:
        self.path, self.frames = str(path), 0
        self._rate, self._log, self._blocks = sample_rate_hz, log, 0
        self._pace = Pace(sample_rate_hz) if paced else None
        self._file: int | None = None
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            self.frames = self._continued_frames()
            os.ftruncate(self._file, HEADER_BYTES + self.frames * 4)
            self._write_header()
            os.lseek(self._file, 0, os.SEEK_END)
        except OSError as error:
            raise UsageError(f"cannot record to {path}: {error.strerror}", "name a file in a folder of yours") from None

    def write(self, block: NDArray[np.float32]) -> bool:
        """Append one block, clipped at full scale."""
        if self._file is not None:
            self._append(block)
        return self._pace.wait(len(block)) if self._pace else False

    def close(self) -> None:
        """Leave a complete file."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._write_header()
            os.close(self._file)
            self._file = None

    def _append(self, block: NDArray[np.float32]) -> None:
        assert self._file is not None
        pcm = np.rint(np.clip(block, -1.0, 1.0) * 32767.0).astype("<i2")
        try:
            if (self.frames + len(block)) * 4 > MAX_DATA_BYTES:
                raise OSError("a WAV file holds no more than 4 GiB")
            if os.write(self._file, pcm) < pcm.nbytes:
                raise OSError("the disk is full")
            self.frames += len(block)
            self._blocks += 1
            if self._blocks % HEADER_EVERY_BLOCKS == 0:
                self._write_header()
        except OSError as error:
            self._log.say(f"recording to {self.path} ends: {error}")
            self.close()

    def _write_header(self) -> None:
        assert self._file is not None
        os.pwrite(self._file, wav_header(self.frames, self._rate), 0)

    def _continued_frames(self) -> int:
        assert self._file is not None
        header, size = os.pread(self._file, HEADER_BYTES, 0), os.fstat(self._file).st_size
        same = len(header) == HEADER_BYTES and header[8:40] == wav_header(0, self._rate)[8:40]
        return (size - HEADER_BYTES) // 4 if same else 0


class PortAudioSink:
    """The sound card. One that is pulled out is replaced by the clock: the music goes on unheard."""

    kind = "portaudio"

    def __init__(self, sample_rate_hz: int, block_frames: int, log: Log) -> None:
        import sounddevice  # only where there is a card: it needs the PortAudio library

        self.frames, self._log, self._rate = 0, log, sample_rate_hz
        self._lost: NullSink | None = None
        self._error = sounddevice.PortAudioError
        self._stream = sounddevice.OutputStream(sample_rate_hz, block_frames, channels=2, dtype="float32")
        self.path = str(sounddevice.query_devices(self._stream.device)["name"])
        self._stream.start()

    def write(self, block: NDArray[np.float32]) -> bool:
        """Hand a block to the card."""
        self.frames += len(block)
        if self._lost is None:
            try:
                return bool(self._stream.write(block))
            except self._error as error:
                self._log.say(f"the sound card {self.path} is gone ({error}): playing on unheard")
                self._lost = NullSink(self._rate, len(block))
        return self._lost.write(block)

    def close(self) -> None:
        """Give the card back."""
        self._stream.close()


class Tee:
    """Heard and recorded: the first sink keeps the time, the second only listens."""

    def __init__(self, heard: Sink, recorder: Sink) -> None:
        self.kind, self.path = f"{heard.kind}+{recorder.kind}", recorder.path
        self._heard, self._recorder = heard, recorder

    @property
    def frames(self) -> int:
        """Frames recorded."""
        return self._recorder.frames

    def write(self, block: NDArray[np.float32]) -> bool:
        """One block to both."""
        self._recorder.write(block)
        return self._heard.write(block)

    def close(self) -> None:
        """Close both."""
        self._recorder.close()
        self._heard.close()


def open_sink(wav: Path | None, listen: bool, sample_rate_hz: int, block_frames: int, log: Log) -> Sink:
    """The sink that was asked for, or the nearest that works: the music does not depend on a card or a disk."""
    heard = _card(sample_rate_hz, block_frames, log) if listen else None
    recorder = None
    if wav is not None:
        try:
            recorder = WavSink(wav, sample_rate_hz, block_frames, log, paced=heard is None)
        except LimonaireError as error:
            log.say(str(error))
    if heard and recorder:
        return Tee(heard, recorder)
    return heard or recorder or NullSink(sample_rate_hz, block_frames)


def wav_header(frames: int, sample_rate_hz: int) -> bytes:
    """RIFF header of 16-bit stereo PCM (IBM and Microsoft, "Multimedia Programming Interface 1.0", 1991)."""
    data_bytes = frames * 4
    form = (1, 2, sample_rate_hz, sample_rate_hz * 4, 4, 16)  # PCM, channels, frames/s, bytes/s, bytes/frame, bits
    head = struct.pack("<4sI4s4sI", b"RIFF", HEADER_BYTES - 8 + data_bytes, b"WAVE", b"fmt ", 16)
    return head + struct.pack("<HHIIHH", *form) + struct.pack("<4sI", b"data", data_bytes)


def _card(sample_rate_hz: int, block_frames: int, log: Log) -> Sink | None:
    try:
        return PortAudioSink(sample_rate_hz, block_frames, log)
    except Exception as error:  # no library (OSError, ImportError), no card, no such rate: all mean "not heard"
        log.say(f"no sound card can be used ({error}): playing on unheard; install PortAudio or plug in a card")
        return None
