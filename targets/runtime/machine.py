"""The board as its servers see it: one record of everything that a request may look at or touch."""

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from targets.runtime.access import SERIAL, Access, Origin
from targets.runtime.engine import Engine
from targets.runtime.files import Files
from targets.runtime.log import Log
from targets.runtime.osc_server import OscServer
from targets.runtime.performer import Performer
from targets.runtime.slots import Slots
from targets.runtime.storage import Storage
from targets.runtime.upload import Upload
from targets.runtime.wall_clock import WallClock

PRODUCT = "Limonaire"


Handler = Callable[["Machine", Mapping[str, Any]], dict[str, Any]]  # (machine, request) → payload of the answer
Commands = Mapping[tuple[int, int], Handler]  # (command, op) → who answers


@dataclass
class Machine:
    """A running board. `buffer_bytes` is the largest SMP message that it takes and gives."""

    board: str
    serial: str
    storage: Storage
    slots: Slots
    upload: Upload
    performance: Performer
    engine: Engine
    osc: OscServer
    log: Log
    buffer_bytes: int
    drawn_seed: int | None = None  # what chance chose at this start; nobody asked for it, so nobody saves it
    committed: Mapping[str, float] | None = None  # where `load` goes back to; None: to what the card holds
    reset_asked: bool = False
    started_s: float = field(default_factory=time.monotonic)
    clock: WallClock = field(default_factory=WallClock)
    counts: Counter[str] = field(default_factory=Counter)  # of SMP frames, by what became of them
    access: Access = field(default_factory=Access)
    speaker: Origin = SERIAL  # who sent the request that is being answered
    listening: list[dict[str, Any]] = field(default_factory=list)  # what is open: kind, address, port, who may write
    files: Files = field(init=False)

    def __post_init__(self) -> None:
        self.files = Files(self.storage)


def resident_bytes() -> int:
    """Memory of this process that is in RAM, 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
