"""Every test runs with its own home: no test reads or writes the keys, cache, configuration or boards of the user."""

import pytest

import gen_core  # noqa: F401  first, because onnxruntime must not be imported before it


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory, monkeypatch):
    home = tmp_path_factory.mktemp("home")
    for name in ("CONFIG", "DATA", "CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    runtime = home / "runtime"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    monkeypatch.delenv("LIMONAIRE_PORT", raising=False)
    return home


@pytest.fixture(scope="session", autouse=True)
def denormal_numbers():
    """onnxruntime lets the first session of a process say whether its thread has denormal numbers. Ours say no, and
    then the tests that draw numbers at random would miss some; so here another session is the first."""
    import onnxruntime
    from onnx import TensorProto, helper

    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "first", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
