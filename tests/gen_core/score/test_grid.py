"""What the grid keeps it keeps exactly; what it loses it says."""

import numpy as np
import pytest

from gen_core.score.grid import decode, encode
from gen_core.score.midi import read_midi, write_midi
from gen_core.score.score import Meter, Score, Track, make_notes
from gen_core.sequence import vocabulary as v
from gen_core.sequence.vocabulary import DRUM_PROGRAM
from tests.fixtures import tunes


@pytest.fixture(params=tunes.ALL)
def score(request):
    return tunes.ALL[request.param]()


def same(one, other):
    return (
        one.programs == other.programs
        and np.array_equal(one.events, other.events)
        and np.array_equal(one.bar_steps, other.bar_steps)
        and np.allclose(one.bar_bpm, other.bar_bpm, rtol=1e-5)  # a MIDI tempo counts whole microseconds
    )


def test_every_tune_survives_encoding_and_decoding_event_for_event(score):
    piece = encode(score)
    assert piece.loss.dropped == piece.loss.clipped == 0
    assert piece.n_notes == score.n_notes
    assert same(encode(decode(piece)), piece)


def test_every_tune_survives_a_midi_file(score, tmp_path):
    piece = encode(score)
    write_midi(decode(piece), tmp_path / "tune.mid")
    assert same(encode(read_midi(tmp_path / "tune.mid")), piece)


def test_onsets_pitches_and_durations_on_the_grid_come_back_tick_for_tick(score):
    back = decode(encode(score))
    wanted = sorted((int(n["onset"]), int(n["pitch"])) for t in score.tracks if not t.is_drum for n in t.notes)
    assert sorted((int(n["onset"]), int(n["pitch"])) for t in back.tracks if not t.is_drum for n in t.notes) == wanted
    lengths = sorted(int(n["duration"]) for t in score.tracks if not t.is_drum for n in t.notes)
    assert sorted(int(n["duration"]) for t in back.tracks if not t.is_drum for n in t.notes) == lengths


def test_human_timing_is_kept_to_two_ticks():
    rows = [(480 * i + late, 60, 38, 90) for i, late in enumerate(range(-9, 11))][1:]
    score = Score((Track("snare", DRUM_PROGRAM, make_notes(rows)),))
    kept = decode(encode(score)).tracks[0].notes["onset"]
    assert np.abs(kept - np.array([row[0] for row in rows])).max() <= 2


@pytest.mark.parametrize(
    ("tracks", "dropped", "clipped", "why"),
    [
        ([(0, [(0, 480, 60, 80), (4, 480, 60, 80)])], 1, 0, "the second of two equal notes"),
        ([(0, [(0, 480 * 65, 60, 80)])], 0, 1, "longer than 64 quarters"),
        ([(DRUM_PROGRAM, [(0, 60, 36, 80), (0, 60, 20, 80)])], 1, 0, "a percussion key nobody knows"),
        ([(p, [(0, 480, 60 + p, 80)]) for p in range(13)], 1, 0, "a thirteenth part"),
    ],
)
def test_what_is_lost_is_counted(tracks, dropped, clipped, why):
    score = Score(tuple(Track("t", program, make_notes(rows)) for program, rows in tracks))
    loss = encode(score).loss
    assert (loss.notes, loss.dropped, loss.clipped) == (score.n_notes, dropped, clipped), why


def test_tracks_of_one_program_share_a_part_before_any_is_dropped():
    rows = [make_notes([(480 * i, 480, 50 + i, 80)]) for i in range(14)]
    piece = encode(Score(tuple(Track("violin", 40, notes) for notes in rows)))
    assert len(piece.programs) == v.MAX_PARTS and piece.loss.dropped == 0


@pytest.mark.parametrize(
    ("meters", "steps"),
    [
        ([(0, 7, 8)], [84, 84, 84]),
        ([(0, 4, 2)], [192, 192]),
        ([(0, 9, 2)], [108, 108]),
        ([(0, 4, 4), (960, 3, 4)], [48, 72, 72]),
        ([(0, 0, 4)], [96, 96, 96]),
        ([(0, 1, 128)], [96, 96, 96]),
    ],
)
def test_bars_follow_the_meter_long_ones_split_and_a_change_cuts_one_short(meters, steps):
    score = Score((Track("t", 0, make_notes([(0, 480 * 11, 60, 80)])),), (), tuple(Meter(*m) for m in meters))
    longer = Score((Track("t", 0, make_notes([(0, 480, 60, 80), (480 * 10, 480, 60, 80)])),), (), score.meters)
    assert encode(longer).bar_steps.tolist()[: len(steps)] == steps
