"""Calls of the stock client `smpmgr`, and what it prints."""

import json
import os
import re
import subprocess
import zlib
from pathlib import Path

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


DATA = bytes(range(256)) * 12 + b"end"
LINES = {  # name → (words, what is printed, whether it fails); in this order, each once
    "echo": (["os", "echo", "hi"], "hi", False),
    "upload a file": (["file", "upload", "x.bin", "/bundles/x"], "100.0%", False),
    "its size": (["file", "read-size", "/bundles/x"], rf"\b{len(DATA)}\b", False),
    "its hash": (["file", "get-hash", "/bundles/x"], rf"output={zlib.crc32(DATA)}\b", False),
    "kinds of hash": (["file", "get-supported-hash-types"], "crc32.*sha256", False),
    "download it": (["file", "download", "/bundles/x", "y.bin"], "", False),
    "the parameters": (["file", "download", "/params.json", "params.json"], "", False),
    "leave the folder": (["file", "download", "../../../etc/passwd", "z.bin"], "FILE_INVALID_NAME", True),
    "write what is read only": (["file", "upload", "x.bin", "/log"], "READ_ONLY", True),
    "groups of statistics": (["statistics", "list"], "audio.*composer.*osc", False),
    "one of them": (["statistics", "get", "audio"], r"'blocks': \d+", False),
    "all of them": (["statistics", "fetch-all"], "name='audio'.*name='board'", False),
    "of the server": (["statistics", "smp_svr_stats"], r"'requests': \d+", False),
    "one that is not there": (["statistics", "get", "none"], "ErrorV2.*ERR_INVALID_GROUP", True),
    "set a parameter": (["shell", "param set fake_bpm 90"], "fake_bpm 90 bpm from bar", False),
    "read it": (["shell", "param get fake_bpm"], "fake_bpm 90 bpm", False),
    "a wrong word": (["shell", "format card"], "Return code: 2.*no command 'format card'", False),
    "supported groups": (["enum", "get-supported-groups"], r"\b65\b", False),
    "details of groups": (["enum", "get-group-details", "3", "65"], "settings mgmt.*limonaire", False),
    "no book at all": (["image", "upload", "plain.zip"], "Magic", True),
}


def run_lines(link: tuple[str, str], folder: Path) -> dict[str, tuple[int, str]]:
    """name → (exit code, text) of all LINES, each once, over that link; files are read and left in `folder`."""
    (folder / "x.bin").write_bytes(DATA)
    (folder / "plain.zip").write_bytes(b"PK\3\4" + bytes(2000))
    words = [[*link, *words] for words, _, _ in LINES.values()]
    runner = Path(__file__).parent / "smpmgr_lines.py"
    command = [str(SMPMGR.parent / "python"), str(runner), json.dumps(words)]
    environment = os.environ | {"COLUMNS": "400", "NO_COLOR": "1"}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=180, env=environment, cwd=folder
    )
    pieces = re.split(r"\n\x1e(\d+)\n", done.stdout)
    assert len(pieces) == 2 * len(LINES) + 1, done.stdout
    return dict(zip(LINES, zip(map(int, pieces[1::2]), pieces[:-1:2], strict=True), strict=True))


def check_line(name: str, code: int, text: str) -> None:
    """Is it what LINES expects?"""
    _, expected, fails = LINES[name]
    assert re.search(expected, text, re.S), text
    assert (code != 0 or "ErrorV1" in text or "ErrorV2" in text) == fails, text
