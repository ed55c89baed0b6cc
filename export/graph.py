"""The pencil: records numpy-like operations into an ONNX graph.

Opset 18 and IR 8, so that onnxruntime from 1.17 on runs what we draw; standard operators only. A value that was
drawn before is not drawn again in the same graph, and equal constants are kept once in it; a branch has its own.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

OPSET = 18
IR_VERSION = 8


class Tensor:
    """A value in the graph: a name and a type. Arithmetic draws nodes."""

    def __init__(self, graph: "GraphBuilder", name: str, dtype: Any) -> None:
        self.graph, self.name, self.dtype = graph, name, np.dtype(dtype)

    def __add__(self, other: Any) -> "Tensor":
        return self.graph.binary("Add", self, other)

    def __sub__(self, other: Any) -> "Tensor":
        return self.graph.binary("Sub", self, other)

    def __rsub__(self, other: Any) -> "Tensor":
        return self.graph.binary("Sub", self.graph.constant(other, self.dtype), self)

    def __mul__(self, other: Any) -> "Tensor":
        return self.graph.binary("Mul", self, other)

    def __truediv__(self, other: Any) -> "Tensor":
        return self.graph.binary("Div", self, other)

    def __matmul__(self, other: "Tensor") -> "Tensor":
        return self.graph.binary("MatMul", self, other)


def _type_of(x: Tensor) -> onnx.TypeProto:
    """Its element type; the shape is inferred."""
    kind = onnx.TypeProto()
    kind.tensor_type.elem_type = helper.np_dtype_to_tensor_dtype(x.dtype)
    return kind


class GraphBuilder:
    """Draws one graph. `input` and `output` name its ends; `model` checks and returns the whole."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.nodes: list[onnx.NodeProto] = []  # of the graph that is being drawn; a branch has its own
        self._drawn = 0
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], Tensor] = {}  # of the same graph, as are these
        self._initializers: list[onnx.TensorProto] = []
        self._kept = 0
        self._known: dict[tuple, list[Tensor]] = {}  # what was drawn in this graph, by operation and inputs
        self._given: dict[str, str] = {}  # drawn name → name of the output

    # -- ends --------------------------------------------------------------------------------------------------------
    def input(self, name: str, shape: Sequence[int | str], dtype: Any = np.float32) -> Tensor:
        """An input; a dimension given by name may have any size."""
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self._inputs.append(helper.make_tensor_value_info(name, kind, list(shape)))
        return Tensor(self, name, dtype)

    def output(self, name: str, value: Tensor, shape: Sequence[int | str]) -> None:
        """Give `value`, which a node drew, out under `name`."""
        assert value.name not in self._given, f"{self._given[value.name]} is given out already"
        self._given[value.name] = name
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        self._outputs.append(helper.make_tensor_value_info(name, kind, list(shape)))

    def _rename(self, nodes: Iterable[onnx.NodeProto]) -> None:
        """Nodes write outputs under their outer names: cheaper than a node that copies."""
        for node in nodes:
            for names in (node.input, node.output):
                for index, name in enumerate(names):
                    names[index] = self._given.get(name, name)
            for attribute in node.attribute:
                self._rename(attribute.g.node)

    def model(self, metadata: Mapping[str, str] | None = None) -> onnx.ModelProto:
        """The finished model, checked by onnx."""
        self._rename(self.nodes)
        graph = helper.make_graph(self.nodes, self.name, self._inputs, self._outputs, self._initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        model.producer_name = "limonaire"
        helper.set_model_props(model, dict(metadata or {}))
        onnx.checker.check_model(model, full_check=True)
        return model

    # -- drawing -----------------------------------------------------------------------------------------------------
    def _draw(self, op: str, inputs: Sequence[Tensor], dtype: Any, outputs: int = 1, **attributes: Any) -> list[Tensor]:
        key = (op, *(x.name for x in inputs), outputs, str(attributes))
        if key in self._known:
            return self._known[key]
        number, self._drawn = self._drawn, self._drawn + 1
        names = [f"{op.lower()}_{number}" + (f"_{i}" if outputs > 1 else "") for i in range(outputs)]
        node = helper.make_node(op, [x.name for x in inputs], names, name=f"{op}_{number}", **attributes)
        self.nodes.append(node)
        self._known[key] = [Tensor(self, name, dtype) for name in names]
        return self._known[key]

    def constant(self, value: Any, dtype: Any = np.float32) -> Tensor:
        """A number or array that never changes."""
        array: NDArray = np.ascontiguousarray(np.asarray(value, dtype=dtype))
        array = array.reshape(np.shape(value))
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            name, self._kept = f"c{self._kept}", self._kept + 1
            self._initializers.append(numpy_helper.from_array(array, name))
            self._constants[key] = Tensor(self, name, array.dtype)
        return self._constants[key]

    def _tensor(self, value: Any, dtype: Any) -> Tensor:
        return value if isinstance(value, Tensor) else self.constant(value, dtype)

    def binary(self, op: str, x: Tensor, y: Any) -> Tensor:
        other = self._tensor(y, x.dtype)
        assert other.dtype == x.dtype, f"{op} of {x.dtype} and {other.dtype}"
        return self._draw(op, [x, other], x.dtype)[0]

    def unary(self, op: str, x: Tensor) -> Tensor:
        """Exp, Sin, Floor, Relu… by the name that ONNX gives it."""
        return self._draw(op, [x], x.dtype)[0]

    def minimum(self, x: Tensor, y: Any) -> Tensor:
        return self.binary("Min", x, y)

    def maximum(self, x: Tensor, y: Any) -> Tensor:
        return self.binary("Max", x, y)

    def clip(self, x: Tensor, low: float, high: float) -> Tensor:
        return self._draw("Clip", [x, self.constant(low, x.dtype), self.constant(high, x.dtype)], x.dtype)[0]

    def shrink(self, x: Tensor, by: float) -> Tensor:
        """x moved towards zero by `by`, and zero where it is nearer."""
        return self._draw("Shrink", [x], x.dtype, bias=by, lambd=by)[0]

    def bit_and(self, x: Tensor, y: Any) -> Tensor:
        return self.binary("BitwiseAnd", x, y)

    def bit_xor(self, x: Tensor, y: Any) -> Tensor:
        return self.binary("BitwiseXor", x, y)

    def cast(self, x: Tensor, dtype: Any) -> Tensor:
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self._draw("Cast", [x], dtype, to=kind)[0]

    def less(self, x: Tensor, y: Any) -> Tensor:
        """x < y, as booleans."""
        return self._draw("Less", [x, self._tensor(y, x.dtype)], np.bool_)[0]

    def where(self, condition: Tensor, x: Tensor, y: Any) -> Tensor:
        return self._draw("Where", [condition, x, self._tensor(y, x.dtype)], x.dtype)[0]

    # -- what need not run -------------------------------------------------------------------------------------------
    def sounding(self, *xs: Tensor) -> Tensor:
        """One boolean: is anything in xs not zero?"""
        sums = [self._draw("ReduceL1", [x], x.dtype, keepdims=0)[0] for x in xs]
        whole = sums[0]
        for more in sums[1:]:
            whole = whole + more
        return self._draw("Greater", [whole, self.constant(0.0, whole.dtype)], np.bool_)[0]

    def branch(
        self, condition: Tensor, then: Callable[[], Sequence[Tensor]], otherwise: Callable[[], Sequence[Tensor]]
    ) -> list[Tensor]:
        """Draw both functions, run one: `then` where the boolean `condition` [] or [1] holds. Both give alike."""
        (yes, given), (no, other) = self._apart("then", then), self._apart("else", otherwise)
        assert [x.dtype for x in given] == [x.dtype for x in other], "the branches give different types"
        number, self._drawn = self._drawn, self._drawn + 1
        names = [f"if_{number}_{i}" for i in range(len(given))]
        node = helper.make_node("If", [condition.name], names, name=f"If_{number}", then_branch=yes, else_branch=no)
        self.nodes.append(node)
        return [Tensor(self, name, x.dtype) for name, x in zip(names, given, strict=True)]

    def _apart(self, name: str, draw: Callable[[], Sequence[Tensor]]) -> tuple[onnx.GraphProto, list[Tensor]]:
        """A graph of its own that sees everything drawn so far; what it gives must be its own, hence the copies.

        Its constants are its own as well: onnxruntime hands over, at every run, each array that comes from outside.
        """
        outer = self.nodes, self._constants, self._initializers, self._known
        self.nodes, self._constants, self._initializers, self._known = [], {}, [], {}
        given = list(draw())
        own = {output for node in self.nodes for output in node.output}
        given = [x if x.name in own else self._draw("Identity", [x], x.dtype)[0] for x in given]
        ends = [onnx.ValueInfoProto(name=x.name, type=_type_of(x)) for x in given]
        graph = helper.make_graph(self.nodes, name, [], ends, self._initializers)
        self.nodes, self._constants, self._initializers, self._known = outer
        return graph, given

    # -- shapes ------------------------------------------------------------------------------------------------------
    def _ints(self, values: Sequence[int]) -> Tensor:
        return self.constant(list(values), np.int64)

    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        return self._draw("Reshape", [x, self._ints(shape)], x.dtype)[0]

    def transpose(self, x: Tensor, perm: Sequence[int]) -> Tensor:
        return self._draw("Transpose", [x], x.dtype, perm=list(perm))[0]

    def concat(self, xs: Sequence[Tensor], axis: int) -> Tensor:
        assert len({x.dtype for x in xs}) == 1, "concat of different types"
        return self._draw("Concat", xs, xs[0].dtype, axis=axis)[0]

    def split(self, x: Tensor, sizes: Sequence[int], axis: int) -> list[Tensor]:
        return self._draw("Split", [x, self._ints(sizes)], x.dtype, outputs=len(sizes), axis=axis)

    def slice(self, x: Tensor, start: int, stop: int, axis: int, step: int = 1) -> Tensor:
        bounds = [self._ints([value]) for value in (start, stop, axis, step)]
        return self._draw("Slice", [x, *bounds], x.dtype)[0]

    def first(self, x: Tensor, sizes: Mapping[int, int]) -> Tensor:
        """The first of x along several axes: axis → how many."""
        bounds = [[0] * len(sizes), list(sizes.values()), list(sizes)]
        return self._draw("Slice", [x, *map(self._ints, bounds)], x.dtype)[0]

    def gather_elements(self, x: Tensor, indices: Tensor, axis: int) -> Tensor:
        return self._draw("GatherElements", [x, indices], x.dtype, axis=axis)[0]

    def gather(self, x: Tensor, indices: Tensor, axis: int = 0) -> Tensor:
        """Rows of x (n, …) by number; along another axis, the same there."""
        return self._draw("Gather", [x, indices], x.dtype, axis=axis)[0]

    def scatter(self, x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
        """x with the parts at `indices` (…, k), the first k coordinates of each part, replaced by `updates`."""
        return self._draw("ScatterND", [x, indices, updates], x.dtype)[0]

    def modulo(self, x: Tensor, y: int) -> Tensor:
        """Integers modulo y, never negative."""
        return self.binary("Mod", x, y)

    def convolve(self, x: Tensor, taps: Tensor, apart: int = 1) -> Tensor:
        """x [1, channels, n] through `taps` [outputs, channels, k], oldest first, that lie `apart` samples apart."""
        return self._draw("Conv", [x, taps], x.dtype, dilations=[apart])[0]

    def reduce_sum(self, x: Tensor, axes: Sequence[int]) -> Tensor:
        return self._draw("ReduceSum", [x, self._ints(axes)], x.dtype, keepdims=0)[0]

    def magnitude(self, x: Tensor) -> Tensor:
        """The sum of all magnitudes: as many dimensions as x has, each of size 1."""
        return self._draw("ReduceL1", [x], x.dtype, keepdims=1)[0]

    def unit_length(self, x: Tensor) -> Tensor:
        """x / |x| along the last axis: an RMS norm but for a factor, in one node instead of five."""
        return self._draw("LpNormalization", [x], x.dtype, axis=-1, p=2)[0]

    def reduce_max(self, x: Tensor, axes: Sequence[int]) -> Tensor:
        return self._draw("ReduceMax", [x, self._ints(axes)], x.dtype, keepdims=0)[0]

    def reduce_min(self, x: Tensor, axes: Sequence[int]) -> Tensor:
        return self._draw("ReduceMin", [x, self._ints(axes)], x.dtype, keepdims=0)[0]
