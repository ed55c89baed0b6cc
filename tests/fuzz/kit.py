"""The kit of the running board's tests, for a program that is not started by pytest."""

import sys
from pathlib import Path

KIT = str(Path(__file__).parents[1] / "targets" / "runtime")
if KIT not in sys.path:
    sys.path.insert(0, KIT)

from bench_kit import KEY, Rig, manifest, signed, signed_book  # noqa: E402

__all__ = ["KEY", "Rig", "manifest", "signed", "signed_book"]
