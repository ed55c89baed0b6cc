"""The pencil draws what numpy computes, and draws a constant once."""

import numpy as np
import onnxruntime as ort
import pytest

from export.graph import GraphBuilder


def ask(draw, x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    g = GraphBuilder("test")
    g.output("y", draw(g, g.input("x", x.shape)), shape)
    session = ort.InferenceSession(g.model().SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


X = np.arange(12, dtype=np.float32).reshape(3, 4) / 4 - 1


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (lambda g, x: x + 1.0, X + 1),
        (lambda g, x: 1.0 - x, 1 - X),
        (lambda g, x: x * x, X * X),
        (lambda g, x: x @ g.constant(np.eye(4, 2)), X @ np.eye(4, 2)),
        (lambda g, x: g.minimum(x, 0.5), np.minimum(X, 0.5)),
        (lambda g, x: g.slice(x, 1, 4, axis=1, step=2), X[:, 1:4:2]),
        (lambda g, x: g.first(x, {0: 2, 1: 3}), X[:2, :3]),
        (lambda g, x: g.concat([x, x], axis=0), np.concatenate([X, X])),
        (lambda g, x: g.split(x, (1, 3), axis=1)[1], X[:, 1:]),
        (lambda g, x: g.reshape(x, (2, 6)), X.reshape(2, 6)),
        (lambda g, x: g.transpose(x, (1, 0)), X.T),
        (lambda g, x: g.reduce_max(x, axes=(1,)), X.max(axis=1)),
        (lambda g, x: g.reduce_min(x, axes=(0,)), X.min(axis=0)),
        (lambda g, x: g.unary("Exp", x), np.exp(X)),
        (lambda g, x: g.gather_elements(x, g.constant([[0], [3], [1]], np.int32), 1), X[range(3), [0, 3, 1], None]),
        (lambda g, x: g.bit_and(g.cast(x + 9.0, np.int64), 3), (X + 9).astype(np.int64) & 3),
    ],
)  # fmt: skip
def test_each_operation_is_numpys(draw, expected: np.ndarray) -> None:
    np.testing.assert_allclose(ask(draw, X, np.shape(expected)), expected, rtol=1e-6)


def test_equal_constants_are_kept_once() -> None:
    g = GraphBuilder("test")
    assert g.constant([1.0, 2.0]) is g.constant(np.array([1.0, 2.0]))
    assert g.constant(1.0) is not g.constant(1.0, np.float64)


def test_what_was_drawn_before_is_not_drawn_again() -> None:
    g = GraphBuilder("test")
    x = g.input("x", (2,))
    assert (x + 1.0) is (x + 1.0)
    assert (x + 1.0) is not (x + 2.0)


def test_a_branch_asks_for_no_constant_from_outside() -> None:
    g = GraphBuilder("test")
    x, on = g.input("x", (2,)), g.input("on", (1,), np.bool_)
    (y,) = g.branch(on, lambda: [x + 3.0], lambda: [g.constant([3.0, 4.0])])
    g.output("y", y + 3.0, (2,))
    model = g.model()
    (node,) = (node for node in model.graph.node if node.op_type == "If")
    for attribute in node.attribute:
        own = {one.name for one in attribute.g.initializer} | {o for n in attribute.g.node for o in n.output}
        assert {name for n in attribute.g.node for name in n.input} <= own | {"x"}
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    given = np.array([1.0, 2.0], np.float32)
    for value, expected in ((True, [7.0, 8.0]), (False, [6.0, 7.0])):
        np.testing.assert_array_equal(session.run(None, {"x": given, "on": np.array([value])})[0], expected)


def test_mixed_types_are_caught_while_drawing() -> None:
    g = GraphBuilder("test")
    with pytest.raises(AssertionError, match="float32 and float64"):
        g.input("x", (1,)) + g.input("y", (1,), np.float64)
