"""A chorale model learns, goes on after a kill, and is the same through its exported graphs."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'limonaire[train]'")

from export.sequence import sequence_graphs  # noqa: E402
from gen_core.playback.model import GraphModel  # noqa: E402
from gen_core.training import chorale_fit as fit  # noqa: E402
from gen_core.training.chorale_figure import evaluate_chorales  # noqa: E402
from gen_core.training.chorales import chorale_rows  # noqa: E402
from gen_core.training.columns import PITCH_COLUMNS  # noqa: E402
from tests.fixtures import chorales as tunes  # noqa: E402

torch.set_num_threads(1)
SMALL = fit.Shape(width=32, blocks=2, hidden=32, head=32)
PLAN = replace(fit.PLAN, steps=12, batch=4, length=24, warmup=2, valid_every=4)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(fit, "SHAPE", SMALL)
    monkeypatch.setattr(fit, "PLAN", PLAN)
    monkeypatch.setattr(fit, "has_bfloat16", lambda: False)


def weights(folder):
    from export.model import read_weights

    return read_weights(folder / "weights.safetensors")


def test_it_learns_and_the_exported_graphs_give_the_figure_it_was_chosen_by(small, tmp_path):
    path = tunes.write(tmp_path)
    short = fit.train_chorales(path, tmp_path / "short", steps=4, say=lambda line: None)
    report = fit.train_chorales(path, tmp_path / "model", steps=80, say=lambda line: None)
    assert report["valid_nats_per_note"] < 0.7 * short["valid_nats_per_note"]
    graphs = sequence_graphs(weights(tmp_path / "model"))
    model = GraphModel({name: graph.SerializeToString() for name, graph in graphs.items()})
    judged = evaluate_chorales(model, path, "valid")["valid"]["nats_per_note"]
    assert judged == pytest.approx(report["valid_nats_per_note"], rel=2e-3, abs=3e-4)  # float16 weights


def test_training_killed_and_taken_up_again_ends_at_the_same_weights(small, tmp_path):
    path = tunes.write(tmp_path)
    fit.train_chorales(path, tmp_path / "whole", say=lambda line: None)

    def power_cut(done, total):
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit.train_chorales(path, tmp_path / "cut", say=lambda line: None, progress=power_cut)
    said = []
    fit.train_chorales(path, tmp_path / "cut", say=said.append)
    assert "step 4" in said[0]
    for name, tensor in weights(tmp_path / "whole").items():
        assert np.array_equal(tensor, weights(tmp_path / "cut")[name]), name


def test_every_voice_stays_within_what_it_sings_somewhere():
    rows = chorale_rows([tunes.raster(tune) for tune in ("upbeat", "rests")])
    streams = fit.ChoraleStreams(rows, np.full(2, 0.5), 4, seed=3)
    assert (streams.reach[:, 0] <= 0).all() and (streams.reach[:, 1] >= 0).all()
    table = np.concatenate([streams.next(48)[0] for _ in range(10)])
    sung, before = table[..., PITCH_COLUMNS[-1]], rows.table[:, PITCH_COLUMNS[-1]]
    assert {128} | set(range(int(before[before > 0].min()), 75)) >= set(sung[sung > 0].tolist())
