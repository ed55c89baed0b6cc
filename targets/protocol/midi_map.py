"""Which MIDI controller moves which parameter, and how far a message moves it.

A controller is written as `cc 74`, `cc 74 on 2` (of one channel, from 1) or `nrpn 300`. Without a map of the user's
own every parameter can be reached all the same: by its NRPN, which is its place among the declarations, and the most
common ones by the controller that the MIDI standard names for such a thing (Sound Controllers: MIDI 1.0, RP-021).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param, find

CONTROL_CHANGE = 0xB0
DRUM_CHANNEL = 9  # from 0; channel 10 of General MIDI
ALL_CHANNEL = 15  # where volume is that of the whole mix
DATA_MSB, DATA_LSB, INCREMENT, DECREMENT, NRPN_LSB, NRPN_MSB, RPN_LSB, RPN_MSB = 6, 38, 96, 97, 98, 99, 100, 101
NULL = (127, 127)  # the number that means: none
_LARGEST = (1 << 14) - 1
_WRITTEN = re.compile(r"(cc|nrpn)\s+(\d+)(?:\s+on\s+(\d+))?")
# Of every part, on its channel; then of the whole, on any.
PART_CONTROLLERS = {7: "level", 74: "brightness", 73: "attack", 72: "decay", 91: "space", 70: "drive"}
WHOLE_CONTROLLERS = {1: "energy", 2: "density", 16: "tension", 17: "valence", 18: "register", 19: "repeat"}


class Controller(NamedTuple):
    """A knob as MIDI names it. `channel` counts from 0; None is any."""

    kind: str  # cc or nrpn
    number: int  # 0..127, of an NRPN 0..16383
    channel: int | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.number}" + ("" if self.channel is None else f" on {self.channel + 1}")


class Move(NamedTuple):
    """A controller that was moved: to `position` 0..1, or by `step` of its smallest steps."""

    controller: Controller
    position: float
    step: int = 0


Map = dict[Controller, str]  # controller → id of a parameter


def parse(text: str) -> Controller:
    """A controller from its written form. UsageError if it is none."""
    match = _WRITTEN.fullmatch(text.strip().lower())
    largest = {"cc": 119, "nrpn": _LARGEST}.get(match[1], 0) if match else 0  # from 120 on they are channel modes
    channel = int(match[3]) - 1 if match and match[3] else None
    if not match or int(match[2]) > largest or (channel is not None and not 0 <= channel < 16):
        raise UsageError(f"{text!r} is no MIDI controller", "write it as cc 74, cc 74 on 2 or nrpn 300")
    return Controller(match[1], int(match[2]), channel)


def channel_of(part: int, name: str) -> int:
    """The channel of a part, from 0: drums where General MIDI has them, the others in their order around it."""
    if name == "drums":
        return DRUM_CHANNEL
    return part + (part >= DRUM_CHANNEL)


def part_names(params: Mapping[str, Param]) -> list[str]:
    """The parts of a book in their order: whatever has a level of its own."""
    return [name.removeprefix("level.") for name in params if name.startswith("level.")]


def standard(params: Mapping[str, Param]) -> Map:
    """What moves what where nobody has said anything."""
    found: Map = {Controller("nrpn", number): name for number, name in enumerate(params)}
    found |= {Controller("cc", number): name for number, name in WHOLE_CONTROLLERS.items()}
    found[Controller("cc", 7, ALL_CHANNEL)] = "volume"
    for part, name in enumerate(part_names(params)):
        channel = channel_of(part, name)
        found |= {Controller("cc", number, channel): f"{knob}.{name}" for number, knob in PART_CONTROLLERS.items()}
    return {controller: name for controller, name in found.items() if name in params}


def mapped(table: Mapping[str, str], params: Mapping[str, Param]) -> Map:
    """The user's own words as a map. UsageError names what is no controller or no parameter."""
    return {parse(written): find(params, name).id for written, name in table.items()}


def target(map_: Map, controller: Controller) -> str | None:
    """The parameter that a controller moves: one of its channel goes before one of any."""
    return map_.get(controller) or map_.get(controller._replace(channel=None))


class Reader:
    """Puts control changes together: plain ones, and the four messages of an NRPN. One for each port."""

    def __init__(self) -> None:
        self._selected: dict[int, list[int]] = {}  # by channel: MSB and LSB of the NRPN that data goes to
        self._coarse: dict[Controller, int] = {}  # the last MSB of its data
        self._fine: set[Controller] = set()  # those that send an LSB as well: their MSB alone is not all of it

    def feed(self, message: Sequence[int]) -> Iterator[Move]:
        """What one MIDI message moves: nothing or one controller."""
        if len(message) != 3 or message[0] & 0xF0 != CONTROL_CHANGE:
            return
        channel, number, value = message[0] & 0x0F, message[1], message[2]
        if number in (NRPN_MSB, NRPN_LSB):
            self._selected.setdefault(channel, [*NULL])[number == NRPN_LSB] = value
        elif number in (RPN_MSB, RPN_LSB):  # a registered number is none of ours: its data is not for us
            self._selected.pop(channel, None)
        elif number in (DATA_MSB, DATA_LSB, INCREMENT, DECREMENT):
            yield from self._data(channel, number, value)
        elif number < 120:
            yield Move(Controller("cc", number, channel), value / 127)

    def _data(self, channel: int, number: int, value: int) -> Iterator[Move]:
        selected = self._selected.get(channel, [*NULL])
        if tuple(selected) == NULL:
            return
        controller = Controller("nrpn", selected[0] << 7 | selected[1], channel)
        if number in (INCREMENT, DECREMENT):
            yield Move(controller, 0.0, 1 if number == INCREMENT else -1)
        elif number == DATA_MSB:
            self._coarse[controller] = value
            # Without an LSB the MSB is all there is, and its largest must mean the end of the range.
            yield Move(controller, (value << 7) / _LARGEST if controller in self._fine else value / 127)
        else:
            self._fine.add(controller)
            yield Move(controller, (self._coarse.get(controller, 0) << 7 | value) / _LARGEST)


def moved(param: Param, move: Move, now: float) -> float:
    """The value that a move asks for, in the parameter's unit; `now` is where a step begins."""
    if not move.step:
        return param.clamp(param.from_unit(move.position))
    if param.kind != "float":
        return param.clamp(now + move.step)
    return param.clamp(param.from_unit(min(max(param.to_unit(now) + move.step / 127, 0.0), 1.0)))
