"""The meter against numbers that are known."""

import numpy as np
import pytest

from targets.runtime.meter import Meter
from targets.runtime.vitals import FLOOR_DB


def test_a_sine_has_its_peak_and_three_decibels_less_of_rms():
    meter, time_s = Meter(), np.arange(4800) / 48000
    meter.look()
    sine = np.sin(2 * np.pi * 1000 * time_s)
    meter.note(np.column_stack((sine, 0.1 * sine)).astype(np.float32))
    assert meter.look() == pytest.approx((0.0, -20.0, -3.01, -23.01), abs=0.01)


def test_silence_has_a_floor_and_a_look_begins_anew():
    meter = Meter()
    assert meter.look() == (FLOOR_DB,) * 4
    meter.note(np.full((512, 2), 0.5, np.float32))
    assert meter.look()[0] == pytest.approx(-6.02, abs=0.01)
    assert meter.look() == (FLOOR_DB,) * 4
    meter.note(np.zeros((512, 2), np.float32))
    assert meter.look() == (FLOOR_DB,) * 4


def test_what_nobody_looks_at_is_not_kept():
    meter = Meter()
    for _ in range(1000):
        meter.note(np.ones((512, 2), np.float32))
    assert meter.look() == (FLOOR_DB,) * 4
    for _ in range(10_000):
        meter.note(np.ones((512, 2), np.float32))
    assert len(meter._blocks) <= 200
