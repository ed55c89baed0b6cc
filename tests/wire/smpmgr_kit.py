"""Calls of the stock client `smpmgr`, and what it prints."""

import os
import re
import subprocess

from bench_kit import ROOT

SMPMGR = ROOT / ".tools" / "smpmgr" / "bin" / "smpmgr"
MISSING = f"smpmgr is not at {SMPMGR.relative_to(ROOT)}: `make tools` puts it there"


def smpmgr(bench, *words: str, fails: bool = False, timeout_s: float = 180.0, link: tuple = ()) -> str:
    """What one call prints. `fails`: whether it must. `link`: how to reach the board, if not over its terminal."""
    command = [str(SMPMGR), *(link or ("--port", bench.port)), *map(str, words)]
    environment = os.environ | {"COLUMNS": "200", "NO_COLOR": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, env=environment, check=False)
    text = done.stdout + done.stderr
    assert (done.returncode != 0 or bool(re.search("ErrorV1|ErrorV2|Error", text))) == fails, text
    return text


def images(text: str) -> list[tuple[str, bool, bool, str]]:
    """(version, active, confirmed, hash) of each image in what smpmgr printed."""
    found = []
    for image in re.split(r"ImageState\(", text)[1:]:
        version, hash_ = re.search(r"version='([^']*)'", image), re.search(r"hash=.*?([0-9A-Fa-f]{64})", image, re.S)
        assert version and hash_, text
        found.append((version[1], "active=True" in image, "confirmed=True" in image, hash_[1]))
    return found
