"""Sound files are whole or not there, and what the disk says is one line."""

import errno
import os
import subprocess

import numpy as np
import pytest
import soundfile

from gen_core.spec.errors import LimonaireError, NoPermissionError, UsageError
from host_tools import audio, drafts

BLOCK = np.random.default_rng(1).uniform(-0.5, 0.5, (4800, 2)).astype(np.float32)  # what FLAC cannot make small


def write(path, blocks=3, **how):
    with audio.writing(path, 48000, **how) as file:
        for _ in range(blocks):
            file.write(BLOCK)


@pytest.mark.parametrize(
    ("name", "how", "form", "subtype"),
    [
        ("a.wav", {}, "WAV", "PCM_24"),
        ("a.flac", {}, "FLAC", "PCM_24"),
        ("a.WAV", {"subtype": "FLOAT"}, "WAV", "FLOAT"),
        ("deep/er/a.wav", {"subtype": "PCM_16"}, "WAV", "PCM_16"),
        ("long.wav", {"frames": 2**30}, "RF64", "PCM_24"),
    ],
)
def test_a_file_is_of_the_kind_that_its_name_says(tmp_path, name, how, form, subtype):
    write(tmp_path / name, **how)
    info = soundfile.info(tmp_path / name)
    assert (info.format, info.subtype, info.frames) == (form, subtype, 3 * len(BLOCK))
    assert np.allclose(soundfile.read(tmp_path / name)[0], np.tile(BLOCK, (3, 1)), atol=2**-15)
    assert os.listdir((tmp_path / name).parent) == [(tmp_path / name).name]


def refusing(code, after=0):
    """A way to open drafts on a disk that refuses so, after a number of bytes."""

    class Disk:
        def __init__(self, path):
            self._file, self._left = open(path, "xb+", buffering=0), after  # noqa: SIM115
            self.seek, self.tell, self.read = self._file.seek, self._file.tell, self._file.read

        def write(self, data):
            self._left -= len(data)
            if self._left < 0:
                raise OSError(code, os.strerror(code))
            return self._file.write(data)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self._file.close()

    return Disk


REFUSALS = {  # what the disk says → the error, its exit code, and words of its line
    errno.ENOSPC: (LimonaireError, 1, "no room left for"),
    errno.EDQUOT: (LimonaireError, 1, "no room left for"),
    errno.EACCES: (NoPermissionError, 4, "cannot be written"),
    errno.EROFS: (NoPermissionError, 4, "cannot be written"),
    errno.EIO: (LimonaireError, 1, "check the disk"),
}


@pytest.mark.parametrize("after", [0, 20_000])
@pytest.mark.parametrize("code", REFUSALS)
@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_what_the_disk_refuses_is_one_line_and_leaves_what_was_there(tmp_path, monkeypatch, code, after, name):
    (tmp_path / name).write_bytes(b"before")
    monkeypatch.setattr(drafts, "open_draft", refusing(code, after))
    kind, exit_code, words = REFUSALS[code]
    with pytest.raises(kind, match=words) as caught:
        write(tmp_path / name, blocks=20)
    assert caught.value.exit_code == exit_code and name in str(caught.value)
    assert os.listdir(tmp_path) == [name] and (tmp_path / name).read_bytes() == b"before"


def test_whoever_is_interrupted_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), audio.writing(tmp_path / "a.wav", 48000) as file:
        file.write(BLOCK)
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["", "file/a.wav", "x" * 300 + ".wav"])
def test_a_place_that_is_none_is_usage(tmp_path, place):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError):
        write(tmp_path / place)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_disk_that_is_really_full_is_one_line_and_leaves_nothing(tmp_path):
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small disk needs a user who may")
    try:
        with pytest.raises(LimonaireError, match=r"no room left for .*a\.wav") as caught:
            write(tmp_path / "a.wav")
        assert caught.value.exit_code == 1 and not list(tmp_path.iterdir())
    finally:
        subprocess.run(["umount", tmp_path], check=True)
