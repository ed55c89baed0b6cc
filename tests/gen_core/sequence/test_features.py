"""What a bar is like, against values worked out by hand."""

import numpy as np
import pytest

from gen_core.sequence import vocabulary as v
from gen_core.sequence.features import DISSONANCE, FEATURES, Notes, Quarters, bar_features, key_profiles

C, E, G, SNARE = 60, 64, 67, v.PITCHES + 11
LOUD = (127 / 127) ** 2


def features(bars, *notes):
    """Each note (onset, pitch, steps, velocity); `bars`: steps of each."""
    columns = np.array(notes, np.int64).reshape(-1, 4).T
    return bar_features(Notes(*columns), np.array(bars, np.int64))


def test_every_feature_is_given_for_every_bar():
    found = features([96, 72], (0, C, 24, 127))
    assert set(found) == set(FEATURES) and all(values.shape == (2,) for values in found.values())


def test_an_empty_bar_has_no_notes_and_no_opinion():
    found = features([96])
    assert found["density"][0] == found["energy"][0] == 0
    assert all(np.isnan(found[name][0]) for name in FEATURES[2:])


def test_a_triad_for_a_bar_of_four():
    found = {name: values[0] for name, values in features([96], *((0, key, 96, 127) for key in (C, E, G))).items()}
    assert found["density"] == 3 / 4 and found["energy"] == pytest.approx(3 * LOUD / 4)
    assert found["register"] == pytest.approx((C + E + G) / 3)
    assert found["brightness"] == G  # only the first quarter has a beginning
    assert found["tension"] == pytest.approx(-(0.386 + 0.594 + 1.240) / 3)  # major third, minor third, fifth
    assert found["polyphony"] == 3


def test_valence_is_the_best_major_fit_less_the_best_minor_fit():
    for keys, sign in (((60, 64, 67), 1), ((60, 63, 67), -1)):
        found = features([96], *((0, key, 96, 100) for key in keys))["valence"][0]
        triad = np.isin(np.arange(12), [key % 12 for key in keys]).astype(float)
        fits = [np.corrcoef(triad, profile)[0, 1] for profile in key_profiles()]
        assert found == pytest.approx(max(fits[:12]) - max(fits[12:])) and np.sign(found) == sign
    assert np.isnan(features([96], (0, C, 96, 100), (0, G, 96, 100))["valence"][0])  # two classes have no mode


def test_a_note_held_over_sounds_in_the_next_bar_and_begins_only_once():
    found = features([96, 96], (72, C, 48, 127), (96, 61, 24, 127))
    assert found["density"].tolist() == [1 / 4, 1 / 4]
    assert found["register"].tolist() == [C, 61]
    assert found["polyphony"].tolist() == [1, 2]
    assert np.isnan(found["tension"][0]) and found["tension"][1] == pytest.approx(1.428)  # a semitone


def test_what_began_before_the_first_bar_line_sounds_but_does_not_count():
    found = features([96], (-48, C, 72, 127), (0, E, 24, 127))
    assert found["density"][0] == 1 / 4 and found["register"][0] == E and found["polyphony"][0] == 2
    assert found["tension"][0] == pytest.approx(-0.386)


def test_a_short_last_quarter_is_a_quarter_of_its_own():
    found = features([60], (0, C, 12, 127), (24, E, 12, 127), (48, G, 12, 127))  # 5/8: 24, 24 and 12 steps
    assert found["density"][0] == pytest.approx(3 / 2.5)
    assert found["brightness"][0] == pytest.approx((C + E + G) / 3)
    assert Quarters.of_bars(np.array([60, 60])).start.tolist() == [0, 24, 48, 60, 84, 108]


def test_brightness_is_the_mean_of_the_quarters_highest_keys():
    found = features([96], (0, C, 6, 90), (6, 72, 6, 90), (12, E, 6, 90), (24, G, 6, 90))
    assert found["brightness"][0] == (72 + G) / 2


def test_tension_is_the_mean_over_quarters_with_a_pair():
    found = features([96], (0, C, 24, 90), (0, 61, 24, 90), (24, C, 24, 90), (24, G, 24, 90), (48, C, 24, 90))
    assert found["tension"][0] == pytest.approx((1.428 - 1.240) / 2)
    assert DISSONANCE[0, 1] == DISSONANCE[1, 0] == 1.428 and DISSONANCE[0, 6] == 0.453


def test_polyphony_counts_only_the_time_in_which_something_sounds():
    assert features([96], (0, C, 24, 90), (0, E, 12, 90))["polyphony"][0] == pytest.approx((12 * 2 + 12) / 24)


def test_percussion_has_density_and_energy_and_nothing_else():
    found = features([96], (0, SNARE, 6, 127), (48, SNARE, 6, 127))
    assert found["density"][0] == 2 / 4 and found["energy"][0] == pytest.approx(2 * LOUD / 4)
    assert all(np.isnan(found[name][0]) for name in FEATURES[2:])
