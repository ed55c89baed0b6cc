"""The chorale model that is shipped is small, and foretells a cadence far better than chance, as int8 as well."""

import numpy as np
import pytest

from export.model import CHORALE_WEIGHTS, model_graphs, read_weights
from gen_core.playback.model import GraphModel
from gen_core.training.chorale_figure import chorale_figure
from tests.fixtures import chorales as tunes


def test_it_has_at_most_a_million_and_a_half_of_parameters_in_at_most_three_megabytes():
    assert sum(tensor.size for tensor in read_weights(CHORALE_WEIGHTS).values()) <= 1_500_000
    assert CHORALE_WEIGHTS.stat().st_size <= 3_000_000


@pytest.fixture(scope="module")
def figures():
    models = [GraphModel(model_graphs(CHORALE_WEIGHTS, int8)) for int8 in (False, True)]
    return [chorale_figure(model, [tunes.raster("cadence")])["nats_per_note"] for model in models]


def test_a_cadence_is_foretold_far_better_than_by_chance(figures):
    assert max(figures) < 1.0 < np.log(129)


def test_as_int8_it_foretells_as_well(figures):
    assert figures[1] == pytest.approx(figures[0], rel=0.05)
