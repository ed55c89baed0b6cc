"""The int8 product is exact integer arithmetic: nothing saturates, even where every byte is at its end."""

import numpy as np
import onnxruntime
import pytest

from export.graph import GraphBuilder
from export.quantise import LEVELS, best_end, quantise


def quantise_activations(x):
    """DynamicQuantizeLinear as the ONNX operator is specified: scale, zero point, bytes."""
    low, high = min(x.min(), 0), max(x.max(), 0)
    scale = np.float32((high - low) / 255)
    zero = np.clip(np.rint(-low / scale), 0, 255)
    return scale, zero, np.clip(np.rint(x / scale) + zero, 0, 255)


@pytest.mark.parametrize("kind", ["extreme", "random"])
def test_the_product_is_what_integers_give(kind):
    rng = np.random.default_rng(3)
    if kind == "extreme":  # alternating ends: 255 x 255 twice in a row is what 16 bits cannot add
        matrix = np.where(np.arange(512)[:, None] % 7 == 0, -1.0, 1.0).astype(np.float32) * np.ones((1, 64), np.float32)
        x = np.where(np.arange(512) % 5 == 0, -0.1, 1.0).astype(np.float32)[None]
    else:
        matrix = rng.normal(size=(512, 64)).astype(np.float32)
        x = rng.normal(size=(1, 512)).astype(np.float32)
    g = GraphBuilder("product")
    g.output("y", g.input("x", (1, 512)) @ g.constant(matrix), (1, 64))
    model = quantise(g.model())
    held = {t.name: t for t in model.graph.initializer}
    import onnx.numpy_helper as helper

    weight = next(helper.to_array(t) for name, t in held.items() if name.endswith("_quantized"))
    weight_scale = next(helper.to_array(t) for name, t in held.items() if name.endswith("_scale"))
    weight_zero = next(helper.to_array(t) for name, t in held.items() if name.endswith("_zero_point"))
    assert weight.dtype == np.int8 and np.abs(weight.astype(int)).max() <= LEVELS and weight_zero == 0
    scale, zero, bytes_ = quantise_activations(x)
    integers = (bytes_ - zero).astype(np.int64) @ (weight.astype(np.int64) - int(weight_zero))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    got = session.run(None, {"x": x})[0]
    assert np.allclose(got, integers * (scale * float(weight_scale)), rtol=1e-5, atol=1e-5)


def test_a_matrix_is_clipped_where_it_errs_least_and_not_where_all_weights_are_alike():
    bell = np.random.default_rng(4).normal(size=(192, 192)).astype(np.float32)
    assert 0.5 < best_end(bell) / np.abs(bell).max() < 1
    assert best_end(np.full((4, 4), -3, np.float32)) == 3
