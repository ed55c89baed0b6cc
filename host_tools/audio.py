"""Sound files, through soundfile. What is written appears under its name when it is whole, or not at all."""

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.errors import LimonaireError, NoPermissionError, UsageError

HEADER_WAIT_S = 3.0  # a sink brings its header up to date twice a second
SUBTYPES = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}  # bytes of a sample
WAV_BYTES = 2**32 - 4096  # beyond, a WAV file's own counters overflow; RF64 (EBU Tech 3306) has wider ones
CHANNELS = 2
_NAME_KEPT = 40  # of the name, in the draft's


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

    It is written beside its place and moved there when all went well; otherwise nothing is left. Errors say which file
    and why: NoPermissionError, UsageError for a place that is none, LimonaireError for a full disk.
    """
    import soundfile

    large = frames * CHANNELS * SUBTYPES[subtype] > WAV_BYTES
    form = "FLAC" if path.suffix.lower() == ".flac" else "RF64" if large else "WAV"
    draft = path.with_name(f".{os.getpid()}-{path.name[-_NAME_KEPT:]}")
    try:
        if path.is_dir():
            raise UsageError(f"{path} is a folder", "give the name of a file")
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_draft(draft) as file:
            disk = _Disk(file)
            with soundfile.SoundFile(disk, "w", sample_rate_hz, CHANNELS, subtype, format=form) as sound:
                yield Writer(disk, sound)
            disk.check()
        os.replace(draft, path)
    except OSError as error:
        if isinstance(error, LimonaireError):
            raise
        raise _explained(error, path) from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def open_draft(path: Path) -> Any:
    """The file that is written. Nothing is buffered, so that a full disk is known at once."""
    return open(path, "xb+", buffering=0)  # noqa: SIM115


def _explained(error: OSError, path: Path) -> LimonaireError:
    """What the disk said, with the file that was to be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return LimonaireError(f"there is no room left for {path}", "free some, or write it elsewhere with -o")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return NoPermissionError(f"{path} cannot be written: {error.strerror}", "write it to a folder of your own")
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EISDIR):
        return UsageError(f"{path} cannot be written: {error.strerror}", "check the path")
    return LimonaireError(f"{path} cannot be written: {error.strerror or error}", "check the disk")


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
