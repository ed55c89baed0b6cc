"""Keys that somebody plays along: they sound at once, end when let go, and never for ever."""

import numpy as np
import pytest

from gen_core.playback.clock import Clock
from gen_core.playback.performance import Performance
from gen_core.playback.player import AT_ONCE, LONGEST_HELD_S, MOST_STRUCK, Player
from gen_core.spec.note import Note
from tests.gen_core.playback.test_performance import BLOCK, Recorder

RATE = 48000


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def player(recorder):
    return Player(recorder, Clock(RATE, 120.0), BLOCK)


def test_a_key_sounds_from_the_next_block_until_it_is_let_go(player, recorder):
    player.render_block()
    player.strike(2, 60, 100)
    player.render_block()
    player.render_block()
    player.strike(2, 60, 0)
    player.render_block()
    assert recorder.told == [(BLOCK, "on", 60), (3 * BLOCK, "off", 60)]
    assert player.take_started() == [] and player.notes == 0, "whoever plays it knows it"


def test_down_and_up_within_a_block_is_a_note_and_a_key_struck_again_ends_first(player, recorder):
    for velocity in (90, 0, 90, 80, 0):
        player.strike(0, 48, velocity)
    player.render_block()
    assert [what for _, what, _ in recorder.told] == ["on", "off", "on", "off", "on", "off"]


def test_letting_go_of_what_nobody_struck_does_not_end_a_note_of_the_music(player, recorder):
    player.add([Note(0, 1, 64, 4800, 90)])
    player.render_block()
    player.strike(1, 64, 0)
    player.render_block()
    assert recorder.told == [(0, "on", 64)]


def test_a_key_whose_end_got_lost_is_let_go_in_the_end(player, recorder):
    player.strike(0, 60, 100)
    for _ in range(round((LONGEST_HELD_S + 0.1) * RATE / BLOCK)):
        player.render_block()
    assert [what for _, what, _ in recorder.told] == ["on", "off"]
    assert recorder.told[1][0] == pytest.approx(LONGEST_HELD_S * RATE, abs=2 * BLOCK)


def test_a_flood_of_keys_is_taken_in_handfuls_in_its_order_and_has_an_end(player, recorder):
    for number in range(10 * MOST_STRUCK):
        player.strike(0, number % 128, 100)
    for _ in range(2 * MOST_STRUCK // AT_ONCE):
        before = len(recorder.told)
        player.render_block()
        assert sum(what == "on" for _, what, _ in recorder.told[before:]) <= AT_ONCE
    keys = [key for _, what, key in recorder.told if what == "on"]
    assert keys == [number % 128 for number in range(9 * MOST_STRUCK, 10 * MOST_STRUCK)]


def test_it_is_mixed_as_its_part_is(parts):
    muted = {f"mute.{part}": 1.0 for part in ("lead", "second", "chords", "bass", "drums")}
    heard = {}
    for level in (0.0, 0.5, 1.0):
        performance = Performance(*parts, seed=3, values=muted | {"mute.chords": 0.0, "level.chords": level})
        performance.play("chords", 60, 100)  # nothing is composed: it plays alone
        heard[level] = np.abs(np.concatenate([performance.render_block() for _ in range(40)])).max()
        performance.play("chords", 60, 0)
        blocks = 0
        while performance.stats()["voices"] and blocks < 1200:
            performance.render_block()
            blocks += 1
        assert performance.stats()["voices"] == 0
    assert heard[0.0] < 1e-4 < heard[0.5] < heard[1.0]
