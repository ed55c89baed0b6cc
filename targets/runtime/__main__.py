"""One life of a board, from power-on to reset: `python -m targets.runtime --state DIR --fd N`.

The link is served by the main thread, the sound by its own two. Ends with status 0 when a reset was asked for.
"""

import argparse
import gc
import os
import signal
import sys
import threading
import time

from gen_core.spec.errors import LimonaireError, UsageError
from targets.protocol import smp, smp_serial
from targets.runtime import memory
from targets.runtime.access import SERIAL
from targets.runtime.board import assemble
from targets.runtime.link import Link
from targets.runtime.log import Log
from targets.runtime.machine import Machine
from targets.runtime.options import from_arguments, shared_arguments
from targets.runtime.server import Server

SWITCH_INTERVAL_S = 0.0005  # a block lasts 10 ms: nobody may keep the interpreter for half of it
POLL_S = 0.01  # notes and beats leave within this time
LAST_WORDS_S = 0.5  # for the reply to a reset to leave
DESERTED_S = 10.0  # a subscriber that has not read for so long is gone
BROKEN_STATUS = 70  # the engine gave up; the supervisor starts the board again


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line of the child."""
    parser = argparse.ArgumentParser(prog="python -m targets.runtime", description=__doc__)
    line = parser.add_mutually_exclusive_group(required=True)
    line.add_argument("--fd", type=int, help="the link, as an inherited file descriptor")
    line.add_argument("--port", help="the link, as a serial port")
    parser.add_argument("--baud", type=int, default=115200, help="baud rate of --port")
    parser.add_argument("--lifeline", type=int, help="a file descriptor whose end means: stop")
    parser.add_argument("--board", default="bench", help="which board this is")
    parser.add_argument("--serial", default="bench", help="its serial number")
    parser.add_argument("--safe", action="store_true", help="play the factory book only")
    shared_arguments(parser)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run until reset, end of the lifeline, SIGTERM, or a broken engine."""
    given = parse(arguments)
    log = Log()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor decides
    try:
        link = Link(given.fd if given.fd is not None else open_port(given.port, given.baud), given.lifeline)
        machine = assemble(from_arguments(given), log)
    except LimonaireError as error:
        log.say(str(error))
        log.flush()
        return error.exit_code
    memory.give_back()
    gc.freeze()  # what was loaded stays; the collector need not walk it while music plays
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    machine.engine.start()
    status = serve(machine, link, stop)
    machine.engine.stop()
    log.flush()
    return status


def serve(machine: Machine, link: Link, stop: threading.Event) -> int:
    """Answer what comes over the link until it is time to go; returns the exit status."""
    server, engine = Server(machine), machine.engine
    while not (stop.is_set() or link.cut or engine.broken or machine.reset_asked):
        for kind, packet in link.read(POLL_S):
            if kind == "osc":
                machine.osc.receive(packet)
            else:
                answer(server, machine, link, packet)
        for packet in machine.osc.outgoing(link.room_bytes):
            link.write(packet)
        if link.stuck_s > DESERTED_S:
            machine.osc.subscribers.forget(SERIAL)
        machine.log.flush()
    ends_s = time.monotonic() + LAST_WORDS_S
    while machine.reset_asked and not link.idle and time.monotonic() < ends_s:
        link.read(POLL_S)
    if engine.broken:
        machine.log.say(f"starting again, because {engine.broken}")
        return BROKEN_STATUS
    return 0


def answer(server: Server, machine: Machine, link: Link, packet: bytes) -> None:
    """Reply to one SMP frame, and keep OSC quiet around it."""
    reply = server.handle(packet)
    if reply is None:
        return
    frame = smp.decode(reply)
    upload = (frame.group, frame.command) == (smp.Group.IMAGE, smp.ImageCommand.UPLOAD)
    machine.osc.subscribers.smp_seen(SERIAL, upload)
    link.write(smp_serial.to_lines(reply))


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
