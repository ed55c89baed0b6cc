"""What is asked for is driven there, what nobody asks for is held, and both can be taken back."""

import random

import pytest

from gen_core.director.composer import BAR_TICKS, Composer, Request
from gen_core.sequence.features import FEATURES
from gen_core.sequence.loops import ANCHOR_BARS, BAND, PLANTS, Loop
from gen_core.sequence.rules import PartRule, Rules
from gen_core.sequence.steering import Steering

RULES = Rules((PartRule(40, 40, 96, 2), PartRule(42, 28, 80, 2)))
NOTHING_ASKED = (0.0,) * len(FEATURES)
NOTHING, OPEN = (0.5,) * len(FEATURES), (0.0,) * 8


def asking(**wishes):
    return tuple(wishes.get(name, 0.5) for name in FEATURES)


def mean(values):
    return sum(values) / len(values)


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("strength", [0.5, 2.0])
def test_a_driven_feature_arrives_even_if_it_answers_otherwise_than_was_measured(name, strength):
    plant, loop, levels, chance = PLANTS[name], Loop(), [], random.Random(1)
    for _ in range(64):
        level = strength * plant.slope * loop.driving(plant, 1.0, 1.0) + chance.gauss(-0.2, 0.3)  # 0: on its own
        levels.append(level)
        loop = loop.heard(level).driven(plant, 1.0 - level, 1.0)
    assert mean(levels[-32:]) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("name", FEATURES)
def test_a_held_feature_does_not_drift_in_a_day_of_music(name):
    """What pulls at it wanders without end; a day at 112 bpm has 40,000 bars."""
    plant, loop, chance, pull, levels = PLANTS[name], Loop(), random.Random(2), 0.0, []
    for bar in range(40_000):
        pull = min(max(pull + chance.gauss(0, 0.005), -0.8), 0.8)
        level = (pull if bar > ANCHOR_BARS else 0.0) + plant.slope * loop.holding(plant, NOTHING_ASKED)
        loop = loop.held(plant, level + chance.gauss(0, 0.3), NOTHING_ASKED)
        levels.append(level)
    hours = [mean(levels[start : start + 1600]) for start in range(1600, 40_000, 1600)]
    assert max(abs(hour - loop.anchor) for hour in hours) < BAND + 0.15
    assert all(abs(hour) < 0.3 for hour in hours)


def test_inside_the_band_the_music_goes_where_it_likes():
    plant = PLANTS["register"]
    loop = Loop(mean=1.0 + 0.9 * BAND, anchor=1.0, bars=ANCHOR_BARS)
    assert loop.holding(plant, NOTHING_ASKED) == 0.0
    assert Loop().holding(plant, NOTHING_ASKED) == 0.0


def test_what_a_wish_moves_beside_its_own_is_learned_and_met_beforehand():
    plant, loop, chance, wish_at = PLANTS["register"], Loop(), random.Random(3), FEATURES.index("density")
    moved, end = [], 0.0
    for bar in range(400):
        end = chance.choice((-1.0, 0.0, 1.0)) if bar % 8 == 0 and bar > 16 else end
        ends = tuple(end if i == wish_at else 0.0 for i in range(len(FEATURES)))
        level = 0.6 * end + plant.slope * loop.holding(plant, ends)
        loop = loop.held(plant, level + chance.gauss(0, 0.3), ends)
        moved.append(level * end)
    assert mean(moved[200:]) < 0.15 * 0.6


def test_a_wish_at_a_half_asks_for_nothing():
    fresh = Steering(RULES, OPEN, NOTHING)
    assert fresh.targets() == {} and set(fresh.told()) == {8} and not any(fresh.tilts().tilt)


@pytest.mark.parametrize("name", FEATURES)
def test_a_wish_tilts_its_feature_at_once_and_tells_the_network(name):
    up, down = (Steering(RULES, OPEN, asking(**{name: value})) for value in (0.95, 0.05))
    assert getattr(up.tilts().tilt, name) > 0 > getattr(down.tilts().tilt, name)
    place = FEATURES.index(name)
    assert up.told()[place] > down.told()[place]
    assert all(told == 8 for i, told in enumerate(up.told()) if i != place)


def test_other_rules_and_styles_are_other_music():
    steering = Steering(RULES, OPEN, NOTHING)
    steering = steering._replace(loops=tuple(loop._replace(anchor=1.0, mean=2.0, bars=60) for loop in steering.loops))
    other = Rules(RULES.parts, (0, 2, 4, 7, 9))
    assert steering.ask(RULES, OPEN, NOTHING, 0) is steering
    assert steering.ask(RULES, OPEN, asking(energy=0.9), 0).loops[0] == steering.loops[0]
    assert steering.ask(other, OPEN, NOTHING, 0).loops[0] == Loop()
    assert steering.ask(RULES, (1.0, *OPEN[1:]), NOTHING, 0).loops[0] == Loop()


@pytest.mark.parametrize("beat", range(4))
def test_a_bar_that_is_cut_and_composed_again_teaches_the_same(model, beat):
    request = Request(RULES, 5, tension=0.9, register=0.2)
    composer = Composer(model, request)
    notes = [note for _ in range(14) for note in composer.compose_bar()]
    after = composer._steering
    assert composer.rewind(9 * BAR_TICKS + beat * 480) == 9 * BAR_TICKS + beat * 480
    composer.ask(request)
    again = [note for _ in range(5) for note in composer.compose_bar()]
    assert composer._steering == after and notes[-len(again) :] == again
