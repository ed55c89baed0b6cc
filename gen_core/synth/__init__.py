"""The instruments: units with two renderings each (Numba kernel, ONNX graph), and patches as data."""
