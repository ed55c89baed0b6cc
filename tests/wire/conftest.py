import sys
from pathlib import Path

HERE = Path(__file__).parent
FOLDERS = (HERE, HERE.parent / "targets" / "runtime", HERE / "plugin")
sys.path[:0] = [str(folder) for folder in FOLDERS if str(folder) not in sys.path]
