"""A short run of `python -m tests.fuzz` at each change; the long one is a command."""

import pytest

from tests.fuzz.__main__ import run
from tests.fuzz.targets import TARGETS

FRAMES = {"demux": 4000, "smp": 4000, "osc": 6000, "mcuboot": 4000, "book": 2000, "cbor": 20_000}


@pytest.mark.parametrize("name", TARGETS)
def test_noise_neither_breaks_a_reader_nor_is_taken_for_a_message(name):
    found = run(name, FRAMES[name], seed=7)
    assert found["grown_kib"] < 100_000
    assert found["slowest_ms"] < 5_000, "nothing hangs"
    assert found.get("refused", 0) + found.get("nothing", 0) + found.get("no request", 0) > 0, "the noise was noise"
