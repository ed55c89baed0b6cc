"""Presets into each other: on paper, and on a running bench board."""

import contextlib
import json
import sys
from itertools import pairwise
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "targets" / "runtime"))
import bench_kit  # noqa: E402

from gen_core.spec.errors import UsageError  # noqa: E402
from gen_core.spec.param import Param  # noqa: E402
from host_tools import main as cli  # noqa: E402
from host_tools import morphing  # noqa: E402

PARAMS = {
    param.id: param
    for param in (
        Param(id="bpm", low=40, high=240, default=120),
        Param(id="cutoff", low=20, high=20_000, default=1000, curve="exponential"),
        Param(id="bars", low=1, high=9, default=4, kind="int"),
        Param(id="key", low=0, high=2, default=0, kind="choice", choices=("any", "c", "d")),
        Param(id="meter", low=0, high=1, default=0, kind="choice", choices=("4/4", "6/8")),
    )
}
NOW = {param.id: param.default for param in PARAMS.values()}
KNOWN = {"low": {"cutoff": 200.0, "key": 1.0}, "high": {"cutoff": 2000.0, "bpm": 60.0}}


def test_both_ends_hold_what_either_preset_sets_and_the_rest_is_left_alone():
    start, goal = morphing.ends(KNOWN, ("low", "high"), PARAMS, NOW)
    assert start == {"cutoff": 200.0, "key": 1.0, "bpm": 120.0}
    assert goal == {"cutoff": 2000.0, "key": 0.0, "bpm": 60.0}
    assert morphing.ends(KNOWN, (".", "low"), PARAMS, NOW)[0] == {"cutoff": 1000.0, "key": 0.0}
    assert morphing.ends({}, (".", "."), PARAMS, NOW) == ({}, {})


def test_numbers_follow_their_curve_and_choices_switch_half_way():
    half = PARAMS["cutoff"].between(200.0, 20_000.0, 0.5)
    assert half == pytest.approx(2000.0) and PARAMS["bpm"].between(60.0, 120.0, 0.5) == 90.0
    for name in ("bars", "key"):
        param = PARAMS[name]
        assert [param.between(1.0, 2.0, share) for share in (0.0, 0.49, 0.5, 1.0)] == [1, 1, 2, 2]
    assert PARAMS["cutoff"].between(200.0, 12_345.0, 1.0) == 12_345.0


def test_a_path_is_in_range_gives_only_what_moves_and_at_most_twenty_times_a_second():
    start, goal = morphing.ends(KNOWN, ("low", "high"), PARAMS, NOW)
    points = list(morphing.path(PARAMS, start, goal, 3.0))
    times = [at for at, _ in points]
    assert (times[0], times[-1]) == (0.0, 3.0) and all(b - a >= 0.05 for a, b in pairwise(times))
    assert points[0][1] == start
    assert [at for at, values in points if "key" in values] == [0.0, 1.5]
    for name in ("cutoff", "bpm"):
        values = [values[name] for _, values in points if name in values]
        assert values in (sorted(values), sorted(values, reverse=True)) and len(values) == 30
        assert all(PARAMS[name].check(value) == value for value in values)


@pytest.mark.parametrize(
    ("text", "now", "start", "goal", "seconds"),
    [
        ("30s", {}, {}, {}, 30.0),
        ("1.5min", {}, {}, {}, 90.0),
        ("8bars", {}, {}, {}, 16.0),
        ("1 bar", {"bpm": 60.0}, {}, {}, 4.0),
        ("4beats", {}, {}, {}, 2.0),
        ("4beats", {"meter": 1.0}, {}, {}, 3.0),
        ("2bars", {"meter": 1.0}, {}, {}, 3.0),
        ("8bars", {}, {"bpm": 60.0}, {"bpm": 180.0}, 16.0),
    ],
)
def test_a_time_in_bars_follows_tempo_and_metre(text, now, start, goal, seconds):
    assert morphing.lasting_s(morphing.span(text), PARAMS, start, goal, NOW | now) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "8", "0bars", "-1s", "bars", "8 parsecs"])
def test_what_is_no_time_is_usage(text):
    if text == "8":
        assert morphing.span(text) == (8.0, "s")
        return
    with pytest.raises(UsageError, match="no time for a morph"):
        morphing.span(text)


# -- on the bench ----------------------------------------------------------------------------------------------------
PRESETS = {
    "calm": {"fake_energy": 0.1, "fake_key": 0.0, "fake_volume": 0.2},
    "wild": {"fake_energy": 0.9, "fake_key": 2.0, "fake_bpm": 200.0},
}


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """A bench board whose book has presets: its port, and the book's file."""
    folder = tmp_path_factory.mktemp("morph")
    with contextlib.redirect_stdout(None):  # imgtool talks
        factory, other = bench_kit.signed_book(folder, presets=PRESETS), bench_kit.signed_book(folder, "2.0.0")
    (folder / "mine.book").write_bytes(factory)
    (folder / "other.book").write_bytes(other)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        with bench_kit.bench_board(folder / "state", factory=factory) as bench:
            yield bench.port, folder


def limonaire(capsys, *words):
    code = cli.main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_morph_leaves_the_board_at_its_goal_and_says_where_it_lands(board, capsys):
    port, folder = board
    words = ("--over", "0.5s", "--port", port, "--book", folder / "mine.book")
    code, out, err = limonaire(capsys, "stream", "morph", "calm", "wild", *words, "--json")
    report = json.loads(out)
    assert (code, err) == (0, "") and report["params"] == ["fake_bpm", "fake_energy", "fake_key", "fake_volume"]
    assert report["seconds"] == 0.5 and 10 <= report["sent"] <= 4 * 11 and report["bar"] >= 1
    limonaire(capsys, "get", "--port", port, *report["params"], "--json")
    code, out, _ = limonaire(capsys, "get", "--port", port, *report["params"], "--json")
    assert json.loads(out) == {"fake_bpm": 200.0, "fake_energy": 0.9, "fake_key": 2.0, "fake_volume": 0.9}
    code, out, err = limonaire(capsys, "stream", "morph", ".", "calm", *words)
    assert (code, err) == (0, "") and out.startswith(". → calm in 0.5 s") and "; from bar " in out
    assert limonaire(capsys, "get", "--port", port, "fake_energy")[1] == "fake_energy  0.1\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("morph calm wlid", "did you mean wild"),
        ("morph calm", "from one preset to another"),
        ("morph calm wild again", "from one preset to another"),
        ("morph calm wild --over soon", "no time for a morph"),
        ("morph calm wild --over 8bars", "no tempo to count by"),
        ("morph calm wild --book other.book", "not other.book"),
        ("morph calm wild --book none.book", "none.book: No such file"),
        ("one two", "a file or curves"),
    ],
)
def test_what_cannot_be_morphed_is_one_line_and_usage(board, capsys, monkeypatch, words, says):
    port, folder = board
    monkeypatch.chdir(folder)
    given = words.split()
    book = [] if "--book" in given else ["--book", "mine.book"]
    code, out, err = limonaire(capsys, "stream", *given, *book, "--port", port)
    assert (code, out, err.count("\n")) == (2, "", 1) and says in err
