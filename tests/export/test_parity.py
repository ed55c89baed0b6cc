"""The graph is the same instrument, patch by patch."""

import numpy as np
import pytest

from export.parity import REQUIRED_DB, patch_parity, snr_db
from export.synth import synth_graph
from gen_core.synth import patches


@pytest.fixture(scope="module")
def parity() -> dict[str, float]:
    few = dict.fromkeys(patches.voices(), 8)  # the phrase holds four notes; each lane costs time
    plan = patches.plan_for(patches.rows(), lanes=few)
    return patch_parity(plan, synth_graph(plan), patches.rows())


@pytest.mark.parametrize("name", [row["name"] for row in patches.rows() if "kit" not in row])
def test_kernel_and_graph_agree_to_100_db_after_a_second(parity: dict[str, float], name: str) -> None:
    assert parity[name] >= REQUIRED_DB, f"{name}: {parity[name]:.1f} dB"


def test_snr_knows_its_decibels() -> None:
    sound = np.sin(np.arange(1000.0))
    assert snr_db(sound, sound * 0.99) == pytest.approx(40.0)
    assert snr_db(sound, sound) == 400.0
