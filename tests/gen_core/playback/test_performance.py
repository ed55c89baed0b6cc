"""A performance plays its book: the same seed the same music, a change where it was said to land."""

import numpy as np
import pytest

from gen_core.director.composer import EARLY_TICKS
from gen_core.playback.clock import Clock
from gen_core.playback.offline import perform
from gen_core.playback.performance import Performance
from gen_core.playback.player import Player
from gen_core.spec.errors import UsageError, VerificationError
from gen_core.spec.note import Note

BLOCK = 512


def play(performance, blocks):
    out = []
    for _ in range(blocks):
        while performance.compose_ahead():
            pass
        out.append(performance.render_block())
    return np.concatenate(out)


def test_the_same_seed_gives_the_same_notes_and_the_same_sound(parts):
    (notes, audio, _), (again, audio_again, _), (other, _, _) = (perform(*parts, 4.0, seed) for seed in (7, 7, 8))
    assert notes and notes == again != other
    assert np.array_equal(audio, audio_again)
    assert audio.shape == (4 * 48000, 2) and 0.01 < np.abs(audio).max() <= 1.0


def test_a_change_lands_on_the_beat_that_was_named_and_leaves_the_past_alone(parts):
    calm, wild = Performance(*parts, seed=3), Performance(*parts, seed=3)
    play(calm, 200)
    play(wild, 200)
    bar, beat = wild.set("energy", 1.0)
    assert float(beat).is_integer()
    landing = bar * 1920 + int(beat) * 480
    assert landing > wild.position()[0] * 1920 + wild.position()[1] * 480
    play(calm, 700)
    play(wild, 700)
    notes, changed, first = calm.take_notes(), wild.take_notes(), landing - EARLY_TICKS
    assert [n for n in changed if n.tick < first] == [n for n in notes if n.tick < first]
    assert [n for n in changed if n.tick >= first] != [n for n in notes if n.tick >= first]
    assert wild.stats()["changes"] == 1
    assert 0.1 <= wild.stats()["effect_latency_max_s"] < 1.2  # the next beat that there is time for, at 112 bpm


def test_a_change_for_the_bar_line_waits_for_it(parts):
    performance = Performance(*parts, seed=3)
    play(performance, 60)
    assert performance.set("energy", 0.9, quantum="bar")[1] == 0.0
    assert performance.set("key", 1.0)[1] == 0.0


def test_two_changes_in_the_wrong_order_land_each_in_its_place(parts):
    performance = Performance(*parts, seed=3, values={"ensemble": 0})
    play(performance, 100)
    bar, _ = performance.set("key", 1.0)  # C, from the bar line
    performance.set("density", 0.9)  # from the next beat, before that
    play(performance, 900)
    notes = [n for n in performance.take_notes() if n.tick >= bar * 1920 and n.part != 4]
    assert notes and all(n.pitch % 12 in (0, 2, 4, 5, 7, 9, 11) for n in notes)


def test_a_metre_changes_at_a_bar_line_and_bars_go_on_counting(parts):
    performance = Performance(*parts, seed=3)
    play(performance, 100)
    bar, beat = performance.set("meter", 5.0, quantum="beat")  # 7/8
    assert beat == 0.0
    play(performance, 700)
    tick, following = (int(performance.stats()[name]) for name in ("tick", "next_bar_tick"))
    assert tick > bar * 1920 and (following - bar * 1920) % 1680 == 0
    assert performance.position() == (bar + (tick - bar * 1920) // 1680, (tick - bar * 1920) % 1680 / 480)
    assert performance.set("energy", 0.9, quantum="bar")[1] == 0.0


def test_a_piece_that_has_an_end_comes_to_it(parts):
    notes, audio, performance = perform(*parts, 6.0, 7, {"bpm": 240.0, "meter": 1.0}, length_bars=4)
    assert not performance.compose_ahead() and len(audio) == 6 * 48000
    assert notes and max(note.tick + note.duration for note in notes) <= 4 * 1440


def test_who_plays_changes_at_a_bar_line_whatever_was_asked(parts):
    performance = Performance(*parts, seed=3)
    play(performance, 100)
    assert performance.set("ensemble", 4.0, quantum="beat")[1] == 0.0


def test_a_change_that_the_composer_takes_in_too_late_leaves_what_has_sounded(parts):
    performance, calm = Performance(*parts, seed=3), Performance(*parts, seed=3)
    play(performance, 100)
    play(calm, 500)
    bar, beat = performance.set("energy", 1.0)
    for _ in range(150):  # the composer is busy elsewhere: 1.6 s
        performance.render_block()
    passed = performance.position()[0] * 1920 + performance.position()[1] * 480
    assert passed > bar * 1920 + beat * 480
    play(performance, 250)
    notes = performance.take_notes()
    assert len(notes) == len(set(notes)) and performance.stats()["late_notes"] == 0
    first = int(passed) - EARLY_TICKS
    assert [n for n in notes if n.tick < first] == [n for n in calm.take_notes() if n.tick < first]
    assert performance.stats()["effect_latency_max_s"] > 1.6


def test_mute_and_volume_act_at_once(parts):
    performance = Performance(*parts, seed=7)
    play(performance, 300)
    for part in performance.part_names:
        performance.set(f"mute.{part}", 1.0)
    play(performance, 400)  # until the room has died away
    assert np.abs(play(performance, 20)).max() < 1e-3


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [("enrgy", 0.5, "energy"), ("energy", 1.5, "0 to 1"), ("energy", float("nan"), "nan"), ("bpm", 10.0, "30 to 240")],
)
def test_a_wrong_setting_is_refused_and_changes_nothing(parts, name, value, says):
    performance = Performance(*parts, seed=1)
    before = performance.values()
    with pytest.raises(UsageError, match=says):
        performance.set(name, value)
    assert performance.values() == before


def test_a_book_without_one_of_its_graphs_says_which(parts):
    manifest, files = parts
    with pytest.raises(VerificationError, match="pitch"):
        Performance(manifest, {path: data for path, data in files.items() if "pitch" not in path})


def test_every_ensemble_plays_all_its_parts_in_their_ranges(parts):
    manifest, files = parts
    for number, (name, ensemble) in enumerate(manifest["ensembles"].items()):
        notes, _, performance = perform(manifest, files, 6.0, 11, {"ensemble": number})
        assert performance.stats()["late_notes"] == 0
        for note in notes:
            assert ensemble[note.part]["low"] <= note.pitch <= ensemble[note.part]["high"], name


class Recorder:
    """A synth that writes down what it is told."""

    def __init__(self):
        self.told, self.block = [], 0

    def note_on(self, part, pitch, velocity, frame):
        self.told.append((self.block * BLOCK + frame, "on", pitch))

    def note_off(self, part, pitch, frame):
        self.told.append((self.block * BLOCK + frame, "off", pitch))

    def render_block(self):
        self.block += 1
        return np.zeros((BLOCK, 2), np.float32)


def test_notes_start_and_end_on_their_frames():
    recorder = Recorder()
    player = Player(recorder, Clock(48000, 120.0), BLOCK)  # 50 frames a tick
    player.add([Note(10, 0, 60, 5, 80), Note(0, 0, 62, 100, 80), Note(30, 0, 62, 10, 80)])
    for _ in range(12):
        player.render_block()
    assert sorted(recorder.told) == [
        (0, "on", 62), (500, "on", 60), (750, "off", 60), (1500, "off", 62), (1500, "on", 62), (2000, "off", 62),
    ]  # fmt: skip
    assert player.late_notes == 0 and [n.tick for n in player.take_started()] == [0, 10, 30]


def test_a_note_that_comes_too_late_sounds_at_once_and_is_counted():
    player = Player(recorder := Recorder(), Clock(48000, 120.0), BLOCK)
    for _ in range(3):
        player.render_block()
    player.add([Note(1, 0, 60, 480, 80)])
    player.render_block()
    assert recorder.told == [(3 * BLOCK, "on", 60)] and player.late_notes == 1


def test_a_note_whose_end_has_passed_is_left_out_and_counted():
    player = Player(recorder := Recorder(), Clock(48000, 120.0), BLOCK)
    for _ in range(3):
        player.render_block()
    player.add([Note(1, 0, 60, 20, 80)])
    player.render_block()
    assert recorder.told == [] and player.late_notes == 1 and player.take_started() == []


def test_a_tempo_set_while_a_block_is_rendered_counts_from_the_next():
    clock = Clock(48000, 120.0)
    clock.set_bpm(240.0)
    assert clock.frame_of(10) == 500
    clock.advance(BLOCK)
    assert clock.frame_of(clock.tick + 10) - clock.frame_of(clock.tick) == 250


def test_a_month_of_blocks_adds_up_to_the_same_as_one_step():
    month = 30 * 24 * 3600 * 48000 // BLOCK
    small, large = Clock(48000, 131.7), Clock(48000, 131.7)
    large.advance(month * BLOCK)
    for _ in range(1000):
        small.advance(month // 1000 * BLOCK)
    small.advance(month % 1000 * BLOCK)
    assert small.tick == large.tick > 2**31 / 15
    assert abs(small.tick / (month * BLOCK / 48000 * 131.7 * 8) - 1) < 1e-6


def test_a_scale_that_a_part_cannot_play_is_refused_when_it_is_asked_for(parts):
    manifest, files = parts
    narrow = [
        dict(part, low=61, high=61) if part["part"] == "bass" else part for part in manifest["ensembles"]["chamber"]
    ]
    performance = Performance(manifest | {"ensembles": {"chamber": narrow}}, files, seed=1)
    with pytest.raises(UsageError, match="no key of the scale between 61 and 61"):
        performance.set("key", 1.0)
    assert performance.get("key") == 0.0 and performance.compose_ahead()


def test_a_stream_of_changes_is_taken_in_beat_by_beat(parts):
    performance = Performance(*parts, seed=3)
    play(performance, 100)
    for step in range(100):  # five seconds of a curve at 20 a second
        performance.set("energy", 0.2 + 0.007 * step)
        play(performance, 5)
    stats = performance.stats()
    assert stats["late_notes"] == 0
    assert stats["notes_composed"] < 20 * stats["notes"]
