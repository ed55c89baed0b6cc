"""The whole voice as one graph: small, standard, and stateful by name."""

import numpy as np
import onnx
import pytest

from export.graph import IR_VERSION, OPSET
from export.synth import synth_graph
from gen_core.playback.graph_engine import GraphEngine
from gen_core.playback.instrument import Instrument
from gen_core.playback.synth import Synth
from gen_core.spec.errors import VerificationError
from gen_core.synth import patches

PLAN = patches.plan_for(patches.rows())


@pytest.fixture(scope="module")
def graph() -> bytes:
    return synth_graph(PLAN)


def test_the_graph_keeps_to_its_node_budget_and_to_standard_operators(graph: bytes) -> None:
    model = onnx.load_from_string(graph)
    onnx.checker.check_model(model, full_check=True)
    assert {node.domain for node in model.graph.node} == {""}
    assert model.ir_version == IR_VERSION and model.opset_import[0].version == OPSET
    assert not {"Scan", "Loop"} & {node.op_type for node in model.graph.node}


def test_every_state_goes_in_and_comes_out(graph: bytes) -> None:
    model = onnx.load_from_string(graph)
    went = {value.name.removeprefix("state.") for value in model.graph.input if value.name.startswith("state.")}
    came = {value.name.removeprefix("next.") for value in model.graph.output if value.name.startswith("next.")}
    assert went == came == {name for name, _, _ in PLAN.states()}


def test_drawing_twice_gives_the_same_bytes(graph: bytes) -> None:
    assert synth_graph(PLAN) == graph


def test_reset_plays_the_same_again(graph: bytes) -> None:
    engine = GraphEngine(graph, PLAN)
    synth = Synth(engine, [Instrument(row) for row in patches.rows()])
    synth.assign(0, "standard")
    takes = []
    for _ in range(2):
        synth.reset()
        synth.note_on(0, 38, 100, 17)
        takes.append(np.concatenate([synth.render_block() for _ in range(5)]))
    assert takes[0].any() and np.array_equal(*takes)


def test_other_sizes_can_be_drawn_and_run() -> None:
    plan = patches.plan_for(patches.rows(), block_frames=256, sample_rate_hz=44100, lanes={"analog": 6})
    engine = GraphEngine(synth_graph(plan), plan)
    synth = Synth(engine, [Instrument(row) for row in patches.rows()])
    synth.note_on(0, 60, 100)
    assert np.concatenate([synth.render_block() for _ in range(4)]).any()


def test_a_graph_from_the_future_is_refused(graph: bytes) -> None:
    model = onnx.load_from_string(graph)
    for value in model.graph.input:
        if value.name == "limiter.volume":
            value.name = "aura"
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = "aura" if name == "limiter.volume" else name
    with pytest.raises(VerificationError, match="aura"):
        GraphEngine(model.SerializeToString(), PLAN)
