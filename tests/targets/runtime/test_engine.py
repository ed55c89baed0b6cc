import time

import numpy as np
import pytest
from fake_performance import FakePerformance

from targets.runtime import engine as engines
from targets.runtime.engine import Engine
from targets.runtime.log import Log


class Ear:
    """A sink that keeps what it hears and takes almost no time."""

    kind, path, frames = "ear", "", 0

    def __init__(self, pause_s=0.001):
        self.blocks, self.closed, self.pause_s = [], False, pause_s

    def write(self, block):
        self.blocks.append(np.array(block))
        time.sleep(self.pause_s)
        return len(self.blocks) == 5

    def close(self):
        self.closed = True


def run(performance, until, ear=None):
    log = Log(open("/dev/null", "w"))  # noqa: SIM115
    ear = ear or Ear()
    engine = Engine(performance, ear, log)
    engine.start()
    ends_s = time.monotonic() + 20.0
    while not until(engine) and time.monotonic() < ends_s:
        time.sleep(0.005)
    assert until(engine)
    engine.stop()
    return engine, ear, log


def test_blocks_reach_the_sink_in_order_and_are_counted():
    engine, ear, _ = run(FakePerformance({}, {}), lambda e: e.blocks > 20)
    reference = FakePerformance({}, {})
    assert all(np.array_equal(block, reference.render_block()) for block in ear.blocks)
    assert engine.blocks == len(ear.blocks) and ear.closed
    assert engine.starved == 1 and engine.deadline_misses >= 1


class Slow(FakePerformance):
    """Takes `pauses_s`, one after the other, over composing, and `block_s` over each block; raises `errors` times."""

    def __init__(self, pauses_s=(), block_s=0.0, errors=0):
        super().__init__({}, {})
        self.pauses_s, self.block_s, self.errors = list(pauses_s), block_s, errors
        self.composed, self.began_s, self.first_s = 0, time.monotonic(), 0.0

    def compose_ahead(self):
        self.composed += 1
        if self.composed <= self.errors:
            raise ValueError("no idea")
        if not self.pauses_s:
            return False
        time.sleep(self.pauses_s.pop(0))
        return True

    def render_block(self):
        self.first_s = self.first_s or time.monotonic() - self.began_s
        time.sleep(self.block_s)
        return super().render_block()


def test_a_block_that_takes_longer_than_it_lasts_is_a_miss():
    engine, _, _ = run(Slow(block_s=0.012), lambda e: e.blocks > 8)
    assert engine.deadline_misses >= 8 and engine.render_peak_ms > 12


def test_the_sound_begins_with_the_first_music():
    performance = Slow(pauses_s=[0.1, 0.1])
    run(performance, lambda e: e.blocks > 3)
    assert performance.first_s > 0.2


def test_the_sound_does_not_wait_for_the_composer(monkeypatch):
    monkeypatch.setattr(engines, "FIRST_MUSIC_S", 0.05)
    performance = Slow(pauses_s=[1.5])
    run(performance, lambda e: e.blocks > 20)
    assert performance.first_s < 1.5


def test_a_composer_that_stumbles_is_counted_and_tried_again():
    performance = Slow(errors=2)
    engine, _, log = run(performance, lambda e: performance.composed > 4)
    assert engine.compose_errors == 2 and not engine.broken
    assert sum("stumbled" in line for line in log.lines) == 1


def test_a_block_that_cannot_be_rendered_is_silence_and_for_good_means_broken(monkeypatch):
    monkeypatch.setattr(engines, "BREAK_AFTER", 10)
    engine, ear, log = run(FakePerformance({"crash": "render"}, {}), lambda e: bool(e.broken))
    assert not np.any(ear.blocks[0]) and engine.render_errors >= 10
    assert sum("cannot be rendered" in line for line in log.lines) == 1


@pytest.mark.parametrize(
    "name", ["blocks", "deadline_misses", "starved", "render_errors", "compose_errors", "realtime"]
)
def test_every_count_is_in_the_stats(name):
    assert name in Engine(FakePerformance({}, {}), Ear(), Log()).stats()


class Deaf(Ear):
    """Refuses its first blocks."""

    def __init__(self, refusals):
        super().__init__()
        self.refusals = refusals

    def write(self, block):
        if self.refusals:
            self.refusals -= 1
            raise ValueError("no such device")
        return super().write(block)


def test_a_sink_that_takes_no_block_is_tried_again_and_for_good_means_broken(monkeypatch):
    engine, ear, _ = run(FakePerformance({}, {}), lambda e: len(e.sink.blocks) > 3, Deaf(2))
    assert engine.starved >= 2 and not engine.broken
    monkeypatch.setattr(engines, "BREAK_AFTER", 3)
    engine, _, _ = run(FakePerformance({}, {}), lambda e: e.broken, Deaf(10**6))
    assert "no such device" in engine.broken


def test_real_time_scheduling_is_asked_for_and_not_needed(monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr("os.sched_setscheduler", refuse)
    engine, _, _ = run(FakePerformance({}, {}), lambda e: e.blocks > 3)
    assert engine.realtime is False
