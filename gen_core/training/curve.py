"""The curve of a training run as a picture."""

import json
from pathlib import Path

STARTING = 0.07  # the first part of a run, whose fall would fill the picture

def draw_curve(record: Path, png: Path) -> None:
    """Training and validation loss over steps, from the JSON beside a checkpoint."""
    from matplotlib.figure import Figure

    run = json.loads(record.read_text(encoding="utf-8"))
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for kind, style in (("train", {"linewidth": 0.8, "alpha": 0.6}), ("valid", {"marker": "o", "markersize": 3})):
        points = [(step, value) for step, which, value in run["curve"] if which == kind]
        if points:
            axes.plot(*zip(*points, strict=True), label=kind, **style)
    values = [value for _, _, value in run["curve"]]
    late = [value for step, _, value in run["curve"] if step > STARTING * run["step"]] or values
    axes.set(xlabel="step", ylabel="nats a note", title=f"seed {run['plan']['seed']}, {run['step']} steps")
    axes.set_ylim(min(values) - 0.1, max(late) + 0.1)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(png, dpi=110)
