"""A board of a few lines on a pseudo-terminal, for what the real one does not do on demand: lose, delay, refuse."""

import hashlib
import os
import pty
import select
import struct
import threading
import time
import tty
from dataclasses import replace

import pytest

from gen_core.spec.param import Param
from targets.protocol import osc, slip, smp, smp_serial
from targets.protocol.demux import Demux

PARAMS = [
    Param(id="bpm", low=40, high=240, default=112, unit="bpm", quantum="bar", help="tempo"),
    Param(id="energy", low=0, high=1, default=0.5, help="how forceful"),
    Param(id="key", low=0, high=2, default=0, kind="choice", choices=("any", "c", "c_sharp"), help="key"),
    *(Param(id=f"level.{part}", low=0, high=2, default=1) for part in ("lead", "drums")),
]


class FakeBoard:
    """Answers in its own thread. `lose(request)` true: no answer; `refuse(request)`: payload instead of the answer."""

    def __init__(self):
        self._ends, self._plugging = [], threading.Lock()
        self.port = ""
        self.plug()
        self.product, self.buffer_bytes, self.started_s = "Limonaire", 512, time.monotonic()
        self.values = {param.id: param.default for param in PARAMS}
        self.requests, self.messages, self.topics = [], [], set()
        self.part, self.sha, self.book_hash, self.marked = b"", b"", b"old", None
        self.lose = lambda request: False
        self.refuse = lambda request: None
        self.sha_is_right = lambda: hashlib.sha256(self.part).digest() == self.sha
        self.on_message = lambda message: None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        self._stop.set()
        self._thread.join()
        self.unplug()

    def unplug(self):
        """Pull the cable: whoever has the port open reads an error."""
        with self._plugging:
            ends, self._ends = self._ends, []
        for end in ends:
            os.close(end)

    def plug(self):
        """Put it back; the port has another name than before."""
        taken = []
        while True:
            ends = pty.openpty()
            if os.ttyname(ends[1]) != self.port:
                break
            taken += ends
        for end in taken:
            os.close(end)
        tty.setraw(ends[1])
        self.port = os.ttyname(ends[1])
        self._ends = list(ends)

    def forget(self):
        """What a power cut does."""
        self.topics, self.values = set(), {param.id: param.default for param in PARAMS}

    def tell(self, address, *args):
        self._send(slip.encode(osc.encode(osc.Message(address, args))))

    def noise(self, data):
        self._send(data)

    def _send(self, data):
        with self._plugging:
            while data and self._ends:
                data = data[os.write(self._ends[0], data) :]

    def _run(self):
        demux = Demux()
        while not self._stop.is_set():
            for kind, packet in demux.feed(self._read()):
                if kind == "osc":
                    for message in osc.decode(packet):
                        self._hear(message)
                else:
                    self._answer(smp.decode(packet))

    def _read(self):
        with self._plugging:
            if self._ends and select.select(self._ends[:1], [], [], 0.02)[0]:
                return os.read(self._ends[0], 65536)
        time.sleep(0.0 if self._ends else 0.02)
        return b""

    def _answer(self, request):
        self.requests.append(request)
        if self.lose(request):
            return
        payload = self.refuse(request)
        if payload is None:
            handler = getattr(self, f"_on_{request.group}_{request.command}_{request.op}", None)
            payload = handler(request.payload) if handler else {"rc": 8}
        self._send(smp_serial.to_lines(smp.encode(replace(request, op=request.op + 1, payload=payload))))

    def _hear(self, message):
        self.messages.append(message)
        self.on_message(message)
        if message.address == "/subscribe":
            self.topics |= set(message.args)
        elif message.address == "/unsubscribe":
            self.topics.clear()
        elif message.address.startswith("/param/") and message.args:
            name = message.address.removeprefix("/param/")
            self.values[name] = message.args[0]
            if "ack" in self.topics:
                self.tell("/ack", name, message.args[0], 3, 1.0)

    def _on_0_6_0(self, _):
        return {"buf_size": self.buffer_bytes, "buf_count": 1}

    def _on_0_5_2(self, _):
        self.started_s, self.topics = time.monotonic(), set()
        if self.marked:
            self.book_hash, self.marked = self.marked, None
        return {}

    def _on_1_0_0(self, _):
        return {"images": [{"slot": 0, "version": "1.0.0", "hash": self.book_hash, "active": True}]}

    def _on_1_0_2(self, request):
        self.marked = None if request["confirm"] else request["hash"]
        return self._on_1_0_0(request)

    def _on_1_1_2(self, request):
        if "sha" in request and request["sha"] != self.sha:
            self.sha, self.length, self.part = request["sha"], request["len"], b""
        if request["off"] == len(self.part):
            self.part += request["data"]
        answer = {"off": len(self.part)}
        if len(self.part) >= self.length:
            answer["match"] = self.sha_is_right()
            if not answer["match"]:
                self.part, self.sha = b"", b""
        return answer

    def _on_3_0_0(self, request):
        return {"val": struct.pack("<f", self.values[request["name"]])}

    def _on_65_0_0(self, request):
        page = [param.to_dict() | {"value": self.values[param.id]} for param in PARAMS]
        return {"total": len(PARAMS), "off": request["off"], "params": page[request["off"] : request["off"] + 2]}

    def _on_65_2_0(self, _):
        return {"ok": False, "reasons": ["too loud"], "blocks": 1}

    def _on_65_5_2(self, request):
        self.token = request["token"]
        return {} if self.token == "right" else {"rc": 11, "rsn": "this is not the board's token"}

    def _on_65_1_0(self, _):
        uptime_s = time.monotonic() - self.started_s
        book = {"name": "test", "version": "1.0.0", "hash": self.book_hash}
        sink = {"kind": "null", "path": "", "frames": int(uptime_s * 48000)}
        status = {"board": "bench", "serial": "f00d", "product": self.product, "version": "0.1.0", "book": book}
        return status | {"seed": 7, "bar": 1, "beat": 0.0, "uptime_s": uptime_s, "rss_bytes": 1, "sink": sink,
                         "open": False, "stats": {"blocks": 1, "deadline_misses": 0}}  # fmt: skip


@pytest.fixture
def fake_board():
    board = FakeBoard()
    yield board
    board.close()


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory):
    """A home whose default book is built already."""
    from host_tools import default_book

    home = tmp_path_factory.mktemp("shared_home")
    names = ("XDG_DATA_HOME", "XDG_CACHE_HOME")
    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.setenv(name, str(home / name))
        default_book.path(lambda line: None)
    return {name: str(home / name) for name in names}


@pytest.fixture
def default_home(shared_home, own_home, monkeypatch):
    """Live in that home: the default book and its key are there. Its path."""
    from host_tools import default_book

    for name, value in shared_home.items():
        monkeypatch.setenv(name, value)
    return default_book.path(lambda line: pytest.fail("the default book was built again"))
