"""The PortAudio sink against a real sound server: what is written is what the card gives out."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

MISSING = [program for program in ("pulseaudio", "parec") if shutil.which(program) is None]
if not list(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")):
    MISSING.append("libasound2-plugins")
pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"{', '.join(MISSING)} is not installed: apt-get install pulseaudio"
)

RATE_HZ, BLOCK, TONE_HZ, LEVEL, SECONDS = 48000, 512, 750.0, 0.5, 1.5
PLAY = f"""
import numpy as np
from targets.runtime.log import Log
from targets.runtime.sinks import PortAudioSink
sink = PortAudioSink({RATE_HZ}, {BLOCK}, Log())
time = np.arange(int({SECONDS} * {RATE_HZ}) // {BLOCK} * {BLOCK}) / {RATE_HZ}
tone = ({LEVEL} * np.sin(2 * np.pi * {TONE_HZ} * time)).astype(np.float32)
for block in np.stack([tone, -tone], axis=1).reshape(-1, {BLOCK}, 2):
    sink.write(block)
sink.close()
"""


@pytest.fixture
def card(tmp_path):
    """A PulseAudio of its own with one card that sounds nowhere; the environment in which programs find it."""
    socket = tmp_path / "native"
    (tmp_path / "asound.conf").write_text("pcm.!default { type pulse }\nctl.!default { type pulse }\n")
    here = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), "PULSE_SERVER": f"unix:{socket}"}
    env = os.environ | here | {"ALSA_CONFIG_PATH": str(tmp_path / "asound.conf"), "PYTHONPATH": os.getcwd()}
    server = subprocess.Popen(
        [
            "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
            f"--load=module-null-sink sink_name=card rate={RATE_HZ} format=float32le",
            f"--load=module-native-protocol-unix socket={socket} auth-anonymous=1",
        ],
        env=env, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 20
    while not socket.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    yield env
    server.terminate()
    server.wait(10)


def test_the_card_gives_out_what_was_written(card, tmp_path):
    recorded = tmp_path / "out.raw"
    options = ["--device=card.monitor", "--format=float32le", f"--rate={RATE_HZ}", "--channels=2"]
    recorder = subprocess.Popen(["parec", *options, str(recorded)], env=card)
    played = subprocess.run([sys.executable, "-c", PLAY], env=card, capture_output=True, text=True, timeout=60)
    time.sleep(0.5)
    recorder.terminate()
    recorder.wait(10)
    if "PortAudio library not found" in played.stderr:
        pytest.skip("PortAudio is not installed: apt-get install libportaudio2 libasound2-plugins")
    assert played.returncode == 0, played.stderr
    sound = np.fromfile(recorded, "<f4").reshape(-1, 2)
    heard = sound[np.flatnonzero(np.abs(sound[:, 0]) > 0.01)[0] :][: RATE_HZ // 2]
    spectrum = np.abs(np.fft.rfft(heard[:, 0])) / (len(heard) / 2)
    assert spectrum.argmax() * RATE_HZ / len(heard) == pytest.approx(TONE_HZ, abs=3)
    assert spectrum.max() == pytest.approx(LEVEL, rel=0.1)
    assert np.allclose(heard[:, 1], -heard[:, 0], atol=1e-3)
