"""The verbs that need no board: the default book built, verified, shown, composed with."""

import json
import tomllib
from types import SimpleNamespace

import pytest
import soundfile

from export.model import DEFAULT
from gen_core.score.midi import read_midi
from gen_core.score.score import Meter
from gen_core.spec.errors import UsageError
from host_tools import default_book, keys, offline
from host_tools import main as cli
from tests.oracles.constraints import Part, Wanted, violations


def data(capsys, *words):
    code = cli.main([*map(str, words), "--json"])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    return json.loads(out)


def test_the_same_seed_gives_the_same_notes_and_another_seed_others(default_home, capsys, tmp_path):
    takes = {}
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        midi = tmp_path / f"{name}.mid"
        words = ("--length", "3s", "--seed", seed, "-o", midi)
        assert data(capsys, "compose", *words)["seed"] == seed
        takes[name] = midi.read_bytes()
    assert read_midi(tmp_path / "a.mid").n_notes > 0
    assert takes["a"] == takes["b"] != takes["c"]


def test_a_length_in_bars_follows_the_tempo_that_was_asked_for(default_home, capsys, tmp_path):
    wav = tmp_path / "two bars.wav"
    words = ("--length", "2bars", "--set", "bpm=200", "-o", wav)
    report = data(capsys, "compose", *words)
    assert report["seconds"] == pytest.approx(2.4) and soundfile.info(wav).frames == round(2.4 * 48000)
    assert 0 <= report["seed"] < 2**24


WALTZ = "meter: 3/4\nkey: G major\n| G | Em | Am D7 | G/B C D7 |\n"


def test_a_lead_sheet_metre_and_length_in_bars_are_obeyed_to_the_end_of_the_midi_file(default_home, capsys, tmp_path):
    (tmp_path / "waltz.txt").write_text(WALTZ)
    midi = tmp_path / "waltz.mid"
    words = ("--length", "6bars", "--lead-sheet", tmp_path / "waltz.txt", "--set", "ensemble=chamber", "--seed", 3)
    report = data(capsys, "compose", *words, "--set", "bpm=240", "-o", midi)
    score = read_midi(midi)
    assert report["seconds"] == pytest.approx(4.5) and score.meters == (Meter(0, 3, 4),)
    seats = tomllib.loads((DEFAULT / "book.toml").read_text())["ensembles"]["chamber"]
    parts = tuple(Part(False, seat["low"], seat["high"], seat["chord"], 128) for seat in seats)
    sheet, home = (("G",), ("Em",), ("Am", "D7"), ("G/B", "C", "D7")), frozenset((0, 2, 4, 6, 7, 9, 11))
    wanted = Wanted(parts, frozenset(range(12)), "3/4", 6, sheet, home)
    number = {seat["part"]: place for place, seat in enumerate(seats)}
    columns = ("onset", "pitch", "duration", "velocity")
    rows = [(number[track.name], note[list(columns)].item()) for track in score.tracks for note in track.notes]
    notes = [(tick, part, *rest) for part, (tick, *rest) in rows]
    assert notes and violations(wanted, notes) == []
    assert 5 * 1440 - 8 <= max(note[0] for note in notes) and max(note[0] + note[3] for note in notes) <= 6 * 1440


def test_a_part_keeps_the_range_and_polyphony_that_it_is_given(default_home, capsys, tmp_path):
    words = ("--length", "8bars", "--set", "ensemble=salon", "--set", "bpm=240", "--seed", 3, "-o", tmp_path / "a.mid")
    data(capsys, "compose", *words, "--range", "second=40-52", "--polyphony", "second=2", "--polyphony", "lead=1")
    for track, low, high, voices in zip(read_midi(tmp_path / "a.mid").tracks, (55, 40), (100, 52), (1, 2), strict=True):
        notes = track.notes
        assert low <= notes["pitch"].min() <= notes["pitch"].max() <= high
        ends = notes["onset"] + notes["duration"]
        assert all(((notes["onset"] <= tick) & (tick < ends)).sum() <= voices for tick in notes["onset"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--range", "bass=30-31"), 'part "bass" ranges from key 30 to 31 and the chord Am in bar 3 has no tone there'),
        (("--range", "bas=30-31"), "the ensemble fairground has no part 'bas'; did you mean bass"),
        (("--range", "bass=50-31"), "'bass=50-31' is no range of a part"),
        (("--polyphony", "bass=0"), "'bass=0' is no polyphony of a part"),
        (("--meter", "4/4"), "the metre 4/4 contradicts the lead sheet, which is in 3/4"),
        (("--meter", "3/5"), "3/5 is no metre"),
        (("--meter", "11/8"), "meter cannot be '11/8'; give 4/4"),
        (("--set", "key=c_sharp", "--set", "scale=pentatonic"), "the chord G in bar 1 shares no tone"),
        (("--lead-sheet", "bad.txt"), "lead sheet line 2: 'Hm7x' is no chord symbol; did you mean Bm7"),
        (("--lead-sheet", "none.txt"), "none.txt: No such file"),
        (("--length", "0bars"), "no length"),
    ],
)
def test_what_contradicts_itself_is_one_line_and_usage(default_home, capsys, monkeypatch, tmp_path, words, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "waltz.txt").write_text(WALTZ)
    (tmp_path / "bad.txt").write_text("| C |\n| Hm7x |")
    code = cli.main(["compose", "--lead-sheet", "waltz.txt", *words, "-o", "x.mid"])
    out, err = capsys.readouterr()
    assert (code, out, err.count("\n")) == (2, "", 1) and says in err
    assert not (tmp_path / "x.mid").exists()


def test_a_book_tells_what_is_in_it_whoever_signed_it(default_home, capsys, monkeypatch, tmp_path):
    shown = data(capsys, "show", default_home)
    assert shown["bytes"] == default_home.stat().st_size and shown["manifest"]["name"] == "default"
    assert data(capsys, "verify", default_home)["hash"] == shown["hash"]
    key = tmp_path / "public.pem"
    key.write_bytes(keys.user_keys().public.read_bytes())
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))  # another user, another key
    assert cli.main(["show", str(default_home)]) == 0
    assert {"instruments", "ensembles", "parameters", "presets", "provenance"} <= set(capsys.readouterr().out.split())
    assert cli.main(["verify", str(default_home)]) == 7
    assert "trust" in capsys.readouterr().err
    assert data(capsys, "verify", default_home, "--trust", key)["verified"]


def test_the_default_book_is_built_again_for_another_key(default_home, monkeypatch, tmp_path):
    before = default_book.fingerprint()
    assert default_book.fingerprint() == before
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_book.fingerprint() != before


def test_a_book_of_ones_own_has_its_name_version_and_key(capsys, tmp_path):
    report = data(capsys, "build", "-o", tmp_path / "mine.book", "--name", "mine", "--version", "1.2.3")
    shown = data(capsys, "show", tmp_path / "mine.book")
    assert (report["name"], report["version"]) == ("mine", "1.2.3") == (shown["manifest"]["name"], "1.2.3")
    assert data(capsys, "verify", tmp_path / "mine.book")["verified"]


def test_a_preset_is_where_a_piece_starts_from_and_a_setting_still_wins(tmp_path):
    book = SimpleNamespace(manifest={"presets": {"calm": {"bpm": 76.0, "energy": 0.15}}})
    assert offline.preset(book, "calm") | {"energy": "0.9"} == {"bpm": "76", "energy": "0.9"}
    assert offline.preset(book, "") == {}
    with pytest.raises(UsageError, match="did you mean calm"):
        offline.preset(book, "clam")
