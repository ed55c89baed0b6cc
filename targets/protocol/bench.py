"""The record that a bench board leaves while it runs, so that ports are found like those of any board.

One JSON file a board, `bench-<serial>.json`, under $XDG_RUNTIME_DIR/limonaire, or in a folder of the temporary one
that only this user may write.
"""

import contextlib
import json
import os
import re
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Record:
    """One running bench board: the path of its terminal, its supervisor's process, its serial number and folder.

    `address` is the first IP address where it listens, with the ports there: UDP for SMP and OSC, TCP for HTTP. Empty
    and 0 where it does not.
    """

    port: str
    pid: int
    serial: str
    state: str
    address: str = ""
    smp_port: int = 0
    osc_port: int = 0
    http_port: int = 0

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def folder() -> Path:
    """Where the records lie; it need not be there."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime) / "limonaire" if runtime else Path(tempfile.gettempdir()) / f"limonaire-{os.getuid()}"


def register(record: Record) -> None:
    """Leave the record. Whole or not at all."""
    path = _path(record)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(record.to_dict()), encoding="utf-8")
    draft.rename(path)


def unregister(record: Record) -> None:
    """Take the record away, unless another process has left its own there since."""
    path = _path(record)
    if _read(path) == record:
        path.unlink(missing_ok=True)


def running() -> list[Record]:
    """The bench boards of this user that run, by serial number. What dead ones left behind is removed."""
    found = []
    for path in sorted(folder().glob("bench-*.json")) if _ours() else []:
        record = _read(path)
        if record and _alive(record.pid) and os.path.exists(record.port):
            found.append(record)
        elif record and not _alive(record.pid):
            with contextlib.suppress(OSError):
                path.unlink()
    return found


def _path(record: Record) -> Path:
    return folder() / f"bench-{re.sub(r'[^A-Za-z0-9_-]', '_', record.serial)}.json"


def _ours() -> bool:
    """A folder of somebody else in the temporary one could send us to any port. Windows has no bench boards at all."""
    if not hasattr(os, "getuid"):
        return False
    with contextlib.suppress(OSError):
        return folder().stat().st_uid == os.getuid()
    return False


def _read(path: Path) -> Record | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        ports = {name: int(data.get(name, 0)) for name in ("smp_port", "osc_port", "http_port")}
        return Record(
            port=str(data["port"]),
            pid=int(data["pid"]),
            serial=str(data["serial"]),
            state=str(data["state"]),
            address=str(data.get("address", "")),
            **ports,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True
