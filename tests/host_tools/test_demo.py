"""The two verbs that start a board, with the default book: the chain as a person runs it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from gen_core.score.midi import read_midi
from host_tools import main as cli

ROOT = Path(__file__).resolve().parents[2]


def test_the_demo_leaves_sound_notes_and_picture_and_says_what_it_measured(default_home, tmp_path, capsys):
    assert cli.main(["demo", "--seconds", "4", "-o", str(tmp_path / "demo"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert read_midi(tmp_path / "demo" / "limonaire.mid").n_notes == report["notes"] > 0
    audio, rate = soundfile.read(tmp_path / "demo" / "limonaire.wav")
    assert rate == 48000 and len(audio) > rate and abs(audio).max() > 0.01
    assert (tmp_path / "demo" / "limonaire.png").read_bytes().startswith(b"\x89PNG")
    assert report["flashed_bytes"] > 100_000 and report["wire_bytes"] < 0.1 * report["flashed_bytes"]
    assert report["compose_rtf"] > 0 and report["render_rtf"] > 0 and report["rss_bytes"] > 10_000_000


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_a_bench_board_names_its_terminal_first_and_ends_when_interrupted(words, default_home, tmp_path):
    command = [sys.executable, "-m", "host_tools.main", "bench-board", "--state", str(tmp_path), *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as board:
        assert board.stdout is not None
        line = board.stdout.readline().strip()
        port = json.loads(line)["port"] if words else line
        assert Path(port).is_char_device()
        board.send_signal(signal.SIGINT)
        assert board.wait(timeout=10) == 0
