"""fp32 graphs to int8, with onnxruntime's own tool.

Weights are unsigned bytes: on x86 without VNNI a product of two unsigned bytes goes through a kernel that widens before
it adds, where unsigned times signed adds pairs in 16 bits and saturates. `tests/export/test_quantise.py` compares the
result with integer arithmetic in numpy.
"""

import tempfile
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic


def quantise(model: onnx.ModelProto) -> onnx.ModelProto:
    """Matrices and embedding tables as uint8 with one scale each; activations are scaled step by step as they run."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, source)
        quantize_dynamic(source, target, weight_type=QuantType.QUInt8, op_types_to_quantize=["MatMul", "Gather"])
        quantised = onnx.load(target)
    onnx.checker.check_model(quantised)
    return quantised
