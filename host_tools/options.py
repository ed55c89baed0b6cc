"""Options that many verbs share, each spelled once."""

import argparse
import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gen_core.director.controls import SEED
from gen_core.spec.errors import UsageError
from host_tools.output import add_json, say

if TYPE_CHECKING:
    from host_tools.device import Device

T = TypeVar("T")


def typed(parse: Callable[[str], T]) -> Callable[[str], T]:
    """`parse` as a type for argparse: the words of its UsageError are kept, which argparse would otherwise drop."""

    @functools.wraps(parse)
    def parse_argument(text: str) -> T:
        try:
            return parse(text)
        except UsageError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse_argument


def add_board(parser: argparse.ArgumentParser) -> None:
    """Which board to speak to and how long to wait for it; with --json."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--port", metavar="PATH", help="its port, path or URL; without it, the only board there is")
    where.add_argument("--ip", dest="port", type=typed(ip), metavar="HOST", help="reach it over UDP instead")
    parser.add_argument("--baud", type=typed(whole(300, 4_000_000)), metavar="N", help="rate of a UART (115200)")
    parser.add_argument("--timeout", type=typed(seconds), default=2.0, metavar="S", help="wait for an answer (2)")
    add_json(parser)


def open_board(args: argparse.Namespace) -> "Device":
    """The board that the options of `add_board` name. While it is unplugged a line on stderr says so."""
    from host_tools.device import RECONNECT_S, Device, Event

    words = {
        "lost": f"the board is gone; plug it in again within {RECONNECT_S:g} s, or press Ctrl-C",
        "back": "the board is back",
        "gone": "the board did not come back",
    }

    def happened(event: Event) -> None:
        say(words[event.kind])

    return Device(args.port, args.timeout, baud=args.baud, on_event=happened)


def add_book(parser: argparse.ArgumentParser, says: str = "the book; without it, the default book") -> None:
    """Which book to play; with --json."""
    parser.add_argument("--book", type=Path, metavar="FILE", help=says)
    add_trust(parser)
    add_json(parser)


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Keys to trust beside the user's own."""
    parser.add_argument("--trust", type=Path, action="append", default=[], metavar="PEM", help="trust this key as well")


def ip(text: str) -> str:
    """HOST or HOST:PORT, as udp://…; an IPv6 address with a port stands in brackets."""
    bare = text.count(":") > 1 and not text.startswith("[")
    url = f"udp://[{text}]" if bare else f"udp://{text}"
    if "://" in text or not text.strip():
        raise UsageError(f"{text!r} is no host", "give its name or address, such as --ip limonaire.local")
    return url


def seconds(text: str) -> float:
    """A duration as it is typed: 30, 30s, 1.5min."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|min)?", text)
    if not match or float(match[1]) <= 0:
        raise UsageError(f"{text!r} is no duration", "give seconds or minutes, such as 30s or 1.5min")
    return float(match[1]) * (60.0 if match[2] == "min" else 1.0)


def block(text: str) -> int:
    """Frames of a block: a multiple of 128."""
    frames = whole(128, 2048)(text)
    if frames % 128:
        raise UsageError(f"a block cannot have {frames} frames", "give a multiple of 128")
    return frames


def sample_rate(text: str) -> int:
    """A sample rate in Hz."""
    from gen_core.synth.layout import HIGHEST_RATE_HZ, LOWEST_RATE_HZ

    return whole(LOWEST_RATE_HZ, HIGHEST_RATE_HZ)(text)


def length(text: str) -> tuple[float, str]:
    """The length of a piece: (30.0, "s") or (8.0, "bars")."""
    match = re.fullmatch(r"(\d+)\s*bars?", text)
    if match and int(match[1]) > 0:
        return float(match[1]), "bars"
    try:
        return seconds(text), "s"
    except UsageError:
        raise UsageError(f"{text!r} is no length", "give seconds, minutes or bars: 30s, 2min, 8bars") from None


def seed(text: str) -> int:
    """A seed of the composer, within the range that the parameter `seed` declares."""
    return int(SEED.parse(text))


def whole(low: int, high: int) -> Callable[[str], int]:
    """A type for whole numbers of a range."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"\d+", text) or not low <= int(text) <= high:
            raise UsageError(f"{text!r} is out of range", f"give a whole number from {low} to {high}")
        return int(text)

    return parse


def assignment(text: str) -> tuple[str, str]:
    """`id=value` → its two halves."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise UsageError(f"{text!r} sets nothing", "write id=value, such as energy=0.8")
    return name, value


def outputs(paths: list[Path], allowed: tuple[str, ...]) -> dict[str, Path]:
    """Output files by suffix, such as {".mid": …}; UsageError for a suffix that cannot be written or comes twice."""
    by_suffix: dict[str, Path] = {}
    for path in paths:
        suffix = path.suffix.lower()
        if suffix not in allowed or suffix in by_suffix:
            fault = "a second file of its kind" if suffix in by_suffix else "not of a kind that can be written"
            raise UsageError(f"{path} is {fault}", f"give at most one each of {' '.join(allowed)}")
        by_suffix[suffix] = path
    return by_suffix
