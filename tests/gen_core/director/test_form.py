"""Motifs return and sections rhyme, as much as `repeat` asks for."""

import pytest

from gen_core.director.composer import BAR_TICKS, Composer, Request
from gen_core.sequence.rules import PartRule, Rules


@pytest.mark.parametrize("seed", [1, 2])
def test_repeat_at_one_is_a_locked_loop_of_four_bars_and_at_zero_nothing_is_the_same(model, seed):
    rules = Rules((PartRule(73, 60, 90, 1), PartRule(48, 48, 79, 3), PartRule(33, 28, 55, 1), PartRule(128)))

    def bars(repeat):
        composer = Composer(model, Request(rules, seed, repeat=repeat))
        return [[(n.tick - bar * BAR_TICKS, *n[1:]) for n in composer.compose_bar()] for bar in range(16)]

    locked, fresh = bars(1.0), bars(0.0)
    assert locked[4:] == locked[:-4], "every bar is the one four bars ago, to the tick"
    assert locked[:4] != [[]] * 4 and all(fresh[bar] != fresh[bar - 4] for bar in range(4, 16))


def test_more_repeat_brings_back_more_of_what_was_played(model):
    rules = Rules((PartRule(40, 55, 96, 1), PartRule(40, 48, 79, 1), PartRule(42, 36, 60, 1)))

    def returning(repeat):
        """Share of the bars of which four fifths stand in one earlier bar."""
        same = total = 0
        for seed in range(3):
            composer, heard = Composer(model, Request(rules, seed, repeat=repeat)), []
            for bar in range(24):
                notes = {(n.tick - bar * BAR_TICKS, n.part, n.pitch) for n in composer.compose_bar()}
                same += any(len(notes & old) >= 0.8 * len(notes) for old in heard if notes)
                total += 1
                heard.append(notes)
        return same / total

    shares = [returning(repeat) for repeat in (0.0, 0.7, 1.0)]
    assert shares[0] < 0.25 < shares[1] < shares[2], shares
