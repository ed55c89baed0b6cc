"""A wish is followed: the tilt points the right way, corrects what is missing, and is forgotten when nobody asks."""

import numpy as np
import pytest

from gen_core.director.composer import Composer, Request
from gen_core.sequence import vocabulary as v
from gen_core.sequence.layout import WISHES
from gen_core.sequence.rules import PartRule, Rules
from gen_core.sequence.wishes import (
    LIMIT,
    Tilt,
    applied,
    corrected,
    target,
    tilt_deltas,
    tilt_pitches,
    tilt_velocities,
    wish_class,
)  # fmt: skip
from gen_core.spec.note import Note

NOTHING = dict.fromkeys(WISHES, 0.5)


@pytest.mark.parametrize("name", WISHES)
def test_a_wish_means_a_quantile_of_the_corpus_and_rises(name):
    values = [target(name, wish) for wish in np.linspace(0, 1, 33)]
    assert all(a < b for a, b in zip(values, values[1:], strict=False))


def test_a_half_asks_for_nothing_and_the_ends_are_octiles():
    assert wish_class(0.5) == 8 and wish_class(0.0) == 0 and wish_class(1.0) == wish_class(0.9) == 7


def test_the_tilt_moves_each_feature_its_own_way():
    def mean(logits, values):
        p = np.exp(logits - logits.max())
        return float((p * values).sum() / p.sum())

    zeros = {field: np.zeros(size, np.float32) for field, size in v.SIZES.items()}
    up = Tilt(2.0, 2.0, 2.0)
    deltas, keys, loud = np.arange(v.BAR + 1), np.arange(v.SIZES["pitch"]), np.arange(v.SIZES["velocity"])
    assert mean(tilt_deltas(zeros["delta"], up, 48), deltas) < mean(zeros["delta"], deltas)
    assert mean(tilt_velocities(zeros["velocity"], up), loud) > mean(zeros["velocity"], loud)
    pitched = slice(0, v.PITCHES)
    assert mean(tilt_pitches(zeros["pitch"], up)[pitched], keys[pitched]) > mean(zeros["pitch"][pitched], keys[pitched])
    assert (tilt_pitches(zeros["pitch"], up)[v.PITCHES :] == 0).all()


def test_what_is_missing_raises_the_correction_and_it_never_drowns_the_network():
    asked = NOTHING | {"density": 1.0}
    correction = Tilt()
    for _ in range(50):
        correction = corrected(correction, asked, [Note(0, 0, 60, 480, 80)], -1, 4.0)
    assert correction.density == LIMIT == applied(correction, asked).density
    for _ in range(12):
        correction = corrected(correction, NOTHING, [], -1, 4.0)
    assert abs(correction.density) < 0.01


@pytest.mark.parametrize("wish", WISHES[:3])
def test_the_default_model_follows_each_wish(model, wish):
    rules = Rules((PartRule(40, 40, 96, 2), PartRule(41, 36, 90, 2), PartRule(42, 28, 80, 2)))

    def obtained(value):
        notes = []
        for seed in (1, 2):
            composer = Composer(model, Request(rules, seed, **{wish: value}))
            notes += [note for _ in range(8) for note in composer.compose_bar()]
        energy = sum((n.velocity / 127) ** 2 for n in notes)
        return {"density": len(notes), "energy": energy, "register": np.mean([n.pitch for n in notes])}[wish]

    low, high = obtained(0.1), obtained(0.9)
    assert high > (low + 6 if wish == "register" else 1.5 * low)
