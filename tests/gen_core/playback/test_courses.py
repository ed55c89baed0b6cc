"""Parameters on their way: where they are when, and what the music and the mixer make of it."""

import threading

import numpy as np
import pytest

from gen_core.director.bars import Bars
from gen_core.playback.courses import Course
from gen_core.playback.performance import Performance
from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param
from tests.gen_core.playback.test_performance import play

LEVEL = Param(id="level", low=0, high=2, default=1)
HERTZ = Param(id="hertz", low=100, high=10_000, default=100, curve="exponential")
KEY = Param(id="key", low=0, high=2, default=0, kind="choice", choices=("a", "b", "c"))
BAR, BEAT = 1920, 480


@pytest.mark.parametrize(
    "param, goal, halfway", [(LEVEL, 2.0, 1.0), (HERTZ, 10_000.0, 1000.0), (KEY, 2.0, 2.0)], ids=lambda x: str(x)[:9]
)
def test_a_course_follows_the_curve_of_its_parameter(param, goal, halfway):
    course = Course(param, param.low, goal, start=BAR, ticks=2 * BAR)
    assert course.at(0, 0) == course.at(BAR, 0) == param.low
    assert course.at(2 * BAR, 0) == pytest.approx(halfway)
    assert course.at(3 * BAR, 0) == course.at(99 * BAR, 0) == goal


def test_a_course_of_seconds_counts_frames_from_its_landing_whatever_the_tempo():
    course = Course(LEVEL, 0.0, 1.0, start=BAR, frames=48_000)
    assert course.at(BAR * 5, 99_000) == 0.0, "nobody has said that it landed"
    course.land(100_000)
    course.land(170_000)
    assert course.at(BAR * 5, 124_000) == pytest.approx(0.5) and course.at(BAR, 148_000) == 1.0


@pytest.mark.parametrize(
    "tick, quantum, line",
    [(1, "beat", BEAT), (1, "bar", BAR), (1, "phrase", 4 * BAR), (4 * BAR, "phrase", 4 * BAR)]
    + [(4 * BAR + 1, "phrase", 8 * BAR), (5, "section", 16 * BAR), (1, "now", BEAT)],
)
def test_phrases_and_sections_are_counted_from_the_start(tick, quantum, line):
    assert Bars.of(BAR).line_of(tick, quantum) == line


def test_lines_are_found_through_a_change_of_metre():
    bars = Bars.of(BAR).changed(2 * BAR, 1440)
    assert bars.line_of(2 * BAR + 1, "phrase") == 2 * BAR + 2 * 1440
    assert bars.ticks_of_bar(0) == BAR and bars.ticks_of_bar(3 * BAR) == 1440


def test_a_level_goes_down_over_two_bars_from_the_next_line(parts):
    performance = Performance(*parts, seed=3)
    play(performance, 30)
    bar, beat = performance.set("level.lead", 0.0, "bar", "2bars")
    assert beat == 0.0 and performance.get("level.lead") == 1.0
    seen = {}
    while performance.position()[0] < bar + 3:
        play(performance, 1)
        seen[performance.position()] = performance.get("level.lead")
    assert all(value == 1.0 for place, value in seen.items() if place < (bar, 0.0))
    middle = [value for place, value in seen.items() if (bar + 1, 0.0) <= place < (bar + 1, 0.1)]
    assert middle and all(value == pytest.approx(0.5, abs=0.02) for value in middle)
    assert all(value == 0.0 for place, value in seen.items() if place >= (bar + 2, 0.05))
    assert performance.values()["level.lead"] == 0.0


def test_a_course_of_seconds_lasts_so_long(parts):
    performance = Performance(*parts, seed=3)
    play(performance, 10)
    performance.set("volume", 0.0, over="0.5s")
    play(performance, 24)  # a quarter of a second and a little
    start = performance.params["volume"].default
    assert performance.get("volume") == pytest.approx(start / 2, abs=0.05)
    play(performance, 25)
    assert performance.get("volume") == 0.0


def test_the_tempo_accelerates_evenly(parts):
    performance = Performance(*parts, seed=3, values={"bpm": 60.0})
    play(performance, 10)
    performance.set("bpm", 120.0, over=2.0)
    before, frames = performance.tick, round(2.0 * 48_000 / 512)
    play(performance, frames)
    mean = (120 - 60) / np.log(2)  # of an exponential curve from 60 to 120
    assert performance.tick - before == pytest.approx(2.0 * mean / 60 * 480, rel=0.01)
    assert performance.get("bpm") == pytest.approx(120.0, abs=1.0)


def test_a_control_moves_from_beat_to_beat_and_arrives(parts):
    performance = Performance(*parts, seed=3)
    play(performance, 60)
    bar, beat = performance.set("energy", 1.0, over="4beats")
    assert float(beat).is_integer()
    play(performance, 500)
    assert performance.get("energy") == 1.0
    still = Performance(*parts, seed=3)
    play(still, 560)
    landing = bar * BAR + int(beat) * BEAT
    notes, calm = performance.take_notes(), still.take_notes()
    early = [note for note in notes if note.tick < landing - 60]
    assert early == [note for note in calm if note.tick < landing - 60]
    assert notes != calm


def test_the_last_word_counts_and_begins_where_the_parameter_is(parts):
    performance = Performance(*parts, seed=3)
    play(performance, 10)
    performance.set("level.bass", 0.0, over=10.0)
    play(performance, 94)
    there = performance.get("level.bass")
    assert 0.85 < there < 0.95
    performance.set("level.bass", 2.0, over=1.0)
    assert performance.get("level.bass") == pytest.approx(there)
    performance.set("level.bass", 0.3)
    play(performance, 200)
    assert performance.get("level.bass") == 0.3


def test_a_step_of_the_mixer_waits_for_its_line(parts):
    performance = Performance(*parts, seed=3)
    play(performance, 20)
    bar, beat = performance.set("mute.drums", 1.0, "phrase")
    assert (bar % 4, beat) == (0, 0.0) and performance.get("mute.drums") == 0.0
    while performance.position() < (bar, 0.0):
        play(performance, 1)
    play(performance, 1)
    assert performance.get("mute.drums") == 1.0


@pytest.mark.parametrize("how", [{"quantum": "verse"}, {"over": "long"}, {"over": -1.0}])
def test_what_is_no_quantum_and_no_length_is_refused(parts, how):
    performance = Performance(*parts, seed=3)
    with pytest.raises(UsageError):
        performance.set("volume", 0.5, **how)
    assert performance.get("volume") == performance.params["volume"].default


def test_no_jump_of_the_mixer_clicks(parts):
    """The largest step of the gain from sample to sample, held against what the music itself has."""
    still, moved = Performance(*parts, seed=3), Performance(*parts, seed=3)
    calm = [play(still, 1) for _ in range(300)]
    loud = []
    for block in range(300):
        if block in (100, 150, 200):
            moved.set("volume", {100: 0.0, 150: 1.0, 200: 0.2}[block])
            moved.set("level.lead", {100: 2.0, 150: 0.0, 200: 1.0}[block])
        loud.append(play(moved, 1))
    calm_step = np.abs(np.diff(np.concatenate(calm), axis=0)).max()
    assert np.abs(np.diff(np.concatenate(loud), axis=0)).max() < 2.5 * calm_step


def test_a_key_played_along_sounds_and_ends(parts):
    silent = {f"mute.{part}": 1.0 for part in ("lead", "second", "chords", "bass", "drums")}
    performance = Performance(*parts, seed=3, values=silent | {"mute.lead": 0.0, "density": 0.0})
    performance.play("lead", 60, 100)
    play(performance, 5)
    assert performance.stats()["voices"] >= 1
    for wrong in (("tuba", 60, 100), ("lead", 128, 100), ("lead", 60, 128), (99, 60, 100)):
        with pytest.raises(UsageError):
            performance.play(*wrong)


def test_what_was_to_land_later_gives_way_to_the_last_word(parts):
    performance, calm = Performance(*parts, seed=3), Performance(*parts, seed=3)
    for each in (performance, calm):
        play(each, 60)
    performance.set("energy", 1.0, "phrase")  # bar 4
    for each in (performance, calm):
        each.set("bpm", 240.0)
        each.set("energy", 0.2)
        play(each, 480)
    assert performance.position()[0] >= 5 and performance.get("energy") == 0.2
    assert performance.take_notes() == calm.take_notes()


@pytest.mark.parametrize("over", ["0.3s", "1beats"])
def test_the_composer_hears_of_the_tempo_at_the_end_of_its_course(parts, over):
    performance = Performance(*parts, seed=3, values={"bpm": 60.0})
    play(performance, 10)
    performance.set("bpm", 200.0, over=over)
    play(performance, 400)
    assert performance._director._request(performance.tick).bpm == performance.get("bpm") == 200.0


def test_the_renderer_does_not_wait_for_somebody_who_sets(parts):
    performance = Performance(*parts, seed=3)
    play(performance, 10)
    performance.set("volume", 0.1, over=0.05)
    with performance._lock:  # a set that takes long
        rendering = threading.Thread(target=lambda: [performance.render_block() for _ in range(10)])
        rendering.start()
        rendering.join(20.0)
        assert not rendering.is_alive()
    play(performance, 2)
    assert performance.get("volume") == 0.1 and not performance._courses
