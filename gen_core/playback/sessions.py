"""How a board opens a graph: one thread, quiet, and nothing in memory that does not serve the next run."""

import onnxruntime

# It makes a Split and two Squeezes, 16 k instructions on a Cortex-A53, of two Gathers that take 9 k.
_HARMFUL = ["GatherSliceToSplitFusion"]


def session(graph: bytes) -> onnxruntime.InferenceSession:
    """A session of a serialised ONNX model, for the calling thread alone: the other cores have their own work."""
    providers = ["CPUExecutionProvider"]
    opened = onnxruntime.InferenceSession(graph, _options(), providers=providers, disabled_optimizers=_HARMFUL)
    # It would keep the graph's bytes for a change of providers, which nobody asks for: 3.0 MB of the default book.
    opened._model_bytes = None
    return opened


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors; a board's log is no place for remarks on a graph
    # Arena, memory pattern and prepacking stay as they are. Without its arena a session takes the block of a run from
    # malloc, which saves nothing and doubles the synth's time wherever malloc maps such blocks afresh; without the
    # pattern the synth costs 5 % more and the composer 9 %; without prepacked matrices the trunk half as much again.
    # No denormals in dying tails. onnxruntime heeds the first session of a process only, for the thread that opens it
    # and those that this one starts later; so every session says the same.
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return options
