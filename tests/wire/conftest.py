import sys
from pathlib import Path

KIT = str(Path(__file__).parents[1] / "targets" / "runtime")
if KIT not in sys.path:
    sys.path.insert(0, KIT)
