"""fp32 graphs to int8, with onnxruntime's own tool.

Matrices become signed bytes of seven bits, -64..64, one scale each. On x86 without VNNI an unsigned byte times a signed
one is added in pairs in 16 bits, and 2 * 255 * 64 is the most that fits; on ARM without dot products (Pi Zero, 3, 4)
signed bytes take half the instructions of unsigned ones, and a scale a column costs more than it gives. The bit that is
lost is mostly won back by clipping: a matrix ends where rounding and clipping together err least.
Embedding tables become unsigned bytes. `tests/export/test_quantise.py` compares with integer arithmetic in numpy.
"""

import tempfile
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

LEVELS = 64  # on either side of zero
_ENDS = np.linspace(0.3, 1.0, 36)  # of the largest weight


def quantise(model: onnx.ModelProto) -> onnx.ModelProto:
    """Matrices and embedding tables as bytes with one scale each; activations are scaled step by step as they run."""
    with tempfile.TemporaryDirectory() as folder:
        fp32, rows, int8 = (Path(folder) / f"{name}.onnx" for name in ("fp32", "rows", "int8"))
        onnx.save(_clipped(model), fp32)
        quantize_dynamic(
            fp32, rows, weight_type=QuantType.QUInt8, op_types_to_quantize=["Gather"], nodes_to_exclude=_vectors(model)
        )
        quantize_dynamic(rows, int8, weight_type=QuantType.QInt8, reduce_range=True, op_types_to_quantize=["MatMul"])
        quantised = onnx.load(int8)
    onnx.checker.check_model(quantised)
    return quantised


def _clipped(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose matrices end where it is best."""
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    matrices = {node.input[1] for node in copy.graph.node if node.op_type == "MatMul"}
    for tensor in copy.graph.initializer:
        if tensor.name in matrices:
            matrix = numpy_helper.to_array(tensor)
            end = best_end(matrix)
            tensor.CopyFrom(numpy_helper.from_array(matrix.clip(-end, end), tensor.name))
    return copy


def best_end(matrix: NDArray[np.float32]) -> np.float32:
    """The magnitude at which to clip so that the mean square error of the bytes is least."""

    def error(end: np.float32) -> float:
        scale = end / LEVELS
        return float(np.square(np.rint(matrix / scale).clip(-LEVELS, LEVELS) * scale - matrix).sum())

    return min(np.abs(matrix).max() * _ENDS.astype(np.float32), key=error, default=np.float32(1))


def _vectors(model: onnx.ModelProto) -> list[str]:
    """Gathers from a list of numbers: a few bytes are not worth a node that scales them back."""
    short = {tensor.name for tensor in model.graph.initializer if len(tensor.dims) < 2}
    return [node.name for node in model.graph.node if node.op_type == "Gather" and node.input[0] in short]
