"""A loop, chance, silence, a drift and a leak are each found out; what is like people passes."""

import numpy as np
import pytest

from gen_core.director.composer import BAR_TICKS, Composer, Request
from gen_core.score.grid import encode
from gen_core.score.score import Score, Tempo, Track, make_notes
from gen_core.sequence.match import HISTORY
from gen_core.sequence.rules import PartRule, Rules
from gen_core.sequence.vocabulary import DRUM_PROGRAM
from gen_core.spec.note import Note
from gen_core.training import endurance as e
from gen_core.training.grams import GRAM, Ever, Grams
from gen_core.training.qualities import FEATURES
from tests.fixtures import tunes

HOUR_BARS = 32  # enough for a test


def rate(pitches, steps):
    grams = Grams()
    for pitch, step in zip(pitches, steps, strict=True):
        grams.push(0, int(pitch), int(step))
    return grams.rate


def test_a_loop_repeats_everything_and_chance_nothing():
    chance = np.random.default_rng(3)
    tune = chance.integers(48, 80, 16)
    assert rate(np.tile(tune, 200), np.arange(3200) * 12) > 0.99
    assert rate(chance.integers(48, 80, 3000), np.cumsum(chance.integers(1, 24, 3000))) < 0.001


@pytest.mark.parametrize("shift", [0, 5, -7])
def test_a_theme_that_comes_again_transposed_is_a_repetition(shift):
    theme = [60, 64, 62, 67, 65, 72, 71, 64, 60, 59]
    twice = theme + [pitch + shift for pitch in theme]
    grams = len(twice) - GRAM  # notes less the first
    inside = len(theme) - GRAM
    assert rate(twice, np.arange(20) * 24) == pytest.approx(inside / grams)


def test_a_theme_in_another_rhythm_is_none():
    theme = [60, 64, 62, 67, 65, 72, 71, 64, 60, 59]
    assert rate(theme * 2, [*range(0, 240, 24), *range(240, 360, 12)]) == 0


def test_falling_by_one_and_by_two_semitones_are_two_things():
    """Python hashes -1 and -2 alike; the measure must not."""
    falls = [100 - i for i in range(9)] + [80 - 2 * i for i in range(9)]
    grams = Grams()
    for part, pitch in enumerate(falls):
        grams.push(part // 9, pitch, part % 9 * 24)
    assert (grams.total, grams.repeated) == (2, 0)


def test_parts_are_read_each_for_itself_and_quote_each_other():
    theme = [60, 64, 62, 67, 65, 72, 71, 64, 60]
    grams = Grams()
    for i, pitch in enumerate(theme):
        grams.push(0, pitch, i * 24)
        grams.push(1, pitch - 12, i * 24)
    assert (grams.total, grams.repeated) == (2, 1)


def test_the_filter_of_all_hours_knows_what_it_saw():
    ever, numbers = Ever(), np.random.default_rng(1).integers(0, 2**62, 20_000).tolist()
    assert sum(ever.seen(number) for number in numbers) < 20
    assert all(ever.seen(number) for number in numbers)


def test_an_hour_of_people_is_pieces_one_after_another():
    box = encode(tunes.music_box(bars=12))
    assert e.piece_seconds(box) == pytest.approx(12 * 4 * 60 / 90)
    once, thrice = list(e.hourly_rates([box], 30))[0], list(e.hourly_rates([box] * 3, 90))[0]
    assert 0 < once < thrice < 1
    assert list(e.hourly_rates([box], 100)) == []
    drum = make_notes([(i * 240, 60, 36, 90) for i in range(64)])
    assert np.isnan(next(e.hourly_rates([encode(Score((Track("d", DRUM_PROGRAM, drum),), (Tempo(0, 120.0),)))], 10)))


def bars(make, programs=(0, 32)):
    """An Endurance that heard `make(bar, tick)` for eight short hours."""
    heard = e.Endurance(programs, HOUR_BARS)
    numbers = iter(range(8 * HOUR_BARS))

    def compose():
        bar = next(numbers)
        return make(bar, bar * BAR_TICKS)

    e.endure(compose, heard, 8)
    return heard


def wander(bar, tick, mean=64, velocity=80):
    chance = np.random.default_rng(bar)
    keys = chance.normal(mean, 6, 8).round().clip(0, 127).astype(int)
    return [Note(tick + 240 * i, i % 2, int(key), 240, velocity) for i, key in enumerate(keys)]


def failures(heard, people=(0.0, 0.9)):
    report = heard.report(people)
    assert report["verdict"] == ("fails" if report["failures"] else "endures")
    return " / ".join(report["failures"])


def test_music_that_goes_on_endures():
    heard = bars(wander)
    assert failures(heard) == ""
    report = heard.report()
    assert report["hours"] == 8 and report["notes"] == 8 * HOUR_BARS * 8 and set(report["features"]) == set(FEATURES)


def test_a_loop_is_found_out():
    assert "hour 2 repeats 87.5%" in failures(bars(lambda bar, tick: _moved(bar % 4, tick)), (0.0, 0.8))


def _moved(bar, tick):
    return [note._replace(tick=note.tick + tick) for note in wander(bar, 0)]


def test_a_loop_longer_than_an_hour_says_nothing_new():
    found = failures(bars(lambda bar, tick: _moved(bar % HOUR_BARS, tick)))
    assert "hour 1 says" not in found and "hour 2 says nothing new" in found


def test_wandering_without_return_is_found_out_where_people_return():
    assert "repeats only 0.0%, people 10.0% or more" in failures(bars(wander), (0.1, 0.9))


def test_a_drift_is_found_out_with_its_name():
    found = failures(bars(lambda bar, tick: wander(bar, tick, mean=50 + bar * 0.1)))
    assert "mean_pitch drifts by +3" in found and "velocity drifts" not in found


def test_silence_is_found_out_inside_and_at_the_end():
    hole = bars(lambda bar, tick: [] if 10 <= bar < 20 else wander(bar, tick))
    fade = bars(lambda bar, tick: [] if bar >= 249 else wander(bar, tick))
    assert "silent for 10.0 bars" in failures(hole) and "silent for 7.0 bars" in failures(fade)


def test_a_note_that_is_held_is_no_silence():
    pedal = bars(lambda bar, tick: [Note(tick, 0, 40, 16 * BAR_TICKS, 80)] if bar % 16 == 0 else [])
    assert pedal.report()["longest_silence_bars"] == 0


def test_memory_that_grows_is_found_out(monkeypatch):
    held = iter(range(100, 1000, 5))
    monkeypatch.setattr(e, "memory_mb", lambda: float(next(held)))
    assert "memory grew by 35.0 MB" in failures(bars(wander))


def test_too_few_hours_tell_no_drift():
    means = np.arange(5.0)[:, None] * np.ones(len(FEATURES))
    assert all(figures["t"] == 0 for figures in e.drifts(means).values())


def test_the_slope_is_that_of_least_squares():
    values = np.array([1.0, 2.5, 2.0, 3.5, 5.0, 4.5])
    got = next(iter(e.drifts(values[:, None] * np.ones(len(FEATURES))).values()))
    assert got["slope"] == pytest.approx(np.polyfit(range(6), values, 1)[0], abs=1e-4)


def test_an_hour_is_a_whole_number_of_windows():
    assert e.bars_per_hour(112) == 1680 and e.bars_per_hour(97) % e.WINDOW_BARS == 0


def test_a_composer_keeps_no_more_after_many_bars_than_after_a_few(model):
    rules = Rules((PartRule(73, 60, 84, 1), PartRule(32, 36, 55, 1)))
    composer, heard = Composer(model, Request(rules, 3)), e.Endurance(rules.programs, HOUR_BARS)
    e.endure(composer.compose_bar, heard, 2)
    sizes = len(composer._moments), len(composer._sampler.context.matcher._events)
    e.endure(composer.compose_bar, heard, 2)
    assert sizes == (len(composer._moments), len(composer._sampler.context.matcher._events)) == (128, HISTORY)
    assert heard.report()["longest_silence_bars"] < 4
