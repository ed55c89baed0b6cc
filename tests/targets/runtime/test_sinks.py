import sys
import time
import types
import wave

import numpy as np
import pytest

from targets.runtime import sinks
from targets.runtime.log import Log
from targets.runtime.sinks import HEADER_EVERY_BLOCKS, NullSink, Pace, WavSink, open_sink

BLOCK = np.full((512, 2), 0.5, np.float32)


@pytest.fixture
def log():
    return Log(open("/dev/null", "w"))  # noqa: SIM115


def read(path):
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 48000)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)


def test_null_and_wav_take_real_time(tmp_path, log):
    for sink in (NullSink(48000, 512), WavSink(tmp_path / "a.wav", 48000, 512, log)):
        started_s = time.monotonic()
        for _ in range(20):
            sink.write(BLOCK)
        assert time.monotonic() - started_s > 0.2, "20 blocks last 213 ms"
        assert sink.frames == 20 * 512
        sink.close()


def test_a_sink_without_a_card_starves_like_one_with_a_card(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    pace = Pace(48000, lambda: now[0])
    assert not any(pace.wait(512) for _ in range(10))
    now[0] += 0.040  # less than four blocks late
    assert not pace.wait(512)
    now[0] += 0.200
    assert pace.wait(512) and not pace.wait(512)


def test_a_recording_holds_what_was_played_clipped_at_full_scale(tmp_path, log):
    sink = WavSink(tmp_path / "a.wav", 48000, 512, log, paced=False)
    for level in (0.5, 2.0, -2.0):
        sink.write(np.full((512, 2), level, np.float32))
    sink.close()
    assert [int(v) for v in read(tmp_path / "a.wav")[::512, 0]] == [16384, 32767, -32767]


def test_a_killed_recording_is_readable_and_the_next_life_continues_it(tmp_path, log):
    path = tmp_path / "a.wav"
    sink = WavSink(path, 48000, 512, log, paced=False)
    for _ in range(HEADER_EVERY_BLOCKS + 5):
        sink.write(BLOCK)
    assert len(read(path)) == HEADER_EVERY_BLOCKS * 512, "not closed: readable up to half a second ago"
    again = WavSink(path, 48000, 512, log, paced=False)
    again.write(-BLOCK)
    again.close()
    samples = read(path)
    assert len(samples) == (HEADER_EVERY_BLOCKS + 6) * 512 and samples[0, 0] == 16384 and samples[-1, 0] == -16384


def test_a_file_of_another_kind_is_not_continued(tmp_path, log):
    path = tmp_path / "a.wav"
    path.write_bytes(b"something else" * 100)
    sink = WavSink(path, 48000, 512, log, paced=False)
    sink.write(BLOCK)
    sink.close()
    assert len(read(path)) == 512


def test_a_full_disk_ends_the_recording_not_the_music(tmp_path, log, monkeypatch):
    sink = WavSink(tmp_path / "a.wav", 48000, 512, log, paced=False)
    sink.write(BLOCK)
    monkeypatch.setattr(sinks, "MAX_DATA_BYTES", 3000)
    sink.write(BLOCK)
    sink.write(BLOCK)
    assert sum("ends" in line for line in log.lines) == 1 and len(read(tmp_path / "a.wav")) == 512


def test_a_recording_that_cannot_be_made_is_a_line_in_the_log(tmp_path, log):
    sink = open_sink(tmp_path / "no" / "folder" / "a.wav", False, 48000, 512, log)
    assert sink.kind == "null" and any("cannot record" in line for line in log.lines)


def test_without_a_sound_card_the_music_goes_on_and_one_line_says_so(log, monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert open_sink(None, True, 48000, 512, log).kind == "null"
    assert len(log.lines) == 1 and "sound card" in log.lines[0]


class CardThatIsPulled:
    """What of sounddevice is used; the card is gone at the third block."""

    PortAudioError = type("PortAudioError", (Exception,), {})

    def __init__(self):
        self.heard = 0

    def OutputStream(self, rate, blocksize, channels, dtype):  # noqa: N802
        assert (rate, blocksize, channels, dtype) == (48000, 512, 2, "float32")
        return types.SimpleNamespace(device=0, start=lambda: None, write=self.write, close=lambda: None)

    def query_devices(self, device):
        return {"name": "a card"}

    def write(self, block):
        self.heard += 1
        if self.heard > 2:
            raise self.PortAudioError("gone")
        return self.heard == 2


def test_a_card_tells_of_underruns_and_may_be_pulled_out(log, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "sounddevice", CardThatIsPulled())
    sink = open_sink(tmp_path / "a.wav", True, 48000, 512, log)
    assert sink.kind == "portaudio+wav" and sink.path.endswith("a.wav")
    assert [sink.write(BLOCK) for _ in range(4)][:3] == [False, True, False]
    sink.close()
    assert len(read(tmp_path / "a.wav")) == 4 * 512 and sum("gone" in line for line in log.lines) == 1
