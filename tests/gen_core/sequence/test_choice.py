"""The quick draw is the plain draw: same class, whatever the logits, the mask, the temperature and the chance."""

import numpy as np
import pytest

from gen_core.sequence import vocabulary as v
from gen_core.sequence.choice import choose

TOP_P = 0.98


def plain_choose(logits, mask, temperature, chance, top_p=TOP_P):
    """Sort everything, sum everything, look up: the definition."""
    scaled = np.where(mask, logits.astype(np.float64) / temperature, -np.inf)
    weight = np.exp(scaled - scaled.max())
    order = np.argsort(-weight, kind="stable")
    cumulative = np.cumsum(weight[order])
    kept = int(np.searchsorted(cumulative, top_p * cumulative[-1])) + 1
    rank = np.searchsorted(cumulative[:kept], chance * cumulative[kept - 1], side="right")
    return int(order[rank.clip(0, kept - 1)])


def logits_of(kind, rng, classes):
    """Sharp, flat, coarse (many ties) and all-equal distributions."""
    sharpness = {"sharp": 6.0, "soft": 2.0, "flat": 0.1, "coarse": 1.0, "equal": 0.0}[kind]
    logits = rng.normal(size=classes) * sharpness
    return (np.rint(logits) if kind == "coarse" else logits).astype(np.float32)


@pytest.mark.parametrize("classes", sorted(set(v.SIZES.values())))
@pytest.mark.parametrize("kind", ["sharp", "soft", "flat", "coarse", "equal"])
def test_every_draw_is_the_plain_one(kind, classes):
    rng = np.random.default_rng(classes)
    for _ in range(200):
        logits = logits_of(kind, rng, classes)
        mask = rng.random(classes) < rng.choice((0.05, 0.5, 1.0))
        mask[rng.integers(classes)] = True
        temperature = float(rng.choice((0.5, 1.0, 1.5)))
        top_p = float(rng.choice((0.5, 0.9, TOP_P)))
        for chance in (0.0, float(rng.random()), 1 - 2.0**-53):
            wanted = plain_choose(logits, mask, temperature, chance, top_p)
            assert choose(logits, mask, temperature, chance, top_p) == wanted
            if mask.all():
                assert choose(logits, None, temperature, chance, top_p) == wanted


@pytest.mark.parametrize("classes", [50, 100, 150])
def test_where_the_nucleus_ends_on_a_rounding_error_the_plain_sum_decides(classes):
    logits = np.zeros(classes, np.float32)  # 49 of 50, 98 of 100: the goal lies on a sum, but for rounding
    for chance in np.linspace(0, 1 - 2.0**-53, 400):
        wanted = plain_choose(logits, np.ones(classes, bool), 1.0, chance)
        assert choose(logits, None, 1.0, float(chance), TOP_P) == wanted


def test_what_the_mask_leaves_alone_is_chosen():
    mask = np.arange(v.SIZES["pitch"]) == 77
    assert choose(np.zeros(len(mask), np.float32), mask, 1.0, 0.5, TOP_P) == 77
