"""Features are what their definitions say, overlaps are areas, and imitations keep the conditions of their pieces."""

import numpy as np
import pytest
from scipy.stats import gaussian_kde

from gen_core.score.grid import encode
from gen_core.score.score import Meter, Score, Track, make_notes
from gen_core.sequence import vocabulary as v
from gen_core.spec.errors import UsageError
from gen_core.training import likeness
from gen_core.training.corpus import Item
from gen_core.training.imitation import imitate, seats, seed_of
from gen_core.training.qualities import FEATURES, qualities, window
from tests.fixtures import tunes

CHANCE = np.random.default_rng(5)  # one stream for the whole file: no test depends on its values


def opening(text, bars=1, meter=(4, 4), extra=()):
    score = Score((Track("a", 0, make_notes(tunes.line(text))), *extra), meters=(Meter(0, *meter),))
    return window(encode(score), 0, bars)


C_MAJOR = "C4:1 E4:1 G4:1 C5:1"
DRUM = Track("d", v.DRUM_PROGRAM, make_notes([(1920, 60, 36, 100)]))
BY_HAND = {  # feature: (music, bars, value)
    "pitch_range": (C_MAJOR, 1, 12),
    "n_pitches_used": (C_MAJOR, 1, 4),
    "n_pitch_classes_used": (C_MAJOR, 1, 3),
    "polyphony": ("C4:1 -:3", 1, 1),
    "polyphony_rate": (C_MAJOR, 1, 0),
    "pitch_entropy": (C_MAJOR, 1, 2),
    "pitch_class_entropy": (C_MAJOR, 1, 1.5),
    "scale_consistency": ("C4:1 D4:1 E4:1 F4:1 F#4:4", 2, 0.8),
    "empty_beat_rate": ("C4:1.5 -:1 E4:1.5", 1, 0),
    "groove_consistency": ("C4:1 C4:1 C4:2 C4:1 C4:1 C4:1 C4:1", 2, 1 - 1 / 96),
    "density": (C_MAJOR, 1, 1),
    "energy": (C_MAJOR, 1, (82 / 127) ** 2),
    "onset_interval": ("C4:1 C4:2 C4:1", 1, 1.5),
    "note_length": ("C4:1 C4:2 C4:1", 1, 4 / 3),
    "note_length_entropy": ("C4:1 C4:1 C4:2", 1, -(2 / 3 * np.log2(2 / 3) + 1 / 3 * np.log2(1 / 3))),
    "pitch_interval": (C_MAJOR, 1, (4 + 3 + 5) / 3),
    "repetition": ("C4:1 D4:1 E4:1 G4:1 " * 4, 4, 0.5),
    "velocity": (C_MAJOR, 1, 82),
    "velocity_spread": (C_MAJOR, 1, 0),
    "mean_pitch": (C_MAJOR, 1, (60 + 64 + 67 + 72) / 4),
    "parts_playing": (C_MAJOR, 1, 1),
}


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_is_what_one_computes_by_hand(name):
    music, bars, value = BY_HAND[name]
    assert FEATURES[name](opening(music, bars)) == pytest.approx(value)


def test_two_voices_are_counted_together_and_percussion_has_no_pitch():
    low = Track("b", 32, make_notes(tunes.line("C3:2 -:2")))
    both = opening("E4:4 -:4", 2, extra=(low, DRUM))
    assert FEATURES["polyphony"](both) == pytest.approx(1.5)
    assert FEATURES["polyphony_rate"](both) == pytest.approx(48 / 192)
    assert FEATURES["empty_beat_rate"](both) == pytest.approx(3 / 8)
    assert FEATURES["pitch_range"](both) == 16 and FEATURES["parts_playing"](both) == 3
    assert FEATURES["pitch_interval"](both) != FEATURES["pitch_interval"](both)  # one note a part makes no interval


def test_a_key_that_two_parts_hold_sounds_once():
    double = opening("E4:4", extra=(Track("b", 32, make_notes(tunes.line("E4:4"))),))
    assert FEATURES["polyphony"](double) == 1


def test_a_chord_is_no_leap():
    chords = [(beat * 480, 480, key + beat, 80) for beat in range(4) for key in (48, 60)]
    piece = encode(Score((Track("a", 0, make_notes(chords)),)))
    assert FEATURES["pitch_interval"](window(piece, 0, 1)) == 1


@pytest.mark.parametrize("name", FEATURES)
def test_music_transposed_by_a_third_keeps_all_but_its_height(name):
    low, high = (
        qualities(opening(f"C{o}:1 E{o}:1 F#{o}:0.5 -:0.5 G{o}:1 C{o}:2 C{o}:2 " * 2, 4))[list(FEATURES).index(name)]
        for o in (3, 4)
    )
    assert high - low == pytest.approx(12 if name == "mean_pitch" else 0)


def test_a_window_is_its_bars_and_no_others():
    piece = encode(tunes.limping_dance())
    first, second = window(piece, 0, 2), window(piece, 2, 2)
    assert first.steps == 168 and (first.onset < 168).all() and (second.onset < 168).all()
    assert len(window(piece, 0, 8).onset) == piece.n_notes
    assert len(first.onset) + len(second.onset) + len(window(piece, 4, 4).onset) == piece.n_notes


@pytest.mark.parametrize("values", [CHANCE.normal(size=80), CHANCE.exponential(size=80), np.zeros(80)])
def test_a_set_overlaps_itself_wholly_and_a_distant_one_not_at_all(values):
    bandwidth = likeness.scott(values, 80)
    assert likeness.overlap(values, values, bandwidth) == pytest.approx(1, abs=0.002)
    assert likeness.overlap(values, values + 100, bandwidth) == pytest.approx(0, abs=0.002)


def test_the_overlap_is_that_of_scipys_densities():
    a, b = CHANCE.normal(0, 1, 90), CHANCE.normal(1, 2, 110)
    grid = np.linspace(-12, 14, 4000)
    densities = [gaussian_kde(x, 0.4 / x.std(ddof=1))(grid) for x in (a, b)]
    assert likeness.overlap(a, b, 0.4) == pytest.approx(np.trapezoid(np.minimum(*densities), grid), abs=1e-3)


def pairs(composed, written=None):
    written = CHANCE.normal(size=(120, len(FEATURES))) if written is None else written
    sources = tuple("ab"[i % 2] for i in range(len(written)))
    return likeness.Pairs(sources, written, composed(written))


def test_what_cannot_be_told_from_people_reaches_what_people_reach():
    report = likeness.compare(pairs(lambda w: CHANCE.normal(size=w.shape)))
    assert report["features_at_goal"] == len(FEATURES)
    assert all(0.9 < figure["ratio"] < 1.12 for figure in report["features"].values())


def test_what_differs_is_named_with_direction_and_source():
    report = likeness.compare(pairs(lambda w: w + 3 * (np.arange(len(FEATURES)) == 2)))
    name = list(FEATURES)[2]
    assert report["below_goal"] == [name] and report["features"][name]["ratio"] < 0.3
    assert report["features"][name]["shift"] == pytest.approx(3, rel=0.2)
    assert report["sources"]["a"][name] > 2 and report["sources"]["a"]["pieces"] == 60


def test_halves_hold_half_of_every_source():
    halves = likeness.halve(["a"] * 10 + ["b"] * 7, 50, 0)
    assert (halves[:, :10].sum(axis=1) == 5).all()
    assert set(halves[:, 10:].sum(axis=1).tolist()) == {3, 4}


def test_a_sample_keeps_the_shares_of_the_sources_and_forgets_none():
    piece = encode(tunes.music_box())
    items = [Item(f"{s}{i}", s, "test", piece) for s, n in (("a", 40), ("b", 20), ("c", 1)) for i in range(n)]
    chosen = likeness.sample(items, 13, 0)
    counts = {s: sum(item.source == s for item in chosen) for s in "abc"}
    assert counts["c"] == 1 and counts["a"] == 8 and counts["b"] == 4
    assert chosen == likeness.sample(items, 13, 0) and chosen != likeness.sample(items, 13, 1)


@pytest.mark.parametrize("make", tunes.ALL.values(), ids=tunes.ALL)
def test_an_imitation_keeps_ensemble_metre_tempo_and_ranges(make, model):
    piece = encode(make())
    bars = min(4, len(piece.bar_steps))
    made = imitate(model, piece, bars, 3)
    assert made.programs == piece.programs and (made.bar_steps == piece.bar_steps[:bars]).all()
    rules, notes = seats(piece).parts, made.events[made.events[:, 0] != v.BAR]
    assert len(notes)
    for _, part, pitch, *_ in notes.tolist():
        assert pitch >= v.PITCHES or rules[part].low <= pitch <= rules[part].high
    assert (made.events == imitate(model, piece, bars, 3).events).all()


def test_a_seat_has_the_range_and_the_largest_chord_of_its_part():
    chords = [(beat * 480, 480, 50 + k, 80) for beat in range(4) for k in range(beat + 1)]
    rule = seats(encode(Score((Track("a", 7, make_notes(chords)),)))).parts[0]
    assert (rule.program, rule.low, rule.high, rule.chord) == (7, 50, 53, 4)


def test_every_piece_has_a_seed_of_its_own():
    assert len({seed_of(name, seed) for name in "abc" for seed in range(3)}) == 9


def test_likeness_of_a_folder_is_plain_data_and_says_how_far_it_is(model, tmp_path):
    said = []
    report = likeness.likeness(model, tunes.write_folder(tmp_path), "all", say=said.append)
    assert report["pieces"] == len(tunes.ALL) and set(report["features"]) == set(FEATURES)
    assert all(0 <= figure["overlap"] <= 1 for figure in report["features"].values())


def test_bars_further_on_are_compared_with_bars_further_on(model, tmp_path):
    tunes.write_folder(tmp_path)
    early, late = (likeness.likeness(model, tmp_path, "all", after=bars) for bars in (0, 1))
    piece = encode(tunes.limping_dance())
    assert (early["after"], late["after"]) == (0, 1) and early["pieces"] == late["pieces"] == len(tunes.ALL)
    assert early["features"]["density"]["written_mean"] != late["features"]["density"]["written_mean"]
    whole, part = (imitate(model, piece, bars, 1) for bars in (8, 4))
    assert (window(whole, 0, 4).onset == window(part, 0, 4).onset).all()


def test_too_few_pieces_are_one_clear_line(model, tmp_path):
    tunes.write_folder(tmp_path)
    (tmp_path / "music_box.mid").unlink()
    with pytest.raises(UsageError, match="3 pieces of 4 bars or more say nothing"):
        likeness.likeness(model, tmp_path, "all")
