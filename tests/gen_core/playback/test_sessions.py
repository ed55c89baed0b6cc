"""How graphs are opened on a board: what a session keeps, and how it takes numbers that are almost zero."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from gen_core.playback.sessions import session

ROOT = Path(__file__).resolve().parents[3]


def product() -> bytes:
    """A graph that multiplies its input by a constant of 1 MB, and adds up."""
    ones = helper.make_tensor("ones", TensorProto.FLOAT, [1 << 18, 1], np.ones(1 << 18, "<f4").tobytes(), raw=True)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1 << 18])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1])
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "ones"], ["y"])], "product", [x], [y], [ones])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8).SerializeToString()


def test_a_session_runs_and_lets_go_of_the_graphs_bytes():
    graph = product()
    before = sys.getrefcount(graph)
    opened = session(graph)
    assert sys.getrefcount(graph) == before
    assert opened.run(None, {"x": np.ones((1, 1 << 18), np.float32)})[0].item() == 1 << 18


DENORMALS = """
import threading
import numpy as np
from gen_core.playback.sessions import session
from tests.gen_core.playback.test_sessions import product
composer, synth = session(product()), session(product())
x = np.full((1, 1 << 18), 1e-41, np.float32)
threading.Thread(target=lambda: print(synth.run(None, {"x": x})[0].item())).start()
"""


def test_denormals_are_zero_in_threads_though_the_synth_is_not_opened_first():
    done = subprocess.run([sys.executable, "-c", DENORMALS], cwd=ROOT, capture_output=True, text=True, check=True)
    assert float(done.stdout) == 0.0


def test_whatever_runs_on_a_board_opens_its_graphs_there():
    openers = [
        str(path.relative_to(ROOT))
        for package in ("gen_core", "targets")
        for path in (ROOT / package).rglob("*.py")
        if "InferenceSession(" in path.read_text(encoding="utf-8")
    ]
    assert openers == ["gen_core/playback/sessions.py"]


@pytest.mark.parametrize("module", ["gen_core.playback.sessions", "gen_core.playback.model", "export.quantise"])
def test_onnxruntime_reports_to_nobody(module, tmp_path):
    silenced = ("ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "CI", "GITHUB_ACTIONS", "TF_BUILD")
    places = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment = {name: value for name, value in os.environ.items() if name not in silenced} | places
    subprocess.run([sys.executable, "-c", f"import {module}"], cwd=ROOT, env=environment, check=True)
    assert [str(path) for path in tmp_path.rglob("*") if "onnxruntime" in path.name] == []
