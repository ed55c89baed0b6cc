"""A Standard MIDI file as a synthesizer hears it: parts, notes in seconds, levels, pedals.

Read here and not through the score that the composer learns from, because a player needs what a score leaves out: the
channel, the kit that a percussion channel asks for, volume, pedal, and notes that nobody ends. After the Standard MIDI
Files 1.0 specification and General MIDI System Level 1 (MIDI Manufacturers Association, 1996 and 1991).
"""

from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.errors import UsageError

PERCUSSION = 9  # the channel that General MIDI calls 10
_PROGRAM, _VOLUME, _EXPRESSION, _PEDAL = -1, 7, 11, 64  # a program change, and three controllers
_VOLUME_AT_START = 100  # General MIDI; here it is an instrument as it was made
_DOWN = 64  # from here on a pedal is down
_HEADER_BYTES, _NEAR_BYTES = 14, 64  # some files begin with a wrapper of another kind
_LONGEST_S = 86_400.0
_AGAIN = "export it again as MIDI type 0 or 1"

NOTE = np.dtype([("start", "<f8"), ("end", "<f8"), ("part", "<i4"), ("pitch", "<i2"), ("velocity", "<i2")])  # seconds
Events = list[tuple[int, int]]  # (tick, value), ascending
_TICK = itemgetter(0)


class Part(NamedTuple):
    """Notes of one track and channel under one program, 0..127; in percussion the program is a kit's."""

    name: str
    program: int
    percussion: bool


@dataclass(frozen=True)
class Song:
    """`notes` (n,) of NOTE, sorted by start; `levels`: (s, part, gain), where 1 is as the instrument was made.

    `tempos`: (s, quarters a minute), for echoes in time.
    """

    parts: tuple[Part, ...]
    notes: NDArray[np.void]
    levels: tuple[tuple[float, int, float], ...]
    tempos: tuple[tuple[float, float], ...]


@dataclass
class _Track:
    """What one track says, by channel: notes as (on, off, pitch, velocity) in ticks, controllers and programs."""

    name: str = ""
    notes: dict[int, list[tuple[int, int, int, int]]] = field(default_factory=lambda: defaultdict(list))
    controls: dict[tuple[int, int], Events] = field(default_factory=lambda: defaultdict(list))
    tempos: Events = field(default_factory=list)  # microseconds a quarter
    held: dict[tuple[int, int], deque[tuple[int, int]]] = field(default_factory=lambda: defaultdict(deque))


def read(path: Path) -> Song:
    """Read a file. UsageError where it is no MIDI file, damaged, holds no notes, or lasts longer than a day."""
    if not path.is_file():
        raise UsageError(f"{path} does not exist", "give the path of a MIDI file")
    return parse(path.read_bytes(), str(path))


def parse(data: bytes, name: str) -> Song:
    """The same from bytes; `name` is for the error."""
    begin = data.find(b"MThd", 0, _NEAR_BYTES)
    if begin < 0:
        raise UsageError(f"{name} {'is no MIDI file' if data else 'is empty'}", "give a Standard MIDI file (.mid)")
    try:
        tracks, per_quarter = _tracks(data[begin:])
    except (IndexError, ValueError):
        raise UsageError(f"{name} is damaged or cut short", _AGAIN) from None
    parts, rows, levels = _parts(tracks)
    if not rows:
        raise UsageError(f"{name} holds no notes", "give a MIDI file with notes in it")
    clock = _Clock(tracks, per_quarter)
    notes = _notes(rows, clock)
    if not notes["end"].max() <= _LONGEST_S:
        raise UsageError(f"{name} lasts {notes['end'].max() / 3600:.0f} hours", "cut it to a day or less")
    at = clock.seconds(np.array([tick for tick, _, _ in levels], np.int64)).tolist()
    timed = [(second, part, gain) for second, (_, part, gain) in zip(at, levels, strict=True)]
    return Song(tuple(parts), notes, tuple(sorted(timed, key=_TICK)), clock.tempos())


# -- bytes -----------------------------------------------------------------------------------------------------------
def _tracks(data: bytes) -> tuple[list[_Track], float]:
    """Tracks, and ticks a quarter (negative: ticks a second). IndexError or ValueError where the file is damaged."""
    length, kind, _, division = (int.from_bytes(data[a:b]) for a, b in ((4, 8), (8, 10), (10, 12), (12, 14)))
    if len(data) < _HEADER_BYTES or kind > 2 or division in (0, 0x8000):
        raise ValueError
    frames_s = 256 - (division >> 8)
    per_quarter = -float(frames_s * (division & 255)) if division & 0x8000 else float(division)
    if not per_quarter:
        raise ValueError
    tracks, at = [], 8 + length
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8])
        if at + 8 + size > len(data):
            raise ValueError
        if data[at : at + 4] == b"MTrk":
            tracks.append(_track(data[at + 8 : at + 8 + size], int(abs(per_quarter))))
        at += 8 + size
    return tracks, per_quarter


def _track(data: bytes, quarter: int) -> _Track:
    """One track; what is still held at its end is let go there, after a quarter at least."""
    track, tick = _Track(), 0
    for tick, status, body in _messages(data):
        kind, channel = status & 0xF0, status & 15
        if status == 0xFF:
            _meta(track, tick, body)
        elif kind in (0x80, 0x90):
            _key(track, tick, channel, body[0] & 127, body[1] & 127 if kind == 0x90 else 0)
        elif kind == 0xC0:
            track.controls[channel, _PROGRAM].append((tick, body[0] & 127))
        elif kind == 0xB0:
            track.controls[channel, body[0]].append((tick, body[1] & 127))
    for (channel, pitch), waiting in track.held.items():
        track.notes[channel] += [(on, max(tick, on + quarter), pitch, velocity) for on, velocity in waiting]
    return track


def _messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(tick, status, body) of every message; for a meta event the body begins with its type."""
    at = tick = running = 0
    while at < len(data):
        delta, at = _quantity(data, at)
        tick += delta
        status = data[at] if data[at] & 0x80 else running
        at += data[at] >> 7
        if status == 0xFF:
            length, body = _quantity(data, at + 1)
            kind, at = data[at], body + length
            if at > len(data):
                raise ValueError
            yield tick, status, bytes([kind]) + data[body:at]
            if kind == 0x2F:
                return
        elif status in (0xF0, 0xF7):
            length, at = _quantity(data, at)
            at += length
        elif 0x80 <= status < 0xF0:
            running, size = status, 1 if status & 0xE0 == 0xC0 else 2
            if at + size > len(data):
                raise ValueError
            yield tick, status, data[at : at + size]
            at += size
        else:
            raise ValueError
    if at > len(data):
        raise ValueError


def _quantity(data: bytes, at: int) -> tuple[int, int]:
    """A variable-length quantity of at most four bytes, and where what follows it begins."""
    value = 0
    for _ in range(4):
        value = value << 7 | data[at] & 127
        at += 1
        if not data[at - 1] & 0x80:
            return value, at
    raise ValueError


def _meta(track: _Track, tick: int, body: bytes) -> None:
    if body[0] == 0x51 and len(body) == 4:
        track.tempos.append((tick, int.from_bytes(body[1:])))
    elif body[0] == 0x03 and not track.name:
        track.name = body[1:].decode("utf-8", "replace").strip()


def _key(track: _Track, tick: int, channel: int, pitch: int, velocity: int) -> None:
    """A key struck, or, at velocity 0, let go: the one struck first goes first."""
    waiting = track.held[channel, pitch]
    if velocity:
        waiting.append((tick, velocity))
    elif waiting:
        on, loud = waiting.popleft()
        track.notes[channel].append((on, tick, pitch, loud))


# -- parts -----------------------------------------------------------------------------------------------------------
Rows = list[tuple[int, int, int, int, int]]  # on, off, part, pitch, velocity; ticks


def _parts(tracks: Sequence[_Track]) -> tuple[list[Part], Rows, list[tuple[int, int, float]]]:
    """Parts in order of track and first note, their notes, and their levels (tick, part, gain)."""
    parts: list[Part] = []
    rows: Rows = []
    levels: list[tuple[int, int, float]] = []
    for track in tracks:
        for channel in sorted(track.notes):
            programs = _said(tracks, track, channel, _PROGRAM)
            pedal = _Pedal([] if channel == PERCUSSION else _said(tracks, track, channel, _PEDAL))
            known: dict[int, int] = {}
            for on, off, pitch, velocity in sorted(track.notes[channel]):
                program = _at(programs, on, 0)
                if program not in known:
                    known[program] = len(parts)
                    parts.append(Part(track.name, program, channel == PERCUSSION))
                rows.append((on, pedal.end(off), known[program], pitch, velocity))
            gains = _gains(*(_said(tracks, track, channel, control) for control in (_VOLUME, _EXPRESSION)))
            levels += [(tick, part, gain) for tick, gain in gains for part in known.values()]
    return parts, rows, levels


def _said(tracks: Sequence[_Track], track: _Track, channel: int, control: int) -> Events:
    """What the track says of a channel; where it says nothing, what all tracks say of it.

    So a file that sets channels up in a track of their own sounds right, and one with all of its tracks on one channel.
    """
    own = track.controls.get((channel, control))
    return own or sorted((e for other in tracks for e in other.controls.get((channel, control), ())), key=_TICK)


def _at(events: Events, tick: int, otherwise: int) -> int:
    """The value that rules at a tick."""
    before = bisect_right(events, tick, key=_TICK)
    return events[before - 1][1] if before else otherwise


def _gains(volumes: Events, expressions: Events) -> list[tuple[int, float]]:
    """(tick, gain) of a channel: 40 log10(value / 127) dB each, as General MIDI recommends."""
    ticks = sorted({tick for tick, _ in (*volumes, *expressions)})
    pairs = [(tick, _at(volumes, tick, _VOLUME_AT_START), _at(expressions, tick, 127)) for tick in ticks]
    return [(tick, (volume / _VOLUME_AT_START) ** 2 * (loud / 127) ** 2) for tick, volume, loud in pairs]


class _Pedal:
    """Keeps keys sounding that are let go while it is down."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._up: list[int | None] = []  # for each event, the tick at which the pedal is up again
        for tick, value in reversed(events):
            self._up.append(tick if value < _DOWN else self._up[-1] if self._up else None)
        self._up.reverse()

    def end(self, off: int) -> int:
        """Where a note ends whose key is let go at `off`."""
        at = bisect_right(self._events, off, key=_TICK) - 1
        up = self._up[at] if at >= 0 else None
        return off if up is None else max(up, off)


# -- time ------------------------------------------------------------------------------------------------------------
class _Clock:
    """Ticks to seconds through every change of tempo, whichever track it stands in."""

    def __init__(self, tracks: Sequence[_Track], per_quarter: float) -> None:
        tempos = {tick: tempo for track in tracks for tick, tempo in sorted(track.tempos) if tempo}
        if per_quarter < 0:  # film time knows no tempo: as many ticks a second
            tempos, per_quarter = {0: 1_000_000}, -per_quarter
        pairs = sorted({0: 500_000, **tempos}.items())
        self._edges = np.array([tick for tick, _ in pairs], np.int64)
        self._rates = np.array([tempo for _, tempo in pairs]) / (1e6 * per_quarter)  # seconds a tick
        self.quarter = per_quarter
        self._at_edges = np.concatenate([[0.0], np.cumsum(np.diff(self._edges) * self._rates[:-1])])

    def seconds(self, ticks: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n,) → (n,)."""
        last = np.searchsorted(self._edges, ticks, side="right") - 1
        return np.asarray(self._at_edges[last] + (ticks - self._edges[last]) * self._rates[last])


    def tempos(self) -> tuple[tuple[float, float], ...]:
        """(s, quarters a minute)."""
        return tuple(zip(self._at_edges.tolist(), (60.0 / (self._rates * self.quarter)).tolist(), strict=True))


def _notes(rows: Rows, clock: _Clock) -> NDArray[np.void]:
    """Rows in seconds. A key that is struck again ends what it held; of the same key struck twice at once one stays."""
    on, off, part, pitch, velocity = np.array(rows, np.int64).T
    order = np.lexsort((-velocity, on, pitch, part))
    on, off, part, pitch, velocity = (column[order] for column in (on, off, part, pitch, velocity))
    same = (np.diff(part) == 0) & (np.diff(pitch) == 0)
    once = np.concatenate([[True], ~(same & (np.diff(on) == 0))])
    on, off, part, pitch, velocity = (column[once] for column in (on, off, part, pitch, velocity))
    same = (np.diff(part) == 0) & (np.diff(pitch) == 0)
    off[:-1] = np.where(same, np.minimum(off[:-1], on[1:]), off[:-1])
    notes = np.empty(len(on), NOTE)
    given: dict[str, Any] = {"start": clock.seconds(on), "end": clock.seconds(off)}
    for name, column in (given | {"part": part, "pitch": pitch, "velocity": velocity}).items():
        notes[name] = column
    notes.sort(order=("start", "part", "pitch"))
    return notes
