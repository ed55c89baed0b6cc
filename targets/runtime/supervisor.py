"""The bench board: owns a pseudo-terminal, sockets and a folder, and keeps a board running on them, as mains would.

`python -m targets.runtime.supervisor --state DIR` prints the terminal's path as its first line on stdout and serves
until SIGINT or SIGTERM. Path and ports stay the same over resets and crashes of the board.
"""

import argparse
import contextlib
import fcntl
import json
import os
import pty
import secrets
import select
import signal
import subprocess
import sys
import time
import tty
from pathlib import Path

from gen_core.spec.errors import BusyError, LimonaireError, UsageError
from targets.protocol import bench
from targets.protocol import book as books
from targets.runtime.boot_state import FACTORY
from targets.runtime.keys import public_key, taken_keys
from targets.runtime.listeners import Listener, ip_arguments, open_all
from targets.runtime.log import Log
from targets.runtime.options import passed_on, shared_arguments
from targets.runtime.slots import file_name
from targets.runtime.storage import Storage, write_atomic

SHORT_LIFE_S = 10.0  # a board that ends sooner, unasked, has crashed at its start
SAFE_AFTER = 3  # short lives in a row, then the factory book only
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 60.0  # between a crash and the next start; doubles each time
LAST_GRACE_S = 5.0  # for the child to close its recording


class Line:
    """A pseudo-terminal in raw mode. Both ends stay open here, so that no reset or crash hangs up."""

    def __init__(self) -> None:
        self.board_fd, self._host_fd = pty.openpty()
        tty.setraw(self._host_fd)
        os.set_blocking(self.board_fd, False)
        self.path = os.ttyname(self._host_fd)

    def close(self) -> None:
        """Hang up."""
        os.close(self.board_fd)
        os.close(self._host_fd)


class Supervisor:
    """Starts the board, and again whenever it ends, until it is told to stop."""

    def __init__(
        self, given: argparse.Namespace, line: Line, sockets: list[Listener], serial: str, log: Log
    ) -> None:
        self._given, self._line, self._sockets, self._serial, self._log = given, line, sockets, serial, log
        self._stopping = False
        self._short_lives = 0
        self._lifeline_read, self._lifeline_write = os.pipe()  # ends with this process, whatever ends it
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)

    def listen_to_signals(self) -> None:
        """SIGINT and SIGTERM end the bench; the end of a child wakes it."""
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def run(self) -> None:
        """Serve until stopped."""
        while not self._stopping:
            started_s = time.monotonic()
            child = self._start()
            while child.poll() is None and not self._stopping:
                self._sleep(None)
            if self._stopping:
                self._end(child)
            else:
                self._after(child.returncode, time.monotonic() - started_s)
            self._log.flush()

    def _start(self) -> subprocess.Popen:
        safe = self._short_lives >= SAFE_AFTER
        if safe:
            self._log.say(f"the board crashed {self._short_lives} times at its start: factory book only")
        fds: tuple[int, ...] = (self._line.board_fd, self._lifeline_read)
        command = [sys.executable, "-m", "targets.runtime", "--serial", self._serial, *passed_on(self._given)]
        command += ["--fd", str(fds[0]), "--lifeline", str(fds[1])] + (["--safe"] if safe else [])
        command += [word for listener in self._sockets for word in ("--socket", listener.word())] or ["--no-ip"]
        fds += tuple(listener.socket.fileno() for listener in self._sockets)
        self._log.flush()
        alone = os.environ | {"OPENBLAS_NUM_THREADS": "1"}  # the cores are for the composer and the sound
        return subprocess.Popen(command, pass_fds=fds, stdin=subprocess.DEVNULL, stdout=sys.stderr, env=alone)

    def _after(self, status: int, lived_s: float) -> None:
        if status == 0:
            self._short_lives = 0
            self._log.say("the board was reset")
            return
        self._short_lives = self._short_lives + 1 if lived_s < SHORT_LIFE_S else 1
        pause_s = min(FIRST_PAUSE_S * 2 ** (self._short_lives - 1), LONGEST_PAUSE_S)
        self._log.say(f"the board ended with status {status} after {lived_s:.1f} s: again in {pause_s:g} s")
        self._log.flush()
        self._sleep(pause_s)

    def _end(self, child: subprocess.Popen) -> None:
        child.terminate()
        try:
            child.wait(LAST_GRACE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _sleep(self, timeout_s: float | None) -> None:
        """Until the time is over, a child ends or a signal comes."""
        ends_s = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._stopping:
            left_s = None if ends_s is None else max(0.0, ends_s - time.monotonic())
            ready, _, _ = select.select([self._wake_read], [], [], left_s)
            if ready:
                os.read(self._wake_read, 64)
            if ends_s is None or not ready:
                return

    def _stop(self, *_: object) -> None:
        self._stopping = True


def prepare(given: argparse.Namespace, log: Log) -> str:
    """Make the board's folder ready: lock, serial number, factory book. Returns the serial number."""
    for key in given.trust:
        public_key(key)
    try:
        storage = Storage(given.state)
        lock(given.state)
        serial = serial_number(storage)
        if given.wav:
            given.wav.touch()
            given.wav.unlink()  # a new bench is a new recording; a reset board goes on with it
    except OSError as error:
        if isinstance(error, LimonaireError):
            raise
        raise UsageError(f"cannot write {error.filename}: {error.strerror}", "name a place of your own") from None
    if given.factory:
        install_factory(storage, given.factory, taken_keys(given.state, given.trust, given.open, log), log)
    return serial


def serial_number(storage: Storage) -> str:
    """The board's own, made on its first start."""
    serial = (storage.read("serial") or b"").decode("ascii", "ignore").strip()
    if not serial:
        serial = secrets.token_hex(4)
        write_atomic(storage, "serial", serial.encode())
    return serial


def lock(state: Path) -> None:
    """Keep a second bench out of this folder for as long as this process lives. BusyError if there is one."""
    descriptor = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BusyError(f"a bench board runs in {state} already", "stop it, or give another --state") from None


def install_factory(storage: Storage, path: Path, trusted: list[bytes] | None, log: Log) -> None:
    """Copy the factory book into the board, unless it is there already. A file that does not verify changes nothing."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "name a book with --factory") from None
    present = storage.read(file_name(FACTORY))
    if present == data:
        return
    books.read(data, trusted)
    if present is not None:
        log.say(f"the factory book is replaced by {path.name}")
    write_atomic(storage, file_name(FACTORY), data)


def make_link(link: Path, target: str) -> None:
    """A symbolic link to the terminal; replaces an older link, nothing else."""
    if link.is_symlink():
        link.unlink()
    try:
        link.symlink_to(target)
    except OSError as error:
        raise UsageError(f"cannot make the link {link}: {error.strerror}", "give another --link") from None


def describe(given: argparse.Namespace, line: Line, sockets: list[Listener], serial: str) -> bench.Record:
    """The record that is left for the host, with the ports on the first address that has any."""
    told = [listener.told() for listener in sockets]
    address = told[0]["address"] if told else ""
    ports = {f"{place['kind']}_port": place["port"] for place in told if place["address"] == address}
    state = str(given.state.resolve())
    return bench.Record(port=line.path, pid=os.getpid(), serial=serial, state=state, address=address, **ports)


def announce(given: argparse.Namespace, record: bench.Record) -> None:
    """The first line on stdout: the path, or with --json the whole record."""
    print(json.dumps(record.to_dict()) if given.json else record.port, flush=True)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line of the bench board."""
    parser = argparse.ArgumentParser(prog="python -m targets.runtime.supervisor", description=__doc__)
    parser.add_argument("--factory", type=Path, metavar="FILE.book", help="the book that is always there")
    parser.add_argument("--link", type=Path, metavar="PATH", help="also make a symbolic link to the terminal")
    parser.add_argument("--json", action="store_true", help="print the first line as JSON")
    shared_arguments(parser)
    ip_arguments(parser)
    return parser.parse_args(arguments)


def serve(given: argparse.Namespace, log: Log) -> None:
    """One bench board, from start to signal."""
    serial = prepare(given, log)
    line = Line()
    sockets = open_all(given, log)
    supervisor = Supervisor(given, line, sockets, serial, log)
    supervisor.listen_to_signals()
    record = describe(given, line, sockets, serial)
    with contextlib.ExitStack() as leave:
        leave.callback(line.close)
        bench.register(record)
        leave.callback(bench.unregister, record)
        if given.link:
            make_link(given.link, line.path)
            leave.callback(given.link.unlink, missing_ok=True)
        announce(given, record)
        supervisor.run()


def main(arguments: list[str] | None = None) -> int:
    """Run the bench board; returns the exit status."""
    log = Log()
    try:
        serve(parse(arguments), log)
    except LimonaireError as error:
        log.flush()
        print(f"limonaire: {error}", file=sys.stderr)
        return error.exit_code
    log.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
