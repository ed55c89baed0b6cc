"""What is asked for as a rule is obeyed exactly, always, and never leads into a dead end."""

import random

import pytest

from gen_core.director.composer import BAR_TICKS, EARLY_TICKS, Composer, Request
from gen_core.sequence import vocabulary as v
from gen_core.sequence.rules import PartRule, Rules
from gen_core.spec.errors import UsageError
from gen_core.theory.scales import KEYS, SCALES, scale_pitch_classes


def random_rules(seed):
    """An ensemble of 1 to 6 parts with ranges from one key to five octaves, in any scale."""
    rng = random.Random(seed)
    scale = scale_pitch_classes(rng.choice(KEYS), rng.choice(list(SCALES)))
    parts = []
    for _ in range(rng.randint(1, 6)):
        program = rng.choice((0, 30, 33, 40, 48, 52, 80, v.DRUM_PROGRAM))
        low = rng.randint(30, 80)
        low = next(key for key in range(low, low + 12) if key % 12 in scale)
        parts.append(PartRule(program, low, low + rng.choice((0, 3, 12, 24, 60)) % (127 - low), rng.randint(1, 5)))
    return Rules(tuple(parts), scale)


def check(rules, notes):
    """An independent reading of the rules: plain arithmetic over the finished notes."""
    for note in notes:
        rule = rules.parts[note.part]
        if rule.program == v.DRUM_PROGRAM:
            assert v.DRUM_LOW <= note.pitch <= v.DRUM_HIGH
        else:
            assert rule.low <= note.pitch <= rule.high and note.pitch % 12 in rules.scale
        assert 1 <= note.velocity <= 127 and note.duration > 0
    strokes = {}
    for note in notes:
        step = round((note.tick) / 20)
        strokes.setdefault((step, note.part), []).append(note.pitch)
    for (_, part), pitches in strokes.items():
        assert len(set(pitches)) == len(pitches) and len(pitches) <= rules.parts[part].chord


@pytest.mark.parametrize("seed", range(12))
def test_any_ensemble_in_any_scale_obeys_and_goes_on(model, seed):
    rules = random_rules(seed)
    composer = Composer(model, Request(rules, seed=seed, temperature=1.5))
    notes = [note for _ in range(6) for note in composer.compose_bar()]
    check(rules, notes)
    assert composer.composed_until == 6 * BAR_TICKS


def test_nobody_asked_for_three_bars_of_silence(model):
    for seed in range(4):
        composer = Composer(model, Request(Rules((PartRule(0),)), seed=seed, density=0.0, energy=0.0))
        empty = "".join("." if composer.compose_bar() else "_" for _ in range(24))
        assert "___" not in empty, (seed, empty)


def test_the_same_seed_composes_the_same_and_another_seed_another(model):
    rules = Rules((PartRule(80, 60, 96, 1), PartRule(33, 28, 55, 1), PartRule(128)))

    def compose(seed):
        composer = Composer(model, Request(rules, seed=seed))
        return [note for _ in range(4) for note in composer.compose_bar()]

    assert compose(3) == compose(3) != compose(4)


@pytest.mark.parametrize("beat", [0, 1, 2, 3])
def test_beats_taken_back_and_composed_again_are_the_same(model, beat):
    rules = Rules((PartRule(0, 40, 90), PartRule(128)))
    composer = Composer(model, Request(rules, seed=5))
    notes = [note for _ in range(6) for note in composer.compose_bar()]
    cut = 3 * BAR_TICKS + beat * 480
    assert composer.rewind(cut) == cut
    after = [note for note in notes if note.tick >= cut - EARLY_TICKS]
    assert [note for _ in range(3) for note in composer.compose_bar()] == after


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Rules(()), "0 parts"),
        (lambda: Rules((PartRule(0),) * 13), "13 parts"),
        (lambda: PartRule(0, 70, 60), "70 to 60"),
        (lambda: Rules((PartRule(0, 61, 61),), SCALES["major"]), "no key of the scale between 61 and 61"),
    ],
)
def test_a_contradiction_is_refused_by_name(make, says):
    with pytest.raises(UsageError, match=says):
        make()
