"""Between MIDI and the board's OSC, both ways, without a port: messages in, messages out, and a clock handed in.

In: controllers move parameters, notes play along, a clock leads the tempo. Out: the notes of every part on a channel
of its own, and a clock.
"""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param
from gen_core.spec.time import TICKS_PER_QUARTER, ticks_to_seconds
from targets.protocol import midi_map, osc
from targets.protocol.midi_clock import Follower, Place, Ticker

NOTE_OFF, NOTE_ON = 0x80, 0x90
REAL_TIME = 0xF8  # from here on: a message of one byte that may stand anywhere
MOST_PARTS = 15  # channels, without that of the drums
TEMPO_STEP_BPM = 0.05  # finer is not worth a message
TEMPO_EVERY_S = 0.25


@dataclass(frozen=True, kw_only=True)
class Ways:
    """What a bridge carries. `play`: the part that incoming notes play, "" for the part of their channel."""

    controllers: bool = True
    notes_in: bool = True
    play: str = ""
    clock_in: bool = False
    notes_out: bool = True
    clock_out: bool = False


@dataclass
class Bridge:
    """One board and one pair of MIDI ports. Times are seconds of one clock that never goes back."""

    params: Mapping[str, Param]
    map: midi_map.Map
    ways: Ways = field(default_factory=Ways)
    values: dict[str, float] = field(default_factory=dict)  # what is set, as far as is known here
    place: Place | None = None  # where the board is; whoever hears it say so writes it here

    def __post_init__(self) -> None:
        self.parts = midi_map.part_names(self.params)
        if self.ways.play and self.ways.play not in self.parts:
            raise UsageError(f"there is no part {self.ways.play!r}", f"it has {', '.join(self.parts) or 'none'}")
        self._channels = [midi_map.channel_of(part, name) for part, name in enumerate(self.parts)]
        self._reader, self._follower, self._ticker = midi_map.Reader(), Follower(), Ticker()
        self._ends: list[tuple[float, bytes]] = []  # of notes that sound, the next one first
        self._tempo_s, self._tempo_bpm = -TEMPO_EVERY_S, 0.0

    def from_midi(self, message: bytes, now_s: float) -> list[osc.Message]:
        """What one message from MIDI tells the board."""
        if not message:
            return []
        if message[0] >= REAL_TIME:
            return self._clock(message[0], now_s)
        if len(message) == 3 and message[0] & 0xE0 == NOTE_OFF:  # 8n and 9n
            return self._note(message)
        return [told for move in self._reader.feed(message) for told in self._moved(move)]

    def from_board(self, message: osc.Message, now_s: float) -> list[bytes]:
        """What one message from the board tells MIDI."""
        if message.address == "/note" and self.ways.notes_out and len(message.args) == 5:
            return self._sound(now_s, *(int(arg) for arg in message.args[1:]))
        if message.address == "/ack" and len(message.args) >= 2:
            self.values[str(message.args[0])] = float(message.args[1])
        return []

    def due(self, now_s: float) -> list[bytes]:
        """What is to be sent to MIDI by now: notes that end, ticks of the clock. Call it every millisecond or two."""
        sent = []
        while self._ends and self._ends[0][0] <= now_s:
            sent.append(heapq.heappop(self._ends)[1])
        if self.ways.clock_out and self.place:
            sent += self._ticker.due(self.place.quarters_at(now_s))
        return sent

    def silence(self) -> list[bytes]:
        """The ends of all notes that sound, for when the bridge is taken down."""
        ends, self._ends = [end for _, end in self._ends], []
        return ends

    def _clock(self, status: int, now_s: float) -> list[osc.Message]:
        if not self.ways.clock_in:
            return []
        self._follower.feed(status, now_s)
        if now_s - self._tempo_s < TEMPO_EVERY_S or "bpm" not in self.params:
            return []
        bpm = self._follower.tempo(self.place)
        if bpm is None or abs(bpm - self._tempo_bpm) < TEMPO_STEP_BPM:
            return []
        self._tempo_s, self._tempo_bpm = now_s, bpm
        return [osc.Message("/param/bpm", (self.params["bpm"].clamp(bpm),))]

    def _note(self, message: bytes) -> list[osc.Message]:
        channel, pitch, velocity = message[0] & 0x0F, message[1], message[2]
        part = self.parts.index(self.ways.play) if self.ways.play else _index(self._channels, channel)
        if not self.ways.notes_in or part is None:
            return []
        on = message[0] & 0xF0 == NOTE_ON
        return [osc.Message("/play", (self.parts[part], pitch, velocity if on else 0))]

    def _moved(self, move: midi_map.Move) -> Iterable[osc.Message]:
        name = midi_map.target(self.map, move.controller)
        if not self.ways.controllers or name is None:
            return
        param = self.params[name]
        value = midi_map.moved(param, move, self.values.get(name, param.default))
        self.values[name] = value
        yield osc.Message(f"/param/{name}", (float(value),))

    def _sound(self, now_s: float, part: int, pitch: int, duration: int, velocity: int) -> list[bytes]:
        if not (0 <= part < MOST_PARTS and 0 <= pitch < 128 and 0 < velocity < 128 and duration > 0):
            return []
        channel = self._channels[part] if part < len(self._channels) else midi_map.channel_of(part, "")
        bpm = self.place.bpm if self.place else self.values.get("bpm", 120.0)
        end = bytes([NOTE_OFF | channel, pitch, 0])
        again = [entry for entry in self._ends if entry[1] == end]  # struck again before its end
        self._ends = [entry for entry in self._ends if entry[1] != end]
        heapq.heapify(self._ends)
        heapq.heappush(self._ends, (now_s + ticks_to_seconds(duration, bpm), end))
        return [*(entry[1] for entry in again), bytes([NOTE_ON | channel, pitch, velocity])]


def place(tick: int, bpm: float, at_s: float) -> Place:
    """The board's word of where it is: `tick` of 480 a quarter, heard to have been true at `at_s`."""
    return Place(at_s, tick / TICKS_PER_QUARTER, bpm)


def _index(channels: list[int], channel: int) -> int | None:
    return channels.index(channel) if channel in channels else None
