"""A wish means more of its feature, for every ensemble, and the default model follows it."""

import numpy as np
import pytest

from gen_core.director.composer import Composer, Request
from gen_core.sequence import steering
from gen_core.sequence import vocabulary as v
from gen_core.sequence.layout import WISHES
from gen_core.sequence.rules import PartRule, Rules
from gen_core.sequence.wishes import ENDS, IQR, OCTILE_EDGES, Reach, level, octiles, reach, target, value_of

TRIO = Rules((PartRule(40, 40, 96, 2), PartRule(41, 36, 90, 2), PartRule(42, 28, 80, 2)))
ENSEMBLES = {
    "trio": TRIO,
    "bass alone": Rules((PartRule(33, 28, 55, 1),)),
    "one key": Rules((PartRule(0, 60, 60, 1),)),
    "drums": Rules((PartRule(v.DRUM_PROGRAM),)),
}


@pytest.mark.parametrize("wish", WISHES)
def test_without_limits_a_wish_spans_the_corpus_through_its_median(wish):
    assert [target(wish, end) for end in (0, 0.5, 1)] == pytest.approx(
        [ENDS[wish][0], OCTILE_EDGES[wish][3], ENDS[wish][1]]
    )


@pytest.mark.parametrize("ensemble", ENSEMBLES)
@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize("natural", [0.0, 0.3, 1.0, float("nan")])
def test_more_is_always_more_and_inside_what_the_ensemble_can_reach(wish, ensemble, natural):
    within = reach(ENSEMBLES[ensemble].parts)[wish]
    known = within.low + natural * (within.high - within.low)
    values = [target(wish, value, within, known) for value in np.linspace(0, 1, 33)]
    fixed = within.low == within.high  # a part with one key has one register
    assert all(a <= b if fixed else a < b for a, b in zip(values, values[1:], strict=False))
    assert values[0] == pytest.approx(within.low) and values[-1] == pytest.approx(within.high)


@pytest.mark.parametrize("wish", WISHES)
def test_a_wish_near_the_middle_starts_from_what_is_heard(wish):
    low, high = OCTILE_EDGES[wish][2], OCTILE_EDGES[wish][4]
    for natural in (low, high):
        assert target(wish, 0.5001, Reach(*ENDS[wish]), natural) == pytest.approx(natural, abs=0.01 * IQR[wish])


def test_octiles_begin_at_their_edges_and_what_is_unknown_asks_for_nothing():
    assert octiles("density", np.array([0.0, 4.5, 99.0, np.nan])).tolist() == [0, 4, 7, 8]


@pytest.mark.parametrize("wish", WISHES)
def test_a_level_is_told_back_as_its_value(wish):
    assert all(value_of(wish, level(wish, edge)) == pytest.approx(edge) for edge in OCTILE_EDGES[wish])


@pytest.mark.parametrize("wish", WISHES)
def test_the_default_model_follows_each_wish(model, wish, monkeypatch):
    bars, heard = [], steering.heard

    def listen(*bar):
        bars.append(heard(*bar))
        return bars[-1]

    monkeypatch.setattr(steering, "heard", listen)

    def obtained(value):
        bars.clear()
        for seed in (1, 2):
            composer = Composer(model, Request(TRIO, seed, **{wish: value}))
            for _ in range(12):
                composer.compose_bar()
        return np.nanmean([level(wish, bar[wish]) for bar in bars])

    assert obtained(0.9) > obtained(0.1) + 0.4  # interquartile ranges
