"""The verbs against a running bench board: its own process, spoken to over its terminal, playing a plain sine."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import mido
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "targets" / "runtime"))
import bench_kit  # noqa: E402
import soundfile  # noqa: E402

from gen_core.score.midi import read_midi
from tests.fixtures import fake_midi
from tests.fixtures.command_line import data, limonaire
from tests.fixtures.paced_line import PacedLine

VERSIONS = ("1.0.0", "2.0.0")
NOISE = random.Random(1).randbytes(100_000)  # what no packing makes smaller


@pytest.fixture
def books(tmp_path):
    """A factory book, a newer one, and the key that signed both."""
    key = tmp_path / "key.pem"
    key.write_bytes(bench_kit.KEY.get_public_pem())
    with contextlib.redirect_stdout(None):  # imgtool talks
        old, new = (bench_kit.signed_book(tmp_path, version, payload=NOISE) for version in VERSIONS)
    path = tmp_path / "new.book"
    path.write_bytes(new)
    return {"old": old, "new": path, "key": key}


@pytest.fixture
def bench(tmp_path, books):
    with bench_kit.bench_board(tmp_path / "state", "--wav", str(tmp_path / "sound.wav"), factory=books["old"]) as board:
        yield board


@pytest.fixture(scope="module")
def steady_port(tmp_path_factory):
    """A bench board for the tests that leave it as it is: its port."""
    folder = tmp_path_factory.mktemp("steady")
    factory = bench_kit.signed_book(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        with bench_kit.bench_board(folder / "state", factory=factory) as board:
            yield board.port


@pytest.fixture
def steady(steady_port, monkeypatch):
    monkeypatch.setenv("LIMONAIRE_PORT", steady_port)


def test_a_bench_board_is_found_and_says_who_it_is(bench, capsys):
    assert data(capsys, "devices") == [
        {"path": bench.port, "kind": "bench", "serial": bench.record["serial"], "warning": ""}
    ]
    status = data(capsys, "info")
    assert status["product"] == "Limonaire" and status["book"]["version"] == VERSIONS[0]
    code, out, _ = limonaire(capsys, "info")
    assert code == 0 and f"serial                 {bench.record['serial']}\n" in out


def test_parameters_are_listed_asked_and_set(steady, capsys):
    assert [row["id"] for row in data(capsys, "params")][:2] == ["fake_bpm", "fake_energy"]
    assert data(capsys, "get", "fake_bpm") == {"fake_bpm": 120.0}
    landed = data(capsys, "set", "fake_energy", "0.8", "--at", "bar")
    assert landed["value"] == 0.8 and landed["beat"] == 0.0
    assert data(capsys, "set", "fake_key", "d")["value"] == 2.0
    assert limonaire(capsys, "get", "fake_energy", "fake_key")[1] == "fake_energy  0.8\nfake_key     d\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("get fake_enrgy", "did you mean fake_energy"),
        ("set fake_enrgy 0.5", "did you mean fake_energy"),
        ("set fake_energy 1.01", "0 to 1"),
        ("set fake_energy nan", "0 to 1"),
        ("set fake_energy loud", "0 to 1"),
        ("set fake_key h", "any, c, d"),
        ("stream --curve fake_enrgy=0:1", "did you mean fake_energy"),
        ("stream --curve fake_energy=0:2", "0 to 1"),
        ("stream", "a file or curves"),
        ("stream nothing.txt", "nothing.txt"),
    ],
)
def test_what_cannot_be_set_is_one_line_and_usage(words, said, steady, capsys):
    code, out, err = limonaire(capsys, *words.split())
    assert (code, out, err.count("\n")) == (2, "", 1) and said in err


def test_a_stream_reaches_the_board(steady, capsys, tmp_path):
    lines = tmp_path / "lines"
    lines.write_text("0 fake_energy 0.1\n0.1 fake_energy 0.7\n0.1 fake_key c\n")
    assert data(capsys, "stream", lines) == {"sent": 3}
    assert data(capsys, "get", "fake_energy", "fake_key") == {"fake_energy": 0.7, "fake_key": 1.0}


@pytest.mark.parametrize("topic", ["beats", "levels", "health"])
def test_a_board_tells_how_it_is_doing_while_it_plays(topic, steady):
    from host_tools.device import Device

    with Device() as device:
        assert next(getattr(device, topic)(20))
        assert {"ok", "reasons", "blocks"} <= set(device.check_health())


def test_a_book_is_flashed_tried_and_kept(bench, books, capsys):
    report = data(capsys, "flash", books["new"], "--trust", books["key"])
    assert report["version"] == VERSIONS[1] and report["confirmed"]
    assert report["copied_bytes"] > len(NOISE) and report["wire_bytes"] < 0.05 * report["bytes"]
    assert data(capsys, "info")["book"]["version"] == VERSIONS[1]


def test_a_book_on_trial_goes_at_the_next_reset(bench, books, capsys):
    from host_tools.device import Device

    assert not data(capsys, "flash", books["new"], "--trust", books["key"], "--no-confirm")["confirmed"]
    with Device() as device:
        assert device.info()["book"]["version"] == VERSIONS[1]
        device.reset()
        assert device.wait_until_back()["book"]["version"] == VERSIONS[0]


def test_a_book_on_trial_is_kept_when_it_is_confirmed(bench, books, capsys):
    data(capsys, "flash", books["new"], "--trust", books["key"], "--no-confirm")
    kept = data(capsys, "confirm")["slots"]
    assert [(slot["version"], slot["confirmed"]) for slot in kept if slot["active"]] == [(VERSIONS[1], True)]
    assert data(capsys, "reset")["book"]["version"] == VERSIONS[1]


@pytest.mark.parametrize(
    ("crash", "said"), [("silent", "nothing has sounded yet"), ("render", "old"), ("load", "old book")]
)
def test_a_book_that_does_not_play_well_is_not_kept(crash, said, bench, books, capsys, monkeypatch, tmp_path):
    from host_tools import flashing
    from host_tools.device import Device

    monkeypatch.setattr(flashing, "HEALTH_TIMEOUT_S", 2.0)
    books["new"].write_bytes(bench_kit.signed_book(tmp_path, "6.6.6", crash=crash))
    capsys.readouterr()  # imgtool talks
    code, out, err = limonaire(capsys, "flash", books["new"], "--trust", books["key"])
    assert (code, out) == (8, "") and said in err
    with Device(bench.port) as device:
        slots = [(slot["version"], slot["active"], slot["confirmed"]) for slot in device.slots()]
    assert slots == [(VERSIONS[0], True, True), ("6.6.6", False, False)]


def test_what_the_board_tells_is_printed_line_by_line(steady, capsys):
    code, out, _ = limonaire(capsys, "monitor", "notes", "beat", "--seconds", "2.5", "--json")
    told = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and {line["topic"] for line in told} == {"note", "beat"}
    assert all(line["pitch"] == 69 for line in told if line["topic"] == "note")
    code, out, _ = limonaire(capsys, "monitor", "beat", "--seconds", "2")
    assert out.startswith("beat    bar ")
    code, out, err = limonaire(capsys, "monitor", "beet")
    assert (code, out) == (2, "") and "did you mean beat" in err


@pytest.mark.parametrize("harm", ["flipped byte", "stranger's key", "cut short", "no book at all"])
def test_a_bad_book_is_refused_before_anything_is_sent(harm, steady, books, capsys):
    path, trust = books["new"], ["--trust", books["key"]]
    content = bytearray(path.read_bytes())
    if harm == "flipped byte":
        content[5000] ^= 1
    trust = [] if harm == "stranger's key" else trust
    path.write_bytes({"cut short": bytes(content[:-300]), "no book at all": b"hello"}.get(harm, bytes(content)))
    for verb in ("flash", "verify"):
        code, out, err = limonaire(capsys, verb, path, *trust)
        assert (code, out, err.count("\n")) == (7, "", 1) and "; " in err
    assert data(capsys, "info")["book"]["version"] == VERSIONS[0]


def test_a_board_that_does_not_trust_the_key_says_so(bench, books, capsys, tmp_path):
    stranger = tmp_path / "stranger.pem"
    stranger.write_bytes(bench_kit.STRANGER.get_public_pem())
    books["new"].write_bytes(bench_kit.signed_book(tmp_path, "3.0.0", bench_kit.STRANGER))
    capsys.readouterr()  # imgtool talks
    code, out, err = limonaire(capsys, "flash", books["new"], "--trust", stranger)
    assert (code, out) == (8, "") and "key that the board trusts" in err
    assert data(capsys, "info")["book"]["version"] == VERSIONS[0]


def test_a_book_too_large_for_the_board_is_refused_with_numbers(bench, books, capsys, monkeypatch):
    from dataclasses import replace

    from targets import boards

    small = replace(boards.find("bench"), max_book_bytes=50_000)
    monkeypatch.setattr(boards, "find", lambda name: small)
    code, out, err = limonaire(capsys, "flash", books["new"], "--trust", books["key"])
    assert (code, out) == (2, "") and "50000" in err and str(books["new"].stat().st_size) in err


def test_what_the_board_plays_is_recorded_as_notes_and_sound(bench, capsys, tmp_path):
    midi, wav = tmp_path / "take.mid", tmp_path / "take.wav"
    report = data(capsys, "record", "-o", midi, "-o", wav, "--seconds", "1.2")
    audio, rate = soundfile.read(wav)
    assert rate == 48000 and report["frames"] == len(audio) and len(audio) / rate == pytest.approx(1.2, abs=0.1)
    assert abs(audio).max() > 0.25
    score = read_midi(midi)
    assert score.n_notes == report["notes"] and report["notes"] in (2, 3)  # one every half second


def test_sound_that_is_not_written_anywhere_cannot_be_recorded(steady, tmp_path, capsys):
    code, out, err = limonaire(capsys, "record", "-o", tmp_path / "take.wav", "--seconds", "1")
    assert (code, out) == (2, "") and "bench-board --wav" in err


def test_two_boards_are_listed_and_refused_until_one_is_named(tmp_path, books, capsys):
    with contextlib.ExitStack() as stack:
        first, second = (
            stack.enter_context(bench_kit.bench_board(tmp_path / name, factory=books["old"])) for name in "ab"
        )
        code, out, err = limonaire(capsys, "info")
        assert (code, out) == (3, "") and first.port in err and second.port in err and "--port" in err
        assert data(capsys, "info", "--port", second.port)["serial"] == second.record["serial"]


def test_a_flash_that_was_killed_goes_on_at_the_byte_where_it_stopped(bench, tmp_path):
    key, book = tmp_path / "key.pem", tmp_path / "large.book"
    with contextlib.redirect_stdout(None):
        book.write_bytes(bench_kit.signed_book(tmp_path, "3.0.0", payload=random.Random(2).randbytes(400_000)))
    part = bench.state / "part.book"
    with PacedLine(bench.port, 921600) as line:
        words = [sys.executable, "-m", "host_tools.main", "flash", str(book), "--trust", str(key), "--port", line.port]
        killed = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ends_s = time.monotonic() + 60
        while time.monotonic() < ends_s and not (part.exists() and part.stat().st_size > 60_000):
            time.sleep(0.01)
        killed.kill()
        killed.wait()
        arrived = part.stat().st_size
        child = bench.child_pid()
        os.kill(child, signal.SIGKILL)  # and the power goes as well
        bench.child_pid(other_than=child)
        before = sum(line.carried)
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
        carried = sum(line.carried) - before
    assert done.returncode == 0, done.stderr
    assert 60_000 < arrived < 400_000 and carried < (book.stat().st_size - arrived) / 0.6 + 40_000
    assert any((bench.state / f"{slot}.book").read_bytes() == book.read_bytes() for slot in "a")


def test_midi_is_joined_to_the_board(steady, capsys, monkeypatch):
    monkeypatch.setattr(mido, "backend", mido.backend)
    mido.set_backend("tests.fixtures.fake_midi")
    knob = mido.Message("control_change", control=99, value=0), mido.Message("control_change", control=98, value=1)
    fake_midi.waiting["Knobs 20:0"] = [*knob, mido.Message("control_change", control=6, value=127)]
    words = "midi", "--in", "Knobs", "--out", "Keys", "--clock", "--seconds", "1.5"
    code, out, _ = limonaire(capsys, *words, "--json")
    kinds = {message.type for message in fake_midi.sent["Keys 24:0"]}
    assert code == 0 and json.loads(out)["from_midi"] == 3 and "note_on" in kinds
    assert data(capsys, "get", "fake_energy") == {"fake_energy": 1.0}
