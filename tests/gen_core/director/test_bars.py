"""Bar lines and beats stay where they were said to be, through every change of metre."""

import random

import pytest

from gen_core.director.bars import Bars
from gen_core.theory.meter import parse_meter


def test_bars_and_beats_count_from_nought_and_beats_are_quarters():
    bars = Bars.of(parse_meter("7/8").bar_ticks)
    assert [bars.locate(tick) for tick in (0, 480, 1679, 1680, 1680 * 9 + 240)] == [
        (0, 0.0), (0, 1.0), (0, 1679 / 480), (1, 0.0), (9, 0.5)
    ]  # fmt: skip
    assert [bars.beat_after(tick) for tick in (0, 1, 480, 1440, 1441, 1680)] == [0, 480, 480, 1440, 1680, 1680]


@pytest.mark.parametrize("seed", range(8))
def test_changes_of_metre_land_on_bar_lines_and_no_bar_is_lost(seed):
    rng = random.Random(seed)
    bars, at = Bars.of(1920), 0
    for _ in range(6):
        at += rng.randint(0, 9000)
        before = bars.line_after(at)
        bars = bars.changed(at, parse_meter(rng.choice(("3/4", "7/8", "12/8", "4/4"))).bar_ticks)
        assert bars.line_after(at) == before
    line, number = 0, 0
    while line < at + 9000:
        assert bars.locate(line) == (number, 0.0) and bars.line_before(line) == bars.line_after(line) == line
        following = bars.line_after(line + 1)
        beats = {bars.beat_after(tick) for tick in range(line, following)}
        assert beats == {*range(line, following, 480), following} and bars.line_before(following - 1) == line
        line, number = following, number + 1
    late = bars.since(at)
    assert all(late.locate(tick) == bars.locate(tick) for tick in range(at, at + 9000, 37))
