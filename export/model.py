"""Weights from a file to graphs that run: what `evaluate` judges and what a book packs."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from export.quantise import quantise
from export.sequence import sequence_graphs
from gen_core.sequence.layout import TRUNK, offsets
from gen_core.spec.errors import UsageError, VerificationError
from gen_core.training.train import FORMAT

DEFAULT = Path(__file__).parent / "default"
WEIGHTS, BASELINE = DEFAULT / "weights.safetensors", DEFAULT / "baseline.npz"
CHORALE_WEIGHTS = Path(__file__).parent / "chorales" / WEIGHTS.name  # a yardstick, never packed


def read_weights(path: Path) -> dict[str, NDArray[np.float32]]:
    """Tensors of a weights file as float32. Raises UsageError or VerificationError where it is not one of ours."""
    if not path.is_file():
        raise UsageError(f"{path} does not exist", "give a .safetensors file that `limonaire train` wrote")
    try:
        with safe_open(path, "np") as file:
            found = (file.metadata() or {}).get("format", "no format")
            weights = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise VerificationError(f"{path} is not a weights file ({error})", "train the model again") from None
    if found != FORMAT:
        raise VerificationError(f"{path} holds {found}; this version reads {FORMAT}", "train the model again")
    return weights


def model_graphs(path: Path = WEIGHTS, int8: bool = True) -> dict[str, bytes]:
    """Serialised graphs of a weights file, by name. Raises VerificationError where it is of another network."""
    try:
        weights = read_weights(path)
        rows, wanted = weights["rows.table"].shape[0], offsets(TRUNK)[1]
        if rows != wanted:
            cause = f"{path} was trained on {rows} rows of columns, this version has {wanted}"
            raise VerificationError(cause, "train the model again")
        graphs = sequence_graphs(weights)
    except (KeyError, IndexError) as error:
        raise VerificationError(f"{path} lacks what this network needs ({error})", "train the model again") from None
    return {name: (quantise(graph) if int8 else graph).SerializeToString() for name, graph in graphs.items()}


def model_folder(path: Path | None) -> tuple[Path, Path]:
    """Weights and baseline of a model folder or weights file. Whatever is missing is the default's."""
    if path is None:
        return WEIGHTS, BASELINE
    weights = path / WEIGHTS.name if path.is_dir() else path
    baseline = weights.parent / BASELINE.name
    return weights, baseline if baseline.is_file() else BASELINE
