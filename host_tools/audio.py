"""Sound files, through soundfile. What is written appears under its name when it is whole, or not at all."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from host_tools.drafts import drafted

HEADER_WAIT_S = 3.0  # a sink brings its header up to date twice a second
SUBTYPES = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}  # bytes of a sample
WAV_BYTES = 2**32 - 4096  # beyond, a WAV file's own counters overflow; RF64 (EBU Tech 3306) has wider ones
CHANNELS = 2


class Writer:
    """A sound file being written: blocks (frames, 2) float32 in -1..1, as they come."""

    def __init__(self, disk: "_Disk", sound: Any) -> None:
        self._disk, self._sound = disk, sound

    def write(self, block: NDArray[np.float32]) -> None:
        """Add a block. OSError where the disk refuses it."""
        self._sound.write(block)
        self._disk.check()


class _Disk:
    """A file for libsndfile, which cannot pass on a Python error: the first is kept until somebody asks."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._error: OSError | None = None
        self.seek, self.tell, self.read = file.seek, file.tell, file.read

    def write(self, data: Any) -> int:
        if self._error is None:
            try:
                self._file.write(data)
            except OSError as error:
                self._error = error
        return len(data)

    def check(self) -> None:
        if self._error is not None:
            raise self._error


@contextlib.contextmanager
def writing(path: Path, sample_rate_hz: int, subtype: str = "PCM_24", frames: int = 0) -> Iterator[Writer]:
    """A sound file by its suffix, .wav or .flac. `frames`: how long it may become, for the choice of the format.

    It appears when it is whole; errors are those of `drafted`.
    """
    import soundfile

    large = frames * CHANNELS * SUBTYPES[subtype] > WAV_BYTES
    form = "FLAC" if path.suffix.lower() == ".flac" else "RF64" if large else "WAV"
    with drafted(path) as file:
        disk = _Disk(file)
        with soundfile.SoundFile(disk, "w", sample_rate_hz, CHANNELS, subtype, format=form) as sound:
            yield Writer(disk, sound)
        disk.check()


def write_wav(path: Path, audio: NDArray[np.float32], sample_rate_hz: int) -> None:
    """16-bit WAV of (frames, 2) float32 in -1..1."""
    with writing(path, sample_rate_hz, "PCM_16", len(audio)) as file:
        file.write(audio)


def read_growing(path: Path, first: int, last: int) -> NDArray[np.float32]:
    """Frames first..last of a WAV file that is still being written, as (frames, 2) float32."""
    import soundfile

    deadline_s = time.monotonic() + HEADER_WAIT_S
    while soundfile.info(path).frames < last and time.monotonic() < deadline_s:
        time.sleep(0.1)
    audio, _ = soundfile.read(path, frames=last - first, start=first, dtype="float32", always_2d=True)
    return np.asarray(audio)


def rate_of(path: Path) -> int:
    """Frames a second."""
    import soundfile

    return int(soundfile.info(path).samplerate)
