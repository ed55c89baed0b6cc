"""A tilt moves its feature the way it says, and nothing where nobody asks."""

import numpy as np
import pytest

from gen_core.sequence import vocabulary as v
from gen_core.sequence.ear import Sound, class_lengths, classes_since, heard, held_over, highest_since
from gen_core.sequence.features import DISSONANCE, FEATURES
from gen_core.sequence.tilts import Tilt, Tilts, added_dissonance, added_valence

FLAT = {field: np.zeros(size, np.float32) for field, size in v.SIZES.items()}
BAR = (0, 96)
C_MAJOR = [0, 4, 7]


def chain(*notes):
    linked = None
    for note in notes:
        linked = (Sound(*note), linked)
    return linked


def mean(logits, values):
    p = np.exp(logits - logits.max())
    return float((p * values).sum() / p.sum())


def test_where_nobody_asks_logits_pass_untouched():
    tilts = Tilts()
    assert tilts.deltas(FLAT["delta"], 48) is FLAT["delta"]
    assert tilts.pitches(FLAT["pitch"], None, 0, BAR) is FLAT["pitch"]
    assert tilts.durations(FLAT["duration"]) is FLAT["duration"]
    assert tilts.velocities(FLAT["velocity"]) is FLAT["velocity"]


@pytest.mark.parametrize("sign", [-1, 1])
def test_waits_lengths_and_loudness_go_the_way_of_the_wish(sign):
    tilts = Tilts(Tilt(density=2 * sign, energy=2 * sign))
    assert sign * mean(tilts.deltas(FLAT["delta"], 48), np.arange(v.BAR + 1)) < sign * v.BAR / 2
    assert sign * mean(tilts.velocities(FLAT["velocity"]), np.arange(32)) > sign * 15.5
    lengths = mean(FLAT["duration"], v.DURATIONS)
    assert sign * mean(Tilts(Tilt(polyphony=sign)).durations(FLAT["duration"]), v.DURATIONS) > sign * lengths


@pytest.mark.parametrize("sign", [-1, 1])
def test_register_moves_every_key_and_brightness_only_what_stands_out(sign):
    keys = np.arange(v.PITCHES)
    register = Tilts(Tilt(register=sign)).pitches(FLAT["pitch"], None, 0, BAR)
    bright = Tilts(Tilt(brightness=sign), top=72).pitches(FLAT["pitch"], None, 0, BAR)
    assert (np.sign(np.diff(register[: v.PITCHES])) == sign).all() and (register[v.PITCHES :] == 0).all()
    assert (np.diff(bright[:66]) == 0).all() and (np.sign(np.diff(bright[66 : v.PITCHES])) == sign).all()
    beneath = Tilts(Tilt(brightness=sign), top=72).pitches(FLAT["pitch"], chain((0, 90, 24, 20)), 0, BAR)
    assert (np.diff(beneath[:91]) == 0).all() and len(keys) == 128  # the quarter has its top already


def test_tension_is_tilted_by_what_a_key_really_adds():
    for there in ([0], C_MAJOR, [0, 1, 6]):
        bits = sum(1 << c for c in there)
        added = added_dissonance(bits)
        for key in range(60, 72):
            classes = sorted({*there, key % 12})
            pairs = [DISSONANCE[a, b] for a in classes for b in classes if a < b]
            before = [DISSONANCE[a, b] for a in there for b in there if a < b] or [-0.447]
            wanted = np.mean(pairs) - np.mean(before) if len(classes) > len(there) else 0.0
            assert added[key] == pytest.approx(wanted)
    assert (added_dissonance(0) == 0).all()


def test_valence_asks_for_the_third_that_decides():
    fifth = np.zeros(12)
    fifth[[0, 7]] = 24.0
    added = added_valence(fifth)
    assert added[4] > added[3] and added[4] > 0 > added[3]  # major third, minor third


def test_inside_a_scale_the_tilts_only_choose_among_its_notes():
    tilts = Tilts(Tilt(tension=4.0, valence=20.0, register=-2.0))
    logits = np.where(np.isin(np.arange(v.SIZES["pitch"]) % 12, C_MAJOR), 0, -np.inf).astype(np.float32)
    tilted = tilts.pitches(logits, chain((0, 60, 24, 20)), 0, BAR)
    assert (np.isneginf(tilted) == np.isneginf(logits)).all()


def test_the_ear_knows_what_sounds_what_was_struck_and_what_is_held():
    notes = chain((0, 60, 120, 20), (24, 67, 48, 10), (48, 76, 60, 31), (48, v.PITCHES + 3, 54, 20))
    assert classes_since(notes, 48) == 1 << 0 | 1 << 4
    assert highest_since(notes, 0) == 76 and highest_since(notes, 24) == 76 and highest_since(notes, 72) == -1
    assert class_lengths(notes, *BAR).tolist() == [96, 0, 0, 0, 12, 0, 0, 24, 0, 0, 0, 0]
    assert held_over(notes, 96) == chain((0, 60, 120, 20))
    found = heard(notes, 0, 96)
    assert set(found) == set(FEATURES) and found["density"] == 1.0 and found["brightness"] == (60 + 67 + 76) / 3
