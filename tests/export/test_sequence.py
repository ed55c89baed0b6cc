"""The network drawn as graphs computes what the network is: against numpy, the reference evaluator and torch."""

import numpy as np
import onnxruntime
import pytest
from onnx.reference import ReferenceEvaluator

from export.model import WEIGHTS, read_weights
from export.quantise import quantise
from export.sequence import sequence_graphs
from gen_core.playback.model import GraphModel
from gen_core.score.grid import encode
from gen_core.sequence import vocabulary as v
from gen_core.sequence.layout import HEADS, KEY_COLUMNS, TRUNK, offsets
from gen_core.training.columns import SLICES, TARGETS, piece_rows
from tests.fixtures import tunes


@pytest.fixture(scope="module")
def weights():
    return read_weights(WEIGHTS)


@pytest.fixture(scope="module")
def graphs(weights):
    return sequence_graphs(weights)


@pytest.fixture(scope="module")
def rows():
    return piece_rows(encode(tunes.limping_dance()))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rms(x, gain):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-6) * gain


def dense(w, name, x):
    return x @ w[name + ".weight"].T + w.get(name + ".bias", 0)


def row_sum(table, columns, numbers):
    return table[np.asarray(numbers, int) + offsets(columns)[0]].sum(0)


def numpy_step(w, row, state):
    """One note in double precision, from the definition of the network: logits by field, next state."""
    x, after = row_sum(w["rows.table"], TRUNK, row[SLICES["trunk"]]), []
    for n, before in enumerate(state):
        at = f"blocks.{n}."
        update, candidate = np.split(dense(w, at + "gates", rms(x, w[at + "norm_time.weight"])), 2)
        after.append((1 - sigmoid(update)) * before + sigmoid(update) * candidate)
        x = x + dense(w, at + "out", after[-1])
        gate, value = np.split(dense(w, at + "up", rms(x, w[at + "norm_depth.weight"])), 2)
        x = x + dense(w, at + "down", gate * sigmoid(gate) * value)
    h = rms(x, w["norm.weight"])
    logits = {}
    for field in v.FIELDS:
        z = dense(w, f"heads.{field}.hidden", h)
        given = HEADS[field][:2] if field == "part" else HEADS[field]
        if given:
            z = z + row_sum(w[f"heads.{field}.rows.table"], given, row[SLICES[field]][: len(given)])
        z = z * sigmoid(z)
        if field != "part":
            logits[field] = dense(w, f"heads.{field}.logits", z)
            continue
        each = row[SLICES["part"]][2:].reshape(3, v.MAX_PARTS)
        keys = [row_sum(w["heads.part.keys.table"], KEY_COLUMNS, (p, *each[:, p])) for p in range(v.MAX_PARTS)]
        logits[field] = np.array(keys) @ dense(w, "heads.part.query", z)
    return logits, np.array(after)


def close(field, row, got, wanted, tolerance):
    present = row[SLICES["part"]][-v.MAX_PARTS :] != 129 if field == "part" else slice(None)
    return np.abs(got[present] - wanted[present]).max() < tolerance


def test_the_graphs_compute_the_network_as_it_is_defined(weights, graphs, rows):
    wide = {name: tensor.astype(np.float64) for name, tensor in weights.items()}
    model = GraphModel({name: graph.SerializeToString() for name, graph in graphs.items()})
    state, exact = model.start(1), model.start(1)[:, 0].astype(np.float64)
    for row in rows[:60]:
        h, delta, state = model.trunk(row[None, SLICES["trunk"]], state)
        logits, exact = numpy_step(wide, row, exact)
        assert close("delta", row, delta[0], logits["delta"], 2e-4)
        if row[TARGETS.start] != v.BAR:
            for field in v.FIELDS[1:]:
                got = model.head(field, h, row[None, SLICES[field]])[0]
                assert close(field, row, got, logits[field], 2e-4), field
    assert np.abs(state[:, 0] - exact).max() < 1e-4


def test_onnx_and_onnxruntime_agree_on_the_graphs(graphs, rows):
    row = rows[rows[:, TARGETS.start] != v.BAR][5]
    feed = {"columns": row[None, SLICES["trunk"]].astype(np.int32), "state": np.zeros((4, 1, 192), np.float32)}
    feed["state"] += np.linspace(-1, 1, 192, dtype=np.float32)
    reference = ReferenceEvaluator(graphs["trunk"]).run(None, feed)
    session = onnxruntime.InferenceSession(graphs["trunk"].SerializeToString(), providers=["CPUExecutionProvider"])
    for wanted, got in zip(reference, session.run(None, feed), strict=True):
        assert np.abs(wanted - got).max() < 1e-4


def test_torch_and_the_graphs_agree(weights, graphs, rows):
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'limonaire[train]'")
    from gen_core.training.network import Network, Shape

    network = Network(Shape())
    network.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in weights.items()})
    model = GraphModel({name: graph.SerializeToString() for name, graph in graphs.items()})
    columns = torch.from_numpy(rows).long()[:, None]
    with torch.no_grad():
        h, last = network.trunk(columns[..., SLICES["trunk"]], torch.ones(len(rows), 1, 1), network.start(1))
        state = model.start(1)
        for step in range(len(rows)):
            hidden, delta, state = model.trunk(rows[step : step + 1, SLICES["trunk"]], state)
            wanted = network.heads["delta"](h[step], columns[step][..., SLICES["trunk"]]).numpy()
            assert np.abs(delta - wanted).max() < 2e-4
    assert np.abs(state - last.numpy()).max() < 1e-4


def test_int8_costs_less_than_a_quarter_of_the_bytes_and_stays_near(graphs, rows):
    exact = GraphModel({name: graph.SerializeToString() for name, graph in graphs.items()})
    small = {name: quantise(graph).SerializeToString() for name, graph in graphs.items()}
    assert sum(map(len, small.values())) < 0.27 * sum(len(graph.SerializeToString()) for graph in graphs.values())
    from gen_core.training.evaluate import model_nats

    fp32, int8 = (float(model_nats(m, [rows])[0].sum()) for m in (exact, GraphModel(small)))
    assert abs(int8 / fp32 - 1) < 0.03  # one small piece; the figure for the corpus is in the README
