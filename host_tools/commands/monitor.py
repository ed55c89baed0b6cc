"""Print what the board tells, as it happens: notes, beats, levels, health, and what was set. Ctrl-C ends it.

One line each: the address and what it says; with --json one JSON document a line.

Example: limonaire monitor
         limonaire monitor levels health
         limonaire monitor notes --seconds 60s --json > notes.jsonl
"""

import argparse
import json

from host_tools.options import add_board, open_board, seconds

HELP = "print notes, beats, levels and health as they happen"
TOPICS = {
    "notes": ("/note", ("tick", "part", "pitch", "duration", "velocity")),
    "beat": ("/beat", ("bar", "beat")),
    "ack": ("/ack", ("id", "value", "bar", "beat")),
    "levels": ("/levels", ("peak_left_db", "peak_right_db", "rms_left_db", "rms_right_db")),
    "health": ("/health", ("ok", "deadline_misses", "starved", "render_peak_ms", "rss_bytes")),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help=f"{', '.join(TOPICS)} (notes, beat and ack)")
    parser.add_argument("--seconds", type=seconds, metavar="TIME", help="end after this time")
    add_board(parser)


def run(args: argparse.Namespace) -> None:
    from gen_core.spec.errors import UsageError
    from gen_core.spec.param import suggestion

    topics = args.topics or ["notes", "beat", "ack"]
    for topic in topics:
        if topic not in TOPICS:
            hint = suggestion(topic, TOPICS) or f"give some of {', '.join(TOPICS)}"
            raise UsageError(f"a board does not tell of {topic!r}", hint)
    fields = dict(TOPICS[topic] for topic in topics)
    with open_board(args) as device:
        device.subscribe(*topics)
        for message in device.messages(args.seconds):
            if message.address in fields:
                print(line(message.address, fields[message.address], message.args, args.json), flush=True)


def line(address: str, names: tuple[str, ...], values: tuple, as_json: bool) -> str:
    """One message for a person or for a program."""
    told = dict(zip(names, values, strict=False))
    if as_json:
        return json.dumps({"topic": address[1:], **told})
    return " ".join([f"{address[1:]:<7}", *(f"{name} {_spoken(value)}" for name, value in told.items())])


def _spoken(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
