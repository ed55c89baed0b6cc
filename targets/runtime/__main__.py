"""One life of a board, from power-on to reset: `python -m targets.runtime --state DIR --fd N`.

The wire is served by the main thread, the sound by its own two. Ends with status 0 when a reset was asked for.
"""

import argparse
import gc
import os
import signal
import sys
import threading
import time

from gen_core.spec.errors import LimonaireError, UsageError
from targets.protocol import oscquery, oscquery_http
from targets.runtime import listeners, memory
from targets.runtime.access import SERIAL, Origin, own_token
from targets.runtime.announce import Announcement
from targets.runtime.board import assemble
from targets.runtime.datagrams import OscDatagrams, SmpDatagrams
from targets.runtime.ends import Cable, End, Ends
from targets.runtime.link import Link
from targets.runtime.listeners import Listener
from targets.runtime.log import Log
from targets.runtime.machine import PRODUCT, Machine
from targets.runtime.options import from_arguments, shared_arguments
from targets.runtime.server import Server
from targets.runtime.web import Web

SWITCH_INTERVAL_S = 0.0005  # a block lasts 10 ms: nobody may keep the interpreter for half of it
POLL_S = 0.01  # notes and beats leave within this time
LAST_WORDS_S = 0.5  # for the reply to a reset to leave
BROKEN_STATUS = 70  # the engine gave up; the supervisor starts the board again


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line of the child."""
    parser = argparse.ArgumentParser(prog="python -m targets.runtime", description=__doc__)
    line = parser.add_mutually_exclusive_group(required=True)
    line.add_argument("--fd", type=int, help="the link, as an inherited file descriptor")
    line.add_argument("--port", action="append", default=[], help="a link, as a serial port; may be repeated")
    parser.add_argument("--baud", type=int, default=115200, help="baud rate of --port")
    parser.add_argument("--lifeline", type=int, help="a file descriptor whose end means: stop")
    parser.add_argument("--board", default="bench", help="which board this is")
    parser.add_argument("--serial", default="bench", help="its serial number")
    parser.add_argument("--safe", action="store_true", help="play the factory book only")
    parser.add_argument("--socket", action="append", help="an inherited socket, kind:descriptor:writes")
    shared_arguments(parser)
    listeners.ip_arguments(parser)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run until reset, end of the lifeline, SIGTERM, or a broken engine."""
    given = parse(arguments)
    log = Log()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor decides
    try:
        lines = open_lines(given)
        machine = assemble(from_arguments(given), log)
        ends = Ends(connect(machine, lines, open_sockets(given, log)), log, given.lifeline)
    except LimonaireError as error:
        log.say(str(error))
        log.flush()
        return error.exit_code
    memory.give_back()
    gc.freeze()  # what was loaded stays; the collector need not walk it while music plays
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    machine.engine.start()
    announcement = Announcement(machine)
    announcement.start()
    status = serve(machine, ends, stop)
    announcement.stop()
    machine.engine.stop()
    log.flush()
    return status


def serve(machine: Machine, ends: Ends, stop: threading.Event) -> int:
    """Answer what comes over the wire until it is time to go; returns the exit status."""
    engine = machine.engine
    while not (stop.is_set() or ends.cut or engine.broken or machine.reset_asked):
        ends.turn(POLL_S)
        machine.upload.catch_up()
        machine.log.flush()
    ends_s = time.monotonic() + LAST_WORDS_S
    while machine.reset_asked and not ends.finish() and time.monotonic() < ends_s:
        pass
    if engine.broken:
        machine.log.say(f"starting again, because {engine.broken}")
        return BROKEN_STATUS
    return 0


def connect(machine: Machine, lines: dict[Origin, Link], sockets: list[Listener]) -> list[End]:
    """Every end of the wire with its server behind it; what is open is noted where `info` finds it."""
    server = Server(machine)
    ends: list[End] = [Cable(link, server, machine.osc, origin) for origin, link in lines.items()]
    serial = [{"kind": "serial", "address": "".join(origin.address), "port": 0, "writes": "all"} for origin in lines]
    machine.listening = serial + [listener.told() for listener in sockets]
    if any(listener.writes == "token" for listener in sockets):
        own_token(machine.storage)  # so that the owner finds it
    for listener in sockets:
        if listener.kind == "smp":
            ends.append(SmpDatagrams(listener, machine.access, server))
        elif listener.kind == "osc":
            ends.append(OscDatagrams(listener, machine.access, machine.osc))
        else:
            ends.append(Web(listener, lambda target: query(machine, target)))
    return ends


def query(machine: Machine, target: str) -> tuple[int, object]:
    """What OSCQuery answers: (status, data)."""
    osc_ports = [place["port"] for place in machine.listening if place["kind"] == "osc"]
    host = oscquery_http.host_info(f"{PRODUCT} {machine.serial}", osc_ports[0] if osc_ports else 0)
    tree = oscquery.tree(machine.performance.params, machine.performance.values())
    return oscquery_http.answer(target, tree, host)


def open_lines(given: argparse.Namespace) -> dict[Origin, Link]:
    """The serial lines, each trusted by possession."""
    if given.fd is not None:
        return {SERIAL: Link(given.fd)}
    return {Origin("serial", (port,), True): Link(open_port(port, given.baud)) for port in given.port}


def open_sockets(given: argparse.Namespace, log: Log) -> list[Listener]:
    """Those that the supervisor opened, else the board's own."""
    return listeners.open_all(given, log) if given.socket is None else listeners.inherited(given.socket)


def open_port(port: str, baud: int) -> int:
    """A serial port as a file descriptor in raw mode."""
    import serial

    try:
        return os.dup(serial.Serial(port, baud, timeout=0).fileno())
    except serial.SerialException as error:
        raise UsageError(f"cannot open {port}: {error}", "name a serial port of this board") from None


if __name__ == "__main__":
    # Threads that hang in a sound card's driver must not keep a board from starting again.
    code = main()
    sys.stdout.flush()
    os._exit(code)
