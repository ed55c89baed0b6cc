"""A second reading of docs/design.md, "Constraints": plain arithmetic over finished notes, no code of the masks.

Notes are (tick, part, pitch, duration, velocity), 480 ticks a quarter. A note reaches from the grid step nearest to its
onset to the one nearest to its end; polyphony and the end of the piece are counted to the tick.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

TICKS, GRID = 480, 20  # a quarter, a step
NAMES = {"C": 0, "Db": 1, "D": 2, "Eb": 3, "E": 4, "F": 5, "F#": 6, "Gb": 6, "G": 7, "G#": 8, "Ab": 8, "A": 9,
         "Bb": 10, "B": 11}  # fmt: skip
KINDS = {  # spelled on C: tones; what may pass between them
    "": ("C E G", "D F A B"), "m": ("C Eb G", "D F A Bb"), "dim": ("C Eb Gb", "Db F Ab Bb"),
    "aug": ("C E G#", "D F# Bb"), "5": ("C G", "D F A Bb"), "sus2": ("C D G", "F A Bb"), "sus4": ("C F G", "D A Bb"),
    "6": ("C E G A", "D F B"), "m6": ("C Eb G A", "D F Bb"), "7": ("C E G Bb", "D F A"), "maj7": ("C E G B", "D F A"),
    "m7": ("C Eb G Bb", "D F A"), "mmaj7": ("C Eb G B", "D F A"), "m7b5": ("C Eb Gb Bb", "Db F Ab"),
    "dim7": ("C Eb Gb A", "D F Ab B"), "aug7": ("C E G# Bb", "D F#"), "7sus4": ("C F G Bb", "D A"),
    "9": ("C E G Bb D", "F A"), "maj9": ("C E G B D", "F A"), "m9": ("C Eb G Bb D", "F A"),
    "add9": ("C E G D", "F A B"),
}  # fmt: skip


@dataclass(frozen=True)
class Part:
    """Who plays: percussion or the keys low..high, notes in a stroke, notes at once."""

    drums: bool
    low: int
    high: int
    chord: int
    polyphony: int


@dataclass(frozen=True)
class Wanted:
    """One set of constraints. `sheet`: symbols by bar, equal shares, over and over; empty: no chords."""

    parts: tuple[Part, ...]
    scale: frozenset[int]
    meter: str
    bars: int
    sheet: tuple[tuple[str, ...], ...] = ()
    home: frozenset[int] | None = None  # the sheet's key

    @property
    def bar(self) -> int:
        """Ticks of a bar."""
        above, below = map(int, self.meter.split("/"))
        return above * 4 * TICKS // below

    @property
    def beat(self) -> int:
        """Ticks of a beat."""
        above, below = map(int, self.meter.split("/"))
        return 4 * TICKS // below * (3 if below >= 8 and above in (6, 9, 12, 15, 18, 21, 24) else 1)

    def changes(self) -> list[tuple[int, str]]:
        """Ticks at which a chord begins, with its symbol, in order, until the end of the piece."""
        return [
            (bar * self.bar + place * self.bar // len(symbols), symbol)
            for bar in range(self.bars if self.sheet else 0)
            for symbols in [self.sheet[bar % len(self.sheet)]]
            for place, symbol in enumerate(symbols)
        ]

    def chord(self, symbol: str) -> tuple[set[int], set[int], int]:
        """On beats, elsewhere, and the bass behind the slash (-1: none), as pitch classes within the scale."""
        everything = set(range(12) if self.home is None else self.home)
        if symbol == "N.C.":
            return everything & self.scale, everything & self.scale, -1
        match = re.fullmatch(r"([A-G][b#]?)([^/]*)(?:/([A-G][b#]?))?", symbol)
        root, kind, bass = match.groups()
        tones, between = ({(NAMES[root] + NAMES[name]) % 12 for name in names.split()} for names in KINDS[kind])
        tones |= {NAMES[bass]} if bass else set()
        if self.home is not None and tones <= self.home:
            between = set(self.home)
        return tones & self.scale, (tones | between) & self.scale, NAMES[bass] if bass else -1

    @property
    def lowest(self) -> int:
        """The part that plays the bass: the lowest range, of equals the last; -1 without a pitched part."""
        pitched = [(part.low, -number) for number, part in enumerate(self.parts) if not part.drums]
        return -min(pitched)[1] if pitched else -1


def violations(wanted: Wanted, notes: Iterable[Sequence[int]]) -> list[str]:
    """What `notes` break of `wanted`, a line each."""
    notes = [tuple(note) for note in notes]
    found = [line for note in notes for line in _alone(wanted, note)]
    found += [line for number in range(len(wanted.parts)) for line in _together(wanted, number, notes)]
    if wanted.sheet:
        changes = wanted.changes()
        found += [line for note in notes if not wanted.parts[note[1]].drums for line in _chords(wanted, note, changes)]
        found += _basses(wanted, notes, changes)
    return found


def satisfiable(wanted: Wanted) -> bool:
    """Whether every pitched part has a key on every step of the piece: each step is tried."""
    changes = wanted.changes()
    ticks = range(0, wanted.bars * wanted.bar, GRID)
    for symbol, on_beat in {(symbol_at(changes, tick), tick % wanted.bar % wanted.beat == 0) for tick in ticks}:
        allowed = wanted.scale if symbol is None else wanted.chord(symbol)[0 if on_beat else 1]
        for part in wanted.parts:
            if not part.drums and not any(key % 12 in allowed for key in range(part.low, part.high + 1)):
                return False
    return True


def symbol_at(changes: list[tuple[int, str]], tick: int) -> str | None:
    """The chord that holds at a tick."""
    return next((symbol for at, symbol in reversed(changes) if at <= tick), None)


def _alone(wanted: Wanted, note: tuple[int, ...]) -> list[str]:
    tick, number, pitch, duration, velocity = note
    part = wanted.parts[number]
    low, high = (27, 87) if part.drums else (part.low, part.high)
    checks = {
        "range": low <= pitch <= high,
        "scale": part.drums or pitch % 12 in wanted.scale,
        "end": tick >= 0 and duration >= 1 and tick + duration <= wanted.bars * wanted.bar,
        "velocity": 1 <= velocity <= 127,
    }
    return [f"{name}: {note}" for name, kept in checks.items() if not kept]


def _together(wanted: Wanted, number: int, notes: list[tuple[int, ...]]) -> list[str]:
    """Notes of one part in one stroke, and sounding at once."""
    own, part = [note for note in notes if note[1] == number], wanted.parts[number]
    strokes: dict[int, list[int]] = {}
    for note in own:
        strokes.setdefault(_on_grid(note[0]), []).append(note[2])
    crowded = {at: keys for at, keys in strokes.items() if len(keys) > part.chord or len(set(keys)) < len(keys)}
    found = [f"stroke: part {number} at {at}: {keys}" for at, keys in crowded.items()]
    sounding = 0
    for tick, begins in sorted([(note[0], 1) for note in own] + [(note[0] + note[3], 0) for note in own]):
        sounding += 1 if begins else -1  # at one tick ends come first
        if sounding > part.polyphony:
            found.append(f"polyphony: part {number} at tick {tick}: {sounding}")
    return found


def _chords(wanted: Wanted, note: tuple[int, ...], changes: list[tuple[int, str]]) -> list[str]:
    start, end = _on_grid(note[0]), _on_grid(note[0] + note[3])
    here, pitch_class = symbol_at(changes, start), note[2] % 12
    strong, weak, _ = wanted.chord(here)
    allowed = strong if start % wanted.bar % wanted.beat == 0 else weak
    found = [] if pitch_class in allowed else [f"chord {here}: {note}"]
    later = [(at, symbol) for at, symbol in changes if start < at < end]
    wrong = [(at, symbol) for at, symbol in later if pitch_class not in wanted.chord(symbol)[1]]
    return found + [f"sounds into {symbol} at {at}: {note}" for at, symbol in wrong]


def _basses(wanted: Wanted, notes: list[tuple[int, ...]], changes: list[tuple[int, str]]) -> list[str]:
    """Behind a slash: the lowest note of the lowest part's stroke on the change, where the part has that tone."""
    found, number = [], wanted.lowest
    for at, symbol in changes if number >= 0 else []:
        bass, part = wanted.chord(symbol)[2], wanted.parts[number]
        within = bass in wanted.scale and any(key % 12 == bass for key in range(part.low, part.high + 1))
        stroke = [note[2] for note in notes if note[1] == number and _on_grid(note[0]) == at]
        if within and stroke and min(stroke) % 12 != bass:
            found.append(f"bass of {symbol} at {at}: {min(stroke)}")
    return found


def _on_grid(tick: int) -> int:
    """The tick of the nearest step."""
    return (tick + GRID // 2) // GRID * GRID
