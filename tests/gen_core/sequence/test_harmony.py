"""Chords are heard as a musician would name them."""

import numpy as np
import pytest

from gen_core.sequence.features import Notes
from gen_core.sequence.harmony import CHORD_KINDS, NO_CHORD, chord_class, heard_chords, nearest_chord

ONE_BAR = np.array([96])


def notes(*rows):
    """Rows (onset, pitch, steps) as Notes."""
    onset, pitch, steps = np.array(rows).T
    return Notes(onset, pitch, steps, np.full(len(rows), 80))


@pytest.mark.parametrize("kind", CHORD_KINDS)
@pytest.mark.parametrize("root", range(12))
def test_a_chord_struck_over_its_root_is_heard_by_its_name(kind, root):
    struck = notes(*((0, 48 + root + step, 96) for step in CHORD_KINDS[kind]))
    heard = heard_chords(struck, ONE_BAR)
    assert heard.tolist() == [chord_class(root, kind), *[heard[1]] * 3]
    assert nearest_chord(root, {(root + step) % 12 for step in CHORD_KINDS[kind]}) == chord_class(root, kind)


def test_a_chord_goes_on_where_nothing_else_is_heard_and_nothing_is_heard_before_the_first():
    line = notes((24, 48, 24), (24, 52, 24), (24, 55, 24), (72, 60, 24))
    assert heard_chords(line, ONE_BAR).tolist() == [NO_CHORD, *[chord_class(0, "")] * 3]


def test_percussion_is_no_chord():
    assert heard_chords(notes((0, 140, 6), (24, 145, 6)), ONE_BAR).tolist() == [NO_CHORD] * 4


def test_a_short_bar_has_as_many_quarters_as_begin_in_it():
    assert len(heard_chords(notes((0, 60, 12)), np.array([84, 30, 96]))) == 4 + 2 + 4


def test_a_chord_of_any_tones_stands_for_the_kind_that_shares_most():
    assert nearest_chord(0, {0, 4, 7, 9}) == chord_class(0, "")  # C6
    assert nearest_chord(2, {2, 5, 8, 0}) in (chord_class(2, "dim"), chord_class(2, "m7"))  # half-diminished
