"""What is asked for as a constraint is obeyed exactly, whatever the network wants; the oracle knows only the notes."""

import numpy as np
import pytest

from gen_core.director.composer import Composer, Request
from gen_core.sequence import sampler as sampling
from gen_core.sequence import vocabulary as v
from gen_core.sequence.rules import PartRule, Rules
from gen_core.spec.errors import UsageError
from gen_core.theory.lead_sheet import parse_lead_sheet
from gen_core.theory.meter import Meter
from tests.fixtures.constraint_sets import random_set, rules_of
from tests.oracles.constraints import Part, Wanted, satisfiable, violations


class Dice:
    """A network of moods: logits as random as they come, other ones at each call, onsets mostly soon."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def start(self, batch):
        return np.zeros((1, batch, 1), np.float32)

    def trunk(self, columns, state):
        logits = self.rng.normal(0, 3, (1, v.BAR + 1)).astype(np.float32) - 0.15 * np.minimum(np.arange(v.BAR + 1), 40)
        return np.zeros((1, 1), np.float32), logits.astype(np.float32), state

    def head(self, field, h, columns):
        return self.rng.normal(0, 3, (1, v.SIZES[field])).astype(np.float32)


def composed(rules, seed):
    composer = Composer(Dice(seed), Request(rules, seed, temperature=1.5))
    notes = []
    while not composer.complete:
        notes += composer.compose_bar()
    assert composer.compose_bar() == []
    return notes


@pytest.fixture(autouse=True)
def no_dead_end(monkeypatch):
    """Every mask that is drawn under leaves something."""
    choose = sampling._choose

    def checked(logits, mask, *rest):
        assert mask is None or mask.any(), "dead end"
        chosen = choose(logits, mask, *rest)
        assert mask is None or mask[chosen]
        return chosen

    monkeypatch.setattr(sampling, "_choose", checked)


@pytest.mark.parametrize("seed", range(60))
def test_random_constraints_are_obeyed_or_refused(seed):
    wanted, text = random_set(seed)
    if not satisfiable(wanted):
        with pytest.raises(UsageError):
            rules_of(wanted, text, seed)
        return
    notes = composed(rules_of(wanted, text, seed), seed)
    assert violations(wanted, notes) == []


WANTED = Wanted((Part(False, 40, 60, 2, 1),), frozenset((0, 2, 4, 5, 7, 9, 11)), "3/4", 2, (("C/E",), ("F#",)))
WRONG = {
    "range: ": [(480, 0, 36, 480, 80)],
    "scale: ": [(500, 0, 49, 480, 80)],
    "end: ": [(2680, 0, 53, 220, 80)],
    "chord C/E: ": [(480, 0, 53, 480, 80)],
    "sounds into F#": [(500, 0, 52, 960, 80)],
    "bass of C/E": [(8, 0, 48, 480, 80)],
    "polyphony: ": [(500, 0, 52, 468, 80), (960, 0, 55, 480, 80)],
    "stroke: ": [(500, 0, 52, 4, 80), (504, 0, 52, 480, 80)],
    "velocity: ": [(500, 0, 52, 4, 0)],
}
RIGHT = [(0, 0, 40, 480, 80), (500, 0, 53, 20, 80), (952, 0, 55, 480, 80), (2660, 0, 53, 220, 80)]


@pytest.mark.parametrize("kind", WRONG)
def test_the_oracle_sees_each_kind_of_violation(kind):
    assert violations(WANTED, RIGHT) == []
    found = violations(WANTED, WRONG[kind])
    assert found and found[0].startswith(kind)


def sheet(text, meter=None):
    return parse_lead_sheet(text).harmony(meter or Meter())


def bass(low, high):
    return PartRule(33, low, high, name="bass")


C_MAJOR = (0, 2, 4, 5, 7, 9, 11)
REFUSED = {
    "chord and range": (
        lambda: Rules((bass(28, 29),), harmony=sheet("| E | F | F#dim |")),
        'part "bass" ranges from key 28 to 29 and the chord F#dim in bar 3 has no tone there; widen the range or',
    ),
    "chord and scale": (
        lambda: Rules((bass(28, 60),), C_MAJOR, harmony=sheet("| C | F#5/C# |")),
        "the chord F#5/C# in bar 2 shares no tone with the scale; change the chord",
    ),
    "chord, range and scale": (
        lambda: Rules((bass(28, 32),), C_MAJOR, harmony=sheet("| E7 | Abm7 |")),
        'part "bass" ranges from key 28 to 32 and the chord Abm7 in bar 2 has no tone there that is in the scale',
    ),
    "scale and range": (
        lambda: Rules((PartRule(0, 61, 61),), C_MAJOR),
        "part 1 has no key of the scale between 61 and 61; widen",
    ),
    "metre and lead sheet": (
        lambda: sheet("meter: 3/4\n| C |", Meter(4, 4)),
        "the metre 4/4 contradicts the lead sheet, which is in 3/4; leave one",
    ),
    "metre and chords of a bar": (
        lambda: sheet("| C F G Am Dm |", Meter(7, 8)),
        "bar 1 has 5 chords, which cannot share 84 steps of 7/8",
    ),
    "no voice": (lambda: PartRule(0, polyphony=0), "without a voice"),
    "no time": (lambda: Rules((PartRule(0),), end_step=0), "without a step"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_contradiction_is_refused_by_the_names_of_those_at_odds(name):
    make, says = REFUSED[name]
    with pytest.raises(UsageError) as refused:
        make()
    assert says in str(refused.value)


def test_a_chord_behind_the_end_is_no_contradiction():
    rules = Rules((bass(28, 29),), harmony=sheet("| E | F | F#dim |"), end_step=2 * 96)
    assert all(note.tick + note.duration <= 2 * 1920 for note in composed(rules, 1))


def test_without_constraints_the_masks_change_no_draw(model):
    plain, wide = PartRule(0, 40, 90), PartRule(0, 40, 90, polyphony=1000)
    free = Rules((plain, PartRule(128)))
    bound = Rules((wide, PartRule(128)), harmony=sheet("| N.C. |"))
    one, other = (Composer(model, Request(rules, 5)) for rules in (free, bound))
    assert [one.compose_bar() for _ in range(4)] == [other.compose_bar() for _ in range(4)]


@pytest.mark.parametrize("beat", range(4))
def test_beats_taken_back_in_seven_eighths_are_composed_the_same_again(model, beat):
    harmony, meter = sheet("| Am . | F/A G |", Meter(7, 8)), Meter(7, 8)
    rules = Rules((PartRule(0, 40, 90, 3, 2), PartRule(33, 28, 50, 1, 1), PartRule(128)), C_MAJOR, meter, harmony, 420)
    composer = Composer(model, Request(rules, 5))
    notes = [note for _ in range(5) for note in composer.compose_bar()]
    cut = 2 * meter.bar_ticks + beat * 480
    assert composer.complete and composer.rewind(cut) == cut
    again = [note for _ in range(3) for note in composer.compose_bar()]
    assert again == [note for note in notes if note.tick >= cut - 8] and composer.complete
