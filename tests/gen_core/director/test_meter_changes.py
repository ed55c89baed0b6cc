"""A performance may change its metre, may follow a lead sheet, and may have an end."""

import pytest

from gen_core.director import controls
from gen_core.director.composer import EARLY_TICKS
from gen_core.director.director import Change, Director, Ensemble
from gen_core.sequence import vocabulary as v
from gen_core.sequence.rules import PartRule
from gen_core.spec.errors import UsageError
from gen_core.theory.lead_sheet import parse_lead_sheet
from tests.fixtures.models import Dice

PARTS = (PartRule(0, 40, 90), PartRule(33, 28, 50, 1, 1), PartRule(v.DRUM_PROGRAM))


def director(sheet=None, length_bars=None, **values):
    ensemble = Ensemble("trio", ("a", "b", "c"), PARTS, ("x",) * 3, (0.0,) * 3)
    declared = {param.id: param.default for param in controls.PARAMS} | {"ensemble": 0.0, "seed": 5.0}
    return Director(Dice(), [ensemble], declared | values, sheet, length_bars)


def meter(text):
    return float(controls.METERS.index(text))


def lines(made, count):
    """Bar lines that the music is composed to, one after the other."""
    found = []
    while len(found) < count:
        made.compose()
        found += [made.composed_until] if made.bars.locate(made.composed_until)[1] == 0 else []
    return found


def test_a_metre_lands_on_the_next_bar_line_even_if_told_within_a_bar():
    made = director()
    made.change(Change(480, "meter", meter("7/8")))
    made.change(Change(1920 + 2 * 1680, "meter", meter("3/4")))
    assert lines(made, 5) == [1920, 3600, 5280, 6720, 8160]
    assert made.bars.locate(6720) == (4, 0.0) and made.bars.locate(6720 + 480) == (4, 1.0)


def test_a_metre_that_is_taken_back_leaves_the_bars_before_it():
    made, plain = director(), director()
    assert lines(made, 4) == lines(plain, 4) == [1920, 3840, 5760, 7680]
    assert made.change(Change(3840, "meter", meter("6/8"))) == 3840
    assert lines(made, 2) == [3840 + 1440, 3840 + 2 * 1440]
    made.change(Change(3840, "meter", meter("4/4")))
    assert made.bars == plain.bars


@pytest.mark.parametrize("known_at", [0, 3, 7, 9])
def test_what_comes_of_a_metre_does_not_depend_on_when_it_became_known(known_at):
    changes = [Change(3840, "meter", meter("7/8")), Change(3840 + 1680 + 480, "seed", 9.0), Change(8000, "energy", 0.9)]
    early, late = director(), director()
    for change in changes:
        early.change(change)
    heard = {id(made): [] for made in (early, late)}
    for made in (early, late):
        notes = heard[id(made)]
        for bar in range(16):
            if made is late and bar == known_at:
                for change in changes:
                    cut = made.change(change)
                    notes[:] = [note for note in notes if note.tick < cut - EARLY_TICKS]
            if made.composed_until < 15000:
                notes += made.compose()
        while made.composed_until < 15000:
            notes += made.compose()
    assert heard[id(early)] == heard[id(late)]


def test_a_change_that_an_earlier_metre_moves_off_the_beat_lands_on_the_next():
    made = director()
    made.change(Change(5760, "seed", 9.0))
    made.change(Change(1920, "meter", meter("7/8")))  # 5760 lies inside a bar now: 5280 and two halves of a beat
    assert made.bars.beat_after(5760) == 5760 and lines(made, 4) == [1920, 3600, 5280, 6960]
    made.change(Change(3840, "meter", meter("3/8")))
    assert made.bars.beat_after(5760) == 5760 and made.bars.beat_after(5761) == 6000


def test_months_of_metres_are_not_kept():
    made = director()
    for turn in range(60):
        made.change(Change(made.composed_until, "meter", float(turn % len(controls.METERS))))
        made.compose()
        made.forget(made.composed_until - 8 * 1920)
    assert len(made.bars.stretches) < 60 and len(made._base_bars.stretches) < 20


@pytest.mark.parametrize("text", controls.METERS)
def test_a_piece_ends_with_its_last_bar_and_nothing_sounds_behind_it(text):
    made, notes = director(length_bars=5, meter=meter(text)), []
    while not made.complete:
        notes += made.compose()
    end = 5 * controls.meter_of(meter(text)).bar_ticks
    assert made.composed_until == end and made.compose() == []
    assert 0 < len(notes) and max(note.tick + note.duration for note in notes) <= end


def test_under_a_lead_sheet_another_metre_or_a_strange_key_is_refused_and_nothing_changes():
    sheet = parse_lead_sheet("| G | D7/F# |")
    made = director(sheet, meter=meter("3/4"))
    values = {param.id: param.default for param in controls.PARAMS} | {"ensemble": 0.0, "meter": meter("3/4")}
    made.check(values)
    with pytest.raises(UsageError, match="4/4 contradicts the lead sheet, which is in 3/4"):
        made.check(values | {"meter": meter("4/4")})
    with pytest.raises(UsageError, match="the chord G in bar 1 shares no tone with the scale"):
        made.check(values | {"key": 2.0, "scale": float(list(controls.SCALES).index("pentatonic"))})
