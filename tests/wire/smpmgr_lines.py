"""Several command lines of the stock `smpmgr`, one after the other in one interpreter: its start is most of the time.

`python smpmgr_lines.py '[["os", "echo", "hi"], …]'` prints what each prints, and after it a line of MARK and its exit
code. Run by the Python of smpmgr's own environment.
"""

import json
import sys
import traceback

from smpmgr.main import app

MARK = "\x1e"

for words in json.loads(sys.argv[1]):
    try:
        code = app(words) or 0
    except SystemExit as leave:
        code = leave.code if isinstance(leave.code, int) else int(leave.code is not None)
    except Exception:
        traceback.print_exc(file=sys.stdout)
        code = 1
    print(f"\n{MARK}{code}", flush=True)
