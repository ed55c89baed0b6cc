"""Chance is a function of its place."""

import numpy as np

from gen_core.spec.chance import draw


def test_the_same_place_gives_the_same_number_whatever_was_drawn_before():
    first = draw(7, 480, 2, 1)
    for other in range(100):
        draw(other, other)
    assert draw(7, 480, 2, 1) == first


def test_neighbouring_places_and_seeds_are_unrelated_and_even():
    drawn = np.array([[draw(seed, tick, 0) for tick in range(0, 4800, 20)] for seed in range(40)])
    assert 0 <= drawn.min() and drawn.max() < 1
    assert abs(drawn.mean() - 0.5) < 0.01
    assert np.histogram(drawn, 16, (0, 1))[0].std() < 0.06 * drawn.size / 16
    assert abs(np.corrcoef(drawn[:, :-1].ravel(), drawn[:, 1:].ravel())[0, 1]) < 0.03
    assert abs(np.corrcoef(drawn[:-1].ravel(), drawn[1:].ravel())[0, 1]) < 0.03


def test_a_number_once_given_out_stays_the_same_in_later_versions():
    assert draw(1, 2, 3) == 0.4175580595044027
