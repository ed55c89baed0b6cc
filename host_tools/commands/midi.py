"""Join the board to MIDI: controllers move parameters, keys play along, notes and a clock come out.

Without --in and --out it makes ports of its own, called Limonaire, where the system can. Every parameter has an NRPN
(its row in `limonaire params`, from 0); common controllers move what their name says; --learn gives a knob of yours
to a parameter. Parts lie on the channels 1, 2, 3 …, drums on 10. Ctrl-C ends it.

Example: limonaire midi --in "nanoKONTROL2" --out "FluidSynth"
         limonaire midi --in "nanoKONTROL2" --learn energy
         limonaire midi --in "Ableton Link" --follow
         limonaire midi --list
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from gen_core.spec.errors import UsageError
from host_tools.options import add_board, open_board, seconds
from host_tools.output import emit, say, table

if TYPE_CHECKING:
    from host_tools.device import Device

HELP = "join the board to MIDI controllers, keyboards and sequencers"
LEARN_S = 30.0


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--in", dest="source", metavar="NAME", help="the MIDI port to read (the beginning will do)")
    parser.add_argument("--out", dest="sink", metavar="NAME", help="the MIDI port to send to")
    parser.add_argument("--list", action="store_true", help="print the MIDI ports of this machine and end")
    parser.add_argument("--map", type=Path, metavar="FILE.toml", help="which controller moves what, over the standard")
    parser.add_argument("--learn", metavar="ID", help="the controller that is moved next shall move this parameter")
    parser.add_argument("--play", default="", metavar="PART", help="the part that keys play (that of their channel)")
    parser.add_argument("--follow", action="store_true", help="take the tempo, and the beat, from an incoming clock")
    parser.add_argument("--clock", action="store_true", help="send a clock")
    parser.add_argument("--no-notes", action="store_true", help="do not send the board's notes")
    parser.add_argument("--seconds", type=seconds, metavar="TIME", help="end after this time")
    add_board(parser)


def run(args: argparse.Namespace) -> None:
    from host_tools import bridging, midi_ports
    from targets.protocol.midi_bridge import Bridge, Ways

    if args.list:
        names = midi_ports.listed()
        rows = [(way, name) for way in ("in", "out") for name in names[way]]
        return emit(args.json, names, table(rows, ("", "port")) if rows else "no MIDI ports")
    if args.follow and args.clock:
        raise UsageError("a clock cannot be followed and sent at once", "leave out --follow or --clock")
    ways = Ways(play=args.play, clock_in=args.follow, clock_out=args.clock, notes_out=not args.no_notes)
    with open_board(args) as device:
        if args.learn:
            return learn(args, device)
        values = {param.id: value for param, value in device.listed_params()}
        bridge = Bridge(device.params(), midi_ports.load_map(args.map, device.params()), ways, values)
        source = midi_ports.open_input(args.source) if args.source or not args.sink else None
        sink = midi_ports.open_output(args.sink) if args.sink or not args.source else None
        say("MIDI is joined to the board; Ctrl-C ends it")
        counts = bridging.run(device, bridge, source, sink, args.seconds)
    emit(args.json, counts, f"{counts['from_midi']} MIDI messages came, {counts['to_midi']} went")


def learn(args: argparse.Namespace, device: "Device") -> None:
    """Give the next controller to a parameter."""
    from gen_core.spec.param import find
    from host_tools import bridging, midi_ports

    name = find(device.params(), args.learn).id
    with midi_ports.open_input(args.source) as source:
        say(f"move the controller that shall move {name}")
        controller = bridging.next_controller(source, LEARN_S)
    file = midi_ports.learn(controller, name, args.map)
    data = {"controller": str(controller), "id": name, "file": str(file)}
    emit(args.json, data, f"{controller} moves {name} from now on ({file})")
