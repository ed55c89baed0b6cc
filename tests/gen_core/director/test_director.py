"""What is asked for is what is composed: the last word counts, from its beat on, and nothing sounds twice."""

import pytest

from gen_core.director import controls
from gen_core.director.composer import BAR_TICKS, EARLY_TICKS
from gen_core.director.director import CONTROLS, Change, Director, Ensemble
from gen_core.sequence import vocabulary as v
from gen_core.sequence.layout import WISHES
from gen_core.sequence.rules import PartRule
from gen_core.sequence.styles import STYLES
from gen_core.spec.errors import VerificationError
from tests.fixtures.models import Dice

BEAT = 480


def director(*seats):
    ensembles = seats or ((PartRule(0, 40, 90), PartRule(v.DRUM_PROGRAM)),)
    made = [
        Ensemble(str(n), ("a",) * len(rules), rules, ("x",) * len(rules), (0.0,) * len(rules))
        for n, rules in enumerate(ensembles)
    ]
    values = {param.id: param.default for param in controls.PARAMS} | {"ensemble": 0.0, "seed": 5.0}
    return Director(Dice(), made, values)


def bars(made, until):
    notes = []
    while made.composed_until < until * BAR_TICKS:
        notes += made.compose()
    return notes


def test_the_controls_are_those_that_are_declared():
    assert set(CONTROLS) == {param.id for param in controls.PARAMS} | {"ensemble"}


def test_every_wish_and_every_style_of_the_network_has_its_control():
    assert [param.id for param in controls.WISHES] == list(WISHES)
    assert [param.id for param in controls.STYLE_WEIGHTS] == [f"style.{style}" for style in STYLES]


def test_of_two_values_for_one_beat_the_later_word_counts_whichever_is_larger():
    up, down, once = director(), director(), director()
    for made, words in ((up, (1.0, 9.0)), (down, (9.0, 1.0)), (once, (1.0,))):
        for word in words:
            made.change(Change(BEAT, "seed", word))
    assert bars(down, 2) == bars(once, 2) != bars(up, 2)


def test_a_word_for_a_sooner_beat_takes_back_what_was_to_come_later():
    both, once = director(), director()
    both.change(Change(BAR_TICKS, "seed", 9.0))
    for made in (both, once):
        made.change(Change(BEAT, "seed", 1.0))
    assert bars(both, 3) == bars(once, 3)


def test_a_note_that_sounds_before_its_beat_is_not_heard_twice_when_the_beat_is_taken_back():
    made = director()
    notes = bars(made, 24)
    beats = [-(-note.tick // BEAT) * BEAT for note in notes]
    early = [beat for note, beat in zip(notes, beats, strict=True) if 0 < beat - note.tick <= EARLY_TICKS]
    assert early, "this model plays some notes early"
    cut = early[0]
    assert made.change(Change(cut, "density", 0.5)) == cut  # no change at all, and yet a rewind
    kept = [note for note in notes if note.tick < cut - EARLY_TICKS]
    assert kept + bars(made, 24) == notes


def test_a_change_inside_a_bar_that_is_not_composed_yet_leaves_the_beats_before_it():
    plain, cut = director(), director()
    cut.change(Change(2 * BEAT, "seed", 9.0))
    before = [note for note in bars(plain, 1) if note.tick < 2 * BEAT - EARLY_TICKS]
    changed = bars(cut, 1)
    assert [note for note in changed if note.tick < 2 * BEAT - EARLY_TICKS] == before
    assert len(changed) == len(set(changed))


def test_what_comes_of_changes_does_not_depend_on_when_they_became_known():
    loud, soft = Change(0, "energy", 0.9), Change(8 * BAR_TICKS, "energy", 0.2)
    seed = Change(7 * BAR_TICKS + BEAT, "seed", 9.0)
    late, early = director(), director()
    for change in (loud, soft, seed):
        early.change(change)
    for change, known_at in ((loud, 0), (soft, 6), (seed, 10)):  # bars
        bars(late, known_at)
        late.change(change)
    first = seed.tick - EARLY_TICKS
    assert [note for note in bars(early, 12) if note.tick >= first] == bars(late, 12)


def test_who_plays_changes_with_the_bar_even_if_told_within_it():
    few, many = (PartRule(0),), (PartRule(0), PartRule(33), PartRule(48))
    made = director(few, many)
    made.change(Change(2 * BEAT, "ensemble", 1.0))
    notes = bars(made, 3)
    assert {note.part for note in notes if note.tick < BAR_TICKS - EARLY_TICKS} == {0}
    assert {note.part for note in notes if note.tick >= BAR_TICKS} > {0}
    assert made.ensemble_at(BAR_TICKS - 1).name == "0" and made.ensemble_at(BAR_TICKS).name == "1"


def test_a_blend_of_styles_is_told_from_the_next_bar_on():
    made = director()
    context = made._composer._sampler.context
    bars(made, 1)
    assert set(context.style) == {len(STYLES)}, "no weight, no style"
    made.change(Change(BAR_TICKS, "style.song", 0.9))
    made.change(Change(BAR_TICKS, "style.salon", 0.3))
    bars(made, 2)
    assert context.style == (STYLES.index("song"),) * 6 + (STYLES.index("salon"),) * 2


def test_months_of_changes_are_not_kept():
    made = director()
    for beat in range(0, 400, 2):
        made.change(Change(beat * BEAT, "energy", beat % 7 / 7))
        made.change(Change(beat * BEAT, "energy", beat % 5 / 5))
        bars(made, beat // 4 + 1)
        made.forget(made.composed_until - 8 * BAR_TICKS)
    assert len(made._changes) <= 17


def test_an_ensemble_without_a_range_is_refused():
    with pytest.raises(VerificationError, match="lacks 'low'"):
        Ensemble.from_manifest("duo", [{"part": "lead", "program": 0, "high": 90, "chord": 1, "instrument": "flute"}])
