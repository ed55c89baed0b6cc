"""One unit generator a file: docstring, parameters, state, kernel, graph, record."""
