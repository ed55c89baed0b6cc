"""The default model and book, opened once for all tests."""

import pytest


@pytest.fixture(scope="session")
def model():
    from export.model import model_graphs
    from gen_core.playback.model import GraphModel

    return GraphModel(model_graphs())


@pytest.fixture(scope="session")
def parts():
    """Manifest and files of the default book."""
    from export.book import parts

    return parts("default", "1.2.3")
