"""When a board calls itself healthy: a sound that flows, and nothing that stumbles."""

import time

import numpy as np
import pytest
from bench_kit import Rig, signed_book
from fake_performance import FakePerformance

from targets.runtime import engine as engines
from targets.runtime import health
from targets.runtime.engine import Engine
from targets.runtime.log import Log
from targets.runtime.sinks import NullSink
from targets.runtime.vitals import FLOOR_DB, Vitals

BLOCK_S = 512 / 48000


class Clock:
    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


def block(peak=0.0):
    samples = np.zeros((512, 2), np.float32)
    samples[100, 1] = -peak
    return samples


def feed(vitals, clock, blocks):
    for peak, late in blocks:
        vitals.note(block(peak), late)
        clock.now_s += BLOCK_S


def test_the_peak_is_that_of_the_last_second_and_of_either_channel():
    clock = Clock()
    vitals = Vitals(BLOCK_S, clock)
    assert vitals.peak_db == FLOOR_DB
    feed(vitals, clock, [(0.5, False)])
    assert vitals.peak_db == pytest.approx(-6.02, abs=0.01)
    feed(vitals, clock, [(0.1, False)] * 100)
    assert vitals.peak_db == pytest.approx(-20.0, abs=0.01)
    feed(vitals, clock, [(float("nan"), False)] * 100)
    assert vitals.peak_db == FLOOR_DB


def engine_with(blocks, performance=None, stalled_s=0.0):
    """An engine that has sent these blocks, without its threads."""
    performance, clock = performance or FakePerformance({}, {}), Clock()
    engine = Engine(performance, NullSink(48000, 512), Log(open("/dev/null", "w")))  # noqa: SIM115
    engine.vitals = Vitals(BLOCK_S, clock)
    feed(engine.vitals, clock, blocks)
    clock.now_s += stalled_s
    return engine


SOUND, SILENT = (0.3, False), (0.0, False)
CASES = {  # name → (blocks, seconds since the last one, reason)
    "sound": ([SOUND] * 100, 0.0, None),
    "a rest": ([SOUND] + [SILENT] * 2000, 0.0, None),
    "half of a second late": ([SOUND] * 50 + [(0.3, True)] * 40, 0.0, None),
    "before the first block": ([], 0.0, "nothing has sounded yet"),
    "zeros only": ([SILENT] * 100, 0.0, "nothing has sounded yet"),
    "silence after sound": ([SOUND] + [SILENT] * 3000, 0.0, "silent for 32 s"),
    "no block for long": ([SOUND] * 100, 3.0, "no block for 3.0 s"),
    "too slow": ([SOUND] * 20 + [(0.3, True)] * 80, 0.0, "of the blocks come late"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_board_is_healthy_if_and_only_if_its_sound_is(name):
    blocks, stalled_s, reason = CASES[name]
    engine = engine_with(blocks, stalled_s=stalled_s)
    reasons = health.sound_reasons(engine, engine.performance)
    assert (len(reasons) == 1 and reason in reasons[0]) if reason else reasons == []


WISHES = {  # values → whether they ask for silence
    "no volume": ({"volume": 0.0}, True),
    "little volume": ({"volume": 0.01}, False),
    "all muted": ({"volume": 1.0, "mute.lead": 1.0, "mute.bass": 1.0}, True),
    "one muted": ({"volume": 1.0, "mute.lead": 1.0, "mute.bass": 0.0}, False),
}


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize("name", ["zeros only", "silence after sound"])
def test_silence_that_was_asked_for_is_no_illness(name, wish, monkeypatch):
    values, wanted = WISHES[wish]
    engine = engine_with(CASES[name][0])
    monkeypatch.setattr(engine.performance, "values", lambda: values)
    assert (health.sound_reasons(engine, engine.performance) == []) == wanted


def until(condition, timeout_s=20.0):
    ends_s = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < ends_s:
        time.sleep(0.01)
    assert condition()


def test_what_stumbles_is_a_reason_for_as_long_as_it_does(monkeypatch):
    class Stumbling(FakePerformance):
        lame = True

        def compose_ahead(self):
            if self.lame:
                raise ValueError("no idea")
            return super().compose_ahead()

    monkeypatch.setattr(engines, "FIRST_MUSIC_S", 0.01)
    performance = Stumbling({}, {})
    engine = Engine(performance, NullSink(48000, 512), Log(open("/dev/null", "w")))  # noqa: SIM115
    engine.start()
    until(lambda: engines.COMPOSE in health.sound_reasons(engine, performance))
    performance.lame = False
    until(lambda: engines.COMPOSE not in health.sound_reasons(engine, performance))
    engine.stop()


def test_a_board_that_plays_becomes_healthy_and_one_without_a_book_does_not(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    empty = Rig(state)
    assert empty.raw(0, 65, 2, {})["reasons"][0] == "no book plays"
    (state / "factory.book").write_bytes(signed_book(tmp_path, "0.9.0"))
    rig = empty.reboot()
    rig.machine.engine.start()
    try:
        until(lambda: rig.raw(0, 65, 2, {})["ok"])
        told = rig.raw(0, 65, 2, {})
        assert told["blocks"] > 0 and told["peak_db"] == pytest.approx(-10.5, abs=0.1), "a sine of 0.3"
    finally:
        rig.machine.engine.stop()
