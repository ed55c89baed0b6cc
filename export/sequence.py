"""The composer's network as graphs: one step of the trunk with the state in and out, and one small graph a head.

A head cannot run before the field ahead of it is drawn, so each is a graph of its own; the first head (`delta`) needs
nothing but the trunk and rides in its graph. The batch is free: a board steps one performance, `evaluate` many pieces.
RMS norms are drawn as unit length, their factor sqrt(width) and their gains folded into the matrix that follows.
"""

from collections.abc import Mapping

import numpy as np
import onnx
from numpy.typing import NDArray

from export.graph import GraphBuilder, Tensor
from gen_core.sequence import vocabulary as v
from gen_core.sequence.layout import HEADS, KEY_COLUMNS, KINDS, PARTS, TRUNK, Column, offsets

ABSENT = -1e9  # the logit of a part that is not there
Weights = Mapping[str, NDArray[np.float32]]


def sequence_graphs(weights: Weights) -> dict[str, onnx.ModelProto]:
    """Weights by the names of `gen_core.training.network` → {"trunk": …, "part": …, …}, checked by onnx."""
    graphs = {"trunk": trunk_graph(weights), "part": part_graph(weights)}
    graphs |= {field: head_graph(weights, field) for field in ("pitch", "duration", "velocity", "micro")}
    return graphs


def trunk_graph(weights: Weights) -> onnx.ModelProto:
    """columns (batch, trunk), state (blocks, batch, width) → h (batch, width), delta (batch, 193), next_state."""
    width = weights["rows.table"].shape[1]
    blocks = sum(name.endswith("gates.weight") for name in weights)
    g = GraphBuilder("trunk")
    columns = g.input("columns", ("batch", len(TRUNK)), np.int32)
    state = g.input("state", (blocks, "batch", width))
    x = _row_sum(g, weights["rows.table"], TRUNK, columns)
    states = []
    for number, before in enumerate(g.split(state, [1] * blocks, axis=0)):
        x, after = _block(g, weights, f"blocks.{number}.", x, before)
        states.append(after)
    h = g.unit_length(x) * _gain(weights["norm.weight"])
    g.output("h", h, ("batch", width))
    z = _linear(g, weights, "heads.delta.hidden", h)
    g.output("delta", _linear(g, weights, "heads.delta.logits", _silu(g, z)), ("batch", v.SIZES["delta"]))
    g.output("next_state", g.concat(states, axis=0), (blocks, "batch", width))
    return g.model()


def head_graph(weights: Weights, field: str) -> onnx.ModelProto:
    """h (batch, width), columns (batch, k) → logits (batch, classes) of one field."""
    g, h, columns = _head_inputs(weights, field, len(HEADS[field]))
    z = _linear(g, weights, f"heads.{field}.hidden", h)
    z = z + _row_sum(g, weights[f"heads.{field}.rows.table"], HEADS[field], columns)
    g.output("logits", _linear(g, weights, f"heads.{field}.logits", _silu(g, z)), ("batch", v.SIZES[field]))
    return g.model()


def part_graph(weights: Weights) -> onnx.ModelProto:
    """The head `part`: a query against one key a part. A part that the ensemble lacks gets -1e9."""
    g, h, columns = _head_inputs(weights, "part", len(HEADS["part"]))
    head = weights["heads.part.query.weight"].shape[0]
    onset, each = g.split(columns, [2, 3 * v.MAX_PARTS], axis=1)
    z = _linear(g, weights, "heads.part.hidden", h)
    z = _silu(g, z + _row_sum(g, weights["heads.part.rows.table"], HEADS["part"][:2], onset))
    starts, _ = offsets(KEY_COLUMNS)
    table = weights["heads.part.keys.table"]
    query, at_slot = g.split(_query(g, weights, table[starts[0] : starts[0] + v.MAX_PARTS], z), [head, v.MAX_PARTS], 1)
    rows = g.gather(g.constant(table), each + np.repeat(np.array(starts[1:], np.int32), v.MAX_PARTS))
    told = g.reshape(rows @ g.reshape(query, (-1, head, 1)), (-1, 3, v.MAX_PARTS))  # of each row: its product with q
    logits = at_slot + g.constant(np.ones(3)) @ told
    absent = np.zeros(KINDS["program"], np.float32)
    absent[-1] = ABSENT
    logits = logits + g.gather(g.constant(absent), g.slice(each, 2 * v.MAX_PARTS, 3 * v.MAX_PARTS, axis=1))
    g.output("logits", logits, ("batch", len(PARTS)))
    return g.model()


def _query(g: GraphBuilder, weights: Weights, slots: NDArray[np.float32], z: Tensor) -> Tensor:
    """z (batch, head) → the query and, behind it, its products with the rows `slots` (parts, head), in one product."""
    matrix, bias = weights["heads.part.query.weight"], weights["heads.part.query.bias"]
    return z @ g.constant(np.concatenate([matrix, slots @ matrix]).T) + np.concatenate([bias, slots @ bias])


def _head_inputs(weights: Weights, field: str, width: int) -> tuple[GraphBuilder, Tensor, Tensor]:
    g = GraphBuilder(field)
    h = g.input("h", ("batch", weights["rows.table"].shape[1]))
    return g, h, g.input("columns", ("batch", width), np.int32)


def _block(g: GraphBuilder, weights: Weights, at: str, x: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """x (batch, width), before (1, batch, width) → x, state after. The arithmetic of `network.Block`."""
    width = weights[at + "out.weight"].shape[0]
    hidden = weights[at + "down.weight"].shape[1]
    gates = _linear(g, weights, at + "gates", g.unit_length(x), _gain(weights[at + "norm_time.weight"]))
    update, candidate = g.split(gates, [width, width], axis=1)
    after = before + g.unary("Sigmoid", update) * (candidate - before)
    x = x + g.reshape(_linear(g, weights, at + "out", after), (-1, width))
    up = _linear(g, weights, at + "up", g.unit_length(x), _gain(weights[at + "norm_depth.weight"]))
    gate, value = g.split(up, [hidden, hidden], axis=1)
    return x + _linear(g, weights, at + "down", _silu(g, gate) * value), after


def _linear(g: GraphBuilder, weights: Weights, name: str, x: Tensor, gain: NDArray[np.float32] | None = None) -> Tensor:
    matrix = weights[name + ".weight"].T
    y = x @ g.constant(matrix if gain is None else matrix * gain[:, None])
    return y + weights[name + ".bias"] if name + ".bias" in weights else y


def _row_sum(g: GraphBuilder, table: NDArray[np.float32], columns: tuple[Column, ...], numbers: Tensor) -> Tensor:
    starts, _ = offsets(columns)
    rows = numbers + np.array(starts, np.int32)
    return g.constant(np.ones(len(columns))) @ g.gather(g.constant(table), rows)  # a third of what ReduceSum costs


def _silu(g: GraphBuilder, x: Tensor) -> Tensor:
    return x * g.unary("Sigmoid", x)


def _gain(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    return weight * np.float32(np.sqrt(len(weight)))
