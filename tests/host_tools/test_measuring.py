"""Measures of a note, on sounds whose measure is known."""

import math

import numpy as np
import pytest

from host_tools import measuring, orchestra

RATE = 48000
TIME = np.arange(2 * RATE) / RATE
SINE = np.sin(2 * np.pi * 1000.0 * TIME)


@pytest.mark.parametrize("seconds", [0.02, 0.1, 0.5])
def test_attack_runs_from_a_tenth_to_nine_tenths(seconds):
    sound = SINE * np.minimum(TIME / seconds, 1.0)
    assert measuring.attack_s(sound, RATE) == pytest.approx(0.8 * seconds, abs=0.003)


def test_an_attack_is_the_last_rise_and_not_a_click_before_it():
    sound = SINE * np.where(TIME < 1.0, 0.0, np.minimum((TIME - 1.0) / 0.1, 1.0))
    sound[:10] = 1.0
    assert measuring.attack_s(sound, RATE) == pytest.approx(0.08, abs=0.003)


@pytest.mark.parametrize("seconds", [0.1, 0.5, 1.5, 6.0, 12.0])
def test_decay_is_the_time_of_60_db(seconds):
    rng = np.random.default_rng(1)
    for sound in (SINE, rng.normal(size=len(TIME))):
        assert measuring.decay_s(sound * 10.0 ** (-3.0 * TIME / seconds), RATE) == pytest.approx(seconds, rel=0.06)


def test_what_is_held_does_not_decay_and_silence_has_no_measure():
    assert measuring.decay_s(SINE, RATE) == math.inf
    silence = np.zeros((RATE, 2), np.float32)
    assert math.isnan(measuring.decay_s(silence, RATE)) and math.isnan(measuring.attack_s(silence, RATE))
    assert math.isnan(measuring.centroid_hz(silence, RATE)) and measuring.loudness_db(silence, RATE) == -math.inf


def test_the_centroid_weighs_partials_by_their_amplitude():
    two = SINE + 0.5 * np.sin(2 * np.pi * 4000.0 * TIME)
    assert measuring.centroid_hz(SINE, RATE) == pytest.approx(1000.0, rel=0.01)
    assert measuring.centroid_hz(two, RATE) == pytest.approx((1000.0 + 0.5 * 4000.0) / 1.5, rel=0.01)
    assert measuring.centroid_hz(two[:300], RATE) == pytest.approx(2000.0, rel=0.2)


@pytest.mark.parametrize("rate", [32000, 48000, 96000])
def test_loudness_is_that_of_the_recommendation(rate):
    """BS.1770: a full-scale sine of 997 Hz on one channel reads -3.01 LKFS; on two, 3 dB more."""
    sine = np.sin(2 * np.pi * 997.0 * np.arange(rate) / rate)
    assert measuring.loudness_db(np.column_stack([sine, 0 * sine]), rate) == pytest.approx(-3.01, abs=0.05)
    assert measuring.loudness_db(np.column_stack([sine, sine]) * 0.1, rate) == pytest.approx(-20.0, abs=0.05)


def test_k_weighting_at_48_khz_is_what_the_recommendation_prints():
    first, second = measuring._k_weighting(48000)
    assert first[:3] == pytest.approx([1.53512485958697, -2.69169618940638, 1.19839281085285], abs=1e-7)
    assert first[4:] == pytest.approx([-1.69065929318241, 0.73248077421585], abs=1e-7)
    assert second[4:] == pytest.approx([-1.99004745483398, 0.99007225036621], abs=1e-7)


def test_a_spectrogram_stands_where_the_sound_does():
    times, hertz, level = measuring.spectrogram_db(SINE, RATE)
    assert level.shape == (len(hertz), len(times)) and times[-1] == pytest.approx(2.0, abs=0.05)
    assert hertz[level[:, 200].argmax()] == pytest.approx(1000.0, abs=30.0)
    assert level[:, 200].max() == pytest.approx(0.0, abs=1.5)


def test_a_note_is_heard_dry_alone_and_the_same_each_time():
    sampler = measuring.Sampler(orchestra.gather(None, (), 16000))
    flute, again = (sampler.note("flute", 69, 100, 0.4, 0.8) for _ in range(2))
    assert flute.shape == (12800, 2) and np.array_equal(flute, again) and np.abs(flute).max() > 0.01
    assert np.abs(flute[-1600:]).max() < np.abs(flute[:6400]).max() / 30
