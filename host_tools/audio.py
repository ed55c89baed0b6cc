"""Sound files, through soundfile."""

import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HEADER_WAIT_S = 3.0  # a sink brings its header up to date twice a second


def write_wav(path: Path, audio: NDArray[np.float32], sample_rate_hz: int) -> None:
    """16-bit WAV of (frames, 2) float32 in -1..1."""
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, sample_rate_hz, subtype="PCM_16")


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
