"""The bench board from the outside: how its process is started. It is spoken to over its terminal, like any board."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from gen_core.spec.errors import LimonaireError
from host_tools import default_book, paths
from host_tools.keys import user_keys

STOP_TIMEOUT_S = 10.0


def command(state: Path | None, factory: Path | None, trust: Sequence[Path], options: Sequence[str]) -> list[str]:
    """How to start a bench board; the default book is built if it is the factory book and not there yet."""
    given = [
        *("--state", str(state or paths.folder("STATE") / "bench")),
        *("--factory", str(factory or default_book.path())),
        *(word for key in (user_keys().public, *trust) for word in ("--trust", str(key))),
    ]
    return [sys.executable, "-m", "targets.runtime.supervisor", *given, *options]


def environment() -> dict[str, str]:
    """This process's environment, with the folder of our packages on the path wherever it is started."""
    root = str(Path(__file__).resolve().parent.parent)
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}


def become(words: Sequence[str]) -> None:
    """Turn this process into the bench board, so that signals and the exit code are its own. Does not return."""
    sys.stdout.flush()
    os.execve(words[0], list(words), environment())


class Bench:
    """A bench board as a child process, for as long as the context lasts. `port` is the path of its terminal."""

    def __init__(self, words: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment()
        )
        assert self._process.stdout is not None
        self.port = self._process.stdout.readline().strip()
        if not self.port:
            raise LimonaireError("the bench board did not start", f"see `{' '.join(words)}`")

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it as Ctrl-C would; what it records is complete afterwards."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
