"""From what the music is to what a board can hold: graphs, int8, the book."""

import gen_core  # noqa: F401  first, because onnxruntime must not be imported before it
