"""What a board gives back once it is loaded, and what it does not load at all."""

import subprocess
import sys
from pathlib import Path

import pytest

from targets.runtime import memory
from targets.runtime.memory import clean_mappings

ROOT = Path(__file__).resolve().parents[3]


def mapping(first: str, anonymous_kib: int = 0, swap_kib: int = 0) -> str:
    return (
        f"{first}\nSize:  4 kB\nRss:  4 kB\nAnonymous:  {anonymous_kib} kB\nAnonHugePages:  0 kB\n"
        f"Swap:  {swap_kib} kB\nSwapPss:  0 kB\nTHPeligible:  0\nVmFlags: rd mr mw me\n"
    )


CODE = "7f0000001000-7f0000003000 r-xp 00001000 fd:00 42                 /usr/lib/a library.so"
KEPT = {
    "the loader wrote addresses into it": mapping(CODE.replace("r-xp", "r--p"), anonymous_kib=4),
    "it did, and they are swapped out": mapping(CODE.replace("r-xp", "r--p"), swap_kib=4),
    "it may be written": mapping(CODE.replace("r-xp", "rw-p")),
    "it is shared": mapping(CODE.replace("r-xp", "r--s")),
    "it is no file": mapping("7ffe00000000-7ffe00001000 r-xp 00000000 00:00 0                 [vdso]"),
    "it has no name": mapping("7f0000009000-7f000000a000 r--p 00000000 00:00 0 "),
}


@pytest.mark.parametrize("why", KEPT)
def test_a_mapping_stays_when(why):
    assert list(clean_mappings((KEPT[why] + mapping(CODE) + KEPT[why]).splitlines())) == [(0x7F0000001000, 0x2000)]


def test_without_proc_nothing_happens(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "SMAPS", str(tmp_path / "none"))
    memory.give_back()


GIVE_BACK = """
import hashlib, json, zlib
import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gen_core.playback.sessions import session
from targets.runtime.memory import give_back
from tests.gen_core.playback.test_sessions import product
opened, key = session(product()), Ed25519PrivateKey.generate()
x = np.ones((1, 1 << 18), np.float32)
for round in range(3):
    give_back()
    key.public_key().verify(key.sign(b"music"), b"music")
    assert opened.run(None, {"x": x})[0].item() == session(product()).run(None, {"x": x})[0].item() == 1 << 18
    assert np.allclose(np.linalg.inv(np.fft.irfft(np.fft.rfft(np.eye(8)))), np.eye(8))
    assert json.loads(json.dumps([round])) == [round] and zlib.decompress(zlib.compress(b"a")) == b"a"
    try:
        session(b"none")
    except Exception as error:
        print(type(error).__name__)
"""


def test_every_library_works_on_after_giving_back():
    done = subprocess.run([sys.executable, "-c", GIVE_BACK], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(done.stdout.split()) == 3  # exceptions cross the libraries as well


UNWANTED = (  # each costs 0.5 to 20 MB, and none is needed to play
    *("asyncio", "concurrent", "email", "http", "logging", "multiprocessing", "sqlite3", "ssl", "tempfile", "unittest"),
    *("numpy.ma", "numpy.polynomial", "numpy.random", "numpy.testing", "onnxruntime.quantization", "serial"),
    *("google", "matplotlib", "numba", "onnx", "scipy", "torch"),
)
LOADED = """
import importlib, sys
before = set(sys.modules)  # what the environment brings along is not ours
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*set(sys.modules) - before)
"""


def test_the_boards_process_loads_nothing_that_it_does_not_play_with():
    names = ["targets.runtime.__main__", "gen_core.playback.performance"]
    command = [sys.executable, "-c", LOADED, *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "onnxruntime" in loaded
    assert [name for name in UNWANTED if name in loaded] == []
