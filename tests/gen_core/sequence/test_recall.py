"""A bar that comes back is followed by time, and form is drawn from the seed alone."""

import pytest

from gen_core.director.form import recall_strength, recalled_bar, remembers, stuck
from gen_core.sequence import vocabulary as v
from gen_core.sequence.recall import KEPT, Bars, Played, offered
from gen_core.sequence.vocabulary import BAR_LINE, Event

THEME = (Played(0, Event(0, 0, 60)), Played(0, Event(0, 1, 48)), Played(24, Event(24, 0, 62)))


def test_the_bars_remember_so_many_and_no_more():
    bars = Bars()
    for number in range(3 * KEPT):
        bars = bars.begin().add(0, Event(0, 0, number % 100))
    assert len(bars.bars) == KEPT
    assert bars.get(bars.number - 1) == (Played(0, Event(0, 0, (bars.number - 1) % 100)),)
    assert bars.get(bars.number) is None, "the present bar cannot bring itself back"
    assert bars.get(bars.number - KEPT) is None


@pytest.mark.parametrize(
    ("position", "last", "comes"),
    [
        (0, BAR_LINE, Event(0, 0, 60)),
        (0, Event(0, 0, 60), Event(0, 1, 48)),
        (0, Event(0, 1, 50), Event(24, 0, 62)),
        (6, Event(6, 0, 65), Event(18, 0, 62)),
        (24, Event(24, 0, 62), BAR_LINE),
        (30, Event(6, 0, 62), BAR_LINE),
    ],
)
def test_whatever_was_played_instead_the_next_old_event_ahead_is_offered(position, last, comes):
    assert offered(THEME, position, last) == comes


def test_at_zero_nothing_comes_back_and_at_one_everything_after_a_phrase():
    assert all(recalled_bar(7, bar, 0.0) == -1 and not remembers(7, bar, 0.0) for bar in range(200))
    assert [recalled_bar(7, bar, 1.0) for bar in range(6)] == [-1, -1, -1, -1, 0, 1]


def test_more_repeat_recalls_more_bars_and_holds_them_tighter():
    counts = [sum(recalled_bar(3, bar, r) >= 0 for bar in range(2000)) for r in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert counts == sorted(counts) and counts[0] == 0 and 300 < counts[2] < 1100
    strengths = [recall_strength(r) for r in (0.0, 0.5, 0.8, 1.0)]
    assert strengths == sorted(strengths) and recall_strength(0.5) == pytest.approx(3)


def test_a_rhyming_section_brings_back_one_section_bar_for_bar():
    for section in range(1, 200):
        sources = [recalled_bar(11, 8 * section + i, 0.6) for i in range(8)]
        if sources[0] >= 0:
            assert sources == list(range(sources[0], sources[0] + 8)) and sources[0] % 8 == 0
            assert 0 < section - sources[0] // 8 <= 3 and section * 8 - sources[0] < KEPT
            break
    else:
        raise AssertionError("no section rhymes")


def test_a_recall_names_no_event_beyond_its_bar():
    assert offered(THEME, 95, Event(5, 0, 60)).delta == v.BAR


@pytest.mark.parametrize(
    ("period", "repeat", "found"), [(1, 0.0, True), (2, 0.5, True), (4, 0.5, True), (4, 1.0, False)]
)
def test_music_in_a_circle_is_noticed_unless_it_was_asked_for(period, repeat, found):
    bars = Bars()
    for number in range(20):
        bars = bars.begin().add(0, Event(0, 0, 60 + number % period)).add(24, Event(24, 0, 70))
    bars = bars.begin()
    assert (stuck(bars, repeat) >= 0) == found
    if found:
        assert bars.get(stuck(bars, repeat)) == bars.get(bars.number - period)


def test_music_that_goes_on_is_not_stuck():
    bars = Bars()
    for number in range(20):
        bars = bars.begin().add(0, Event(0, 0, 30 + number))
    assert stuck(bars.begin(), 0.0) == -1
