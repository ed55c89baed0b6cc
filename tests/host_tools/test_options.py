"""What a person types, as tables: durations, lengths, assignments, curves, lines, output files."""

import argparse
from pathlib import Path

import pytest

from gen_core.spec.errors import UsageError
from host_tools import curve, options, output


@pytest.mark.parametrize(("text", "seconds"), [("30", 30), ("30s", 30), ("0.5", 0.5), ("1.5min", 90), ("2 min", 120)])
def test_durations_are_read(text, seconds):
    assert options.seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "1h", "s", "1e3", "12:30"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(UsageError, match="no duration"):
        options.seconds(text)


@pytest.mark.parametrize(("text", "length"), [("8bars", (8.0, "bars")), ("1 bar", (1.0, "bars")), ("30s", (30.0, "s"))])
def test_lengths_are_read(text, length):
    assert options.length(text) == length


@pytest.mark.parametrize("text", ["-1", "16777216", "nan", "lucky"])
def test_a_seed_that_a_float32_cannot_carry_is_refused_with_the_range(text):
    assert options.seed("16777215") == 2**24 - 1
    with pytest.raises(UsageError, match="0 to 16777215"):
        options.seed(text)


@pytest.mark.parametrize("text", ["0bars", "1.5bars", "bars", "-2bars"])
def test_what_is_no_length_is_refused(text):
    with pytest.raises(UsageError, match="no length"):
        options.length(text)


@pytest.mark.parametrize(("text", "pair"), [("a=1", ("a", "1")), ("level.drums=0.5", ("level.drums", "0.5"))])
def test_assignments_are_read(text, pair):
    assert options.assignment(text) == pair


@pytest.mark.parametrize("text", ["a", "a=", "=1", ""])
def test_what_assigns_nothing_is_refused(text):
    with pytest.raises(UsageError, match="id=value"):
        options.assignment(text)


@pytest.mark.parametrize("names", [["a.mp3"], ["a"], ["a.mid", "b.mid"], ["a.wav", "a.png"]])
def test_output_files_of_an_unknown_or_repeated_kind_are_refused(names):
    with pytest.raises(UsageError):
        options.outputs([Path(name) for name in names], (".mid", ".wav"))


def test_output_files_are_told_apart_by_suffix():
    midi, wav = Path("a.MID"), Path("b.wav")
    assert options.outputs([midi, wav], (".mid", ".wav")) == {".mid": midi, ".wav": wav}


@pytest.mark.parametrize("body", ["", "=", "=0", "=0:1,0:2", "=5:1,2:0", "=-1:0", "=0:nan", "=inf:1", "=0:1:2", "=a:b"])
def test_what_is_no_curve_is_refused(body):
    with pytest.raises(UsageError, match="no curve"):
        curve.parse(f"energy{body}")


@pytest.mark.parametrize(("at_s", "value"), [(-1, 0.2), (0, 0.2), (5, 0.4), (10, 0.6), (15, 0.9), (20, 0.9)])
def test_a_curve_is_straight_between_its_breakpoints_and_flat_outside(at_s, value):
    name, breakpoints = curve.parse("energy=0:0.2,10:0.6,15:0.9")
    assert name == "energy" and curve.value_at(breakpoints, at_s) == pytest.approx(value)


def test_points_of_a_curve_start_and_end_on_it_and_leave_out_what_stays():
    points = list(curve.points({"a": [(0.0, 0.0), (1.0, 1.0), (3.0, 1.0)], "b": [(0.0, 5.0)]}, rate_hz=4))
    assert points[0] == (0.0, {"a": 0.0, "b": 5.0}) and points[-1] == (1.0, {"a": 1.0})
    assert [at_s for at_s, _ in points] == [0, 0.25, 0.5, 0.75, 1.0]


def test_lines_are_read_and_comments_are_skipped():
    lines = ["# a sensor\n", "\n", "0 energy 0.5\n", "1.5 key c_sharp # up\n"]
    assert list(curve.read_lines(lines)) == [(0.0, "energy", "0.5"), (1.5, "key", "c_sharp")]


@pytest.mark.parametrize("line", ["energy 0.5", "x energy 0.5", "-1 energy 0.5", "nan energy 0.5", "0 energy 0.5 now"])
def test_a_line_that_cannot_be_read_is_named(line):
    with pytest.raises(UsageError, match="line 2"):
        list(curve.read_lines(["0 energy 0.5", line]))


def test_json_holds_no_nan_and_shows_bytes_as_hex():
    assert output.plain({1: float("nan"), "b": (b"\x01\xff", None, True)}) == {"1": None, "b": ["01ff", None, True]}


def test_tables_are_aligned():
    assert output.table([("a", 1), ("bcd", 22)], ("x", "y")) == "x    y\na    1\nbcd  22"


def test_a_float32_is_shown_without_the_digits_that_it_does_not_have():
    import struct

    values = [0.1, 0.3, 120.0, 1e-3, 440.0, 0.0]
    assert [output.short(struct.unpack("<f", struct.pack("<f", v))[0]) for v in values] == values


@pytest.mark.parametrize(
    ("words", "port"),
    [
        (["--ip", "pi.local"], "udp://pi.local"),
        (["--ip", "10.0.0.2:1400"], "udp://10.0.0.2:1400"),
        (["--ip", "fe80::1"], "udp://[fe80::1]"),
        (["--ip", "[fe80::1]:1400"], "udp://[fe80::1]:1400"),
        (["--port", "COM3"], "COM3"),
        (["--port", "rfc2217://host:2217"], "rfc2217://host:2217"),
        ([], None),
    ],
)
def test_a_board_is_named_by_port_or_by_address(words, port):
    parser = argparse.ArgumentParser()
    options.add_board(parser)
    assert parser.parse_args(words).port == port


@pytest.mark.parametrize("text", ["", " ", "udp://host"])
def test_what_is_no_host_is_refused(text):
    with pytest.raises(UsageError, match="no host"):
        options.ip(text)


def test_a_person_is_told_when_the_board_is_gone_and_when_it_is_back(fake_board, monkeypatch, capsys):
    parser = argparse.ArgumentParser()
    options.add_board(parser)
    monkeypatch.setattr("host_tools.ports.at", lambda path: None)
    with options.open_board(parser.parse_args(["--port", fake_board.port])) as device:
        fake_board.unplug()
        events = device.events(20)
        assert next(events).kind == "lost"
        fake_board.plug()
        device.link.port = fake_board.port
        assert next(events).kind == "back" and device.get("energy") == 0.5
    said = capsys.readouterr()
    assert "gone; plug it in again" in said.err and "back" in said.err and not said.out
