"""Metres as tables: bars and beats on the grid, and what it cannot hold."""

import pytest

from gen_core.director.controls import METERS
from gen_core.spec.errors import UsageError
from gen_core.theory.meter import Meter, parse_meter


@pytest.mark.parametrize(("text", "bar_steps", "beat_steps"), [
    ("4/4", 96, 24), ("3/4", 72, 24), ("2/4", 48, 24), ("2/2", 96, 48), ("3/8", 36, 12), ("6/8", 72, 36),
    ("7/8", 84, 12), ("9/8", 108, 36), ("12/8", 144, 36), ("6/4", 144, 24), ("7/16", 42, 6), ("6/32", 18, 9),
])  # fmt: skip
def test_a_metre_has_its_bar_and_beat(text, bar_steps, beat_steps):
    meter = parse_meter(f" {text}")
    assert (meter.bar_steps, meter.beat_steps, meter.bar_ticks) == (bar_steps, beat_steps, 20 * bar_steps)
    assert str(meter) == text


@pytest.mark.parametrize("text", METERS)
def test_every_metre_that_can_be_chosen_has_whole_beats(text):
    meter = parse_meter(text)
    assert meter.bar_steps % meter.beat_steps == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [("4", "no metre"), ("4/", "no metre"), ("0/4", "no metre"), ("4/6", "no metre"), ("1/64", "thirty-seconds"),
     ("9/4", "216 steps"), ("x/4", "no metre")],
)  # fmt: skip
def test_what_the_grid_cannot_hold_is_refused_by_name(text, says):
    with pytest.raises(UsageError, match=says):
        parse_meter(text)
    assert Meter() == parse_meter("4/4")
