"""Chord symbols: what a player of lead sheets reads in `Am`, `F#m7b5` or `C/E`.

Each kind has its tones and its chord scale: the notes that pass between the tones without leaving the chord (after
Levine, "The Jazz Theory Book", 1995; of several scales that are taught, the one nearest to the plain key).
"""

import re
from dataclasses import dataclass

from gen_core.spec.errors import UsageError
from gen_core.spec.param import suggestion

_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
EVERY_PITCH_CLASS = tuple(range(12))

_IONIAN, _DORIAN, _MIXOLYDIAN = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 9, 10), (0, 2, 4, 5, 7, 9, 10)
_MELODIC_MINOR, _LOCRIAN = (0, 2, 3, 5, 7, 9, 11), (0, 1, 3, 5, 6, 8, 10)
_DIMINISHED, _WHOLE_TONE = (0, 2, 3, 5, 6, 8, 9, 11), (0, 2, 4, 6, 8, 10)
_SUSPENDED = (0, 2, 5, 7, 9, 10)  # mixolydian without the third that the chord holds back

KINDS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {  # semitones above the root: tones, chord scale
    "": ((0, 4, 7), _IONIAN),
    "m": ((0, 3, 7), _DORIAN),
    "dim": ((0, 3, 6), _LOCRIAN),
    "aug": ((0, 4, 8), _WHOLE_TONE),
    "5": ((0, 7), _SUSPENDED),
    "sus2": ((0, 2, 7), _SUSPENDED),
    "sus4": ((0, 5, 7), _SUSPENDED),
    "6": ((0, 4, 7, 9), _IONIAN),
    "m6": ((0, 3, 7, 9), _DORIAN),
    "7": ((0, 4, 7, 10), _MIXOLYDIAN),
    "maj7": ((0, 4, 7, 11), _IONIAN),
    "m7": ((0, 3, 7, 10), _DORIAN),
    "mmaj7": ((0, 3, 7, 11), _MELODIC_MINOR),
    "m7b5": ((0, 3, 6, 10), _LOCRIAN),
    "dim7": ((0, 3, 6, 9), _DIMINISHED),
    "aug7": ((0, 4, 8, 10), _WHOLE_TONE),
    "7sus4": ((0, 5, 7, 10), _SUSPENDED),
    "9": ((0, 2, 4, 7, 10), _MIXOLYDIAN),
    "maj9": ((0, 2, 4, 7, 11), _IONIAN),
    "m9": ((0, 2, 3, 7, 10), _DORIAN),
    "add9": ((0, 2, 4, 7), _IONIAN),
}
_SPELLINGS = {  # other ways to write a kind
    "maj": "", "M": "", "min": "m", "mi": "m", "-": "m", "o": "dim", "°": "dim", "+": "aug", "sus": "sus4",
    "M7": "maj7", "Δ": "maj7", "Δ7": "maj7", "j7": "maj7", "min7": "m7", "mi7": "m7", "-7": "m7", "mM7": "mmaj7",
    "m7-5": "m7b5", "ø": "m7b5", "ø7": "m7b5", "h7": "m7b5", "o7": "dim7", "°7": "dim7", "+7": "aug7", "7#5": "aug7",
    "M9": "maj9", "min9": "m9", "-9": "m9", "min6": "m6", "-6": "m6",
}  # fmt: skip
_NO_CHORD = ("N.C.", "NC")
_SYMBOL = re.compile(r"([A-G])([#b♯♭]?)([^/]*)(?:/([A-G])([#b♯♭]?))?")


@dataclass(frozen=True)
class Chord:
    """A chord as it is written. `tones`: pitch classes, the bass among them; `scale`: those that may pass between."""

    symbol: str
    root: int  # pitch class, 0 = C; -1 without a chord
    kind: str  # a key of KINDS, or N.C.
    tones: frozenset[int]
    scale: frozenset[int]  # holds the tones
    bass: int = -1  # the pitch class behind the slash; -1 without one


NO_CHORD = Chord("N.C.", -1, "N.C.", frozenset(EVERY_PITCH_CLASS), frozenset(EVERY_PITCH_CLASS))


def parse_chord(symbol: str) -> Chord:
    """Read a chord symbol. UsageError names one that cannot be read, with the nearest that can."""
    if symbol in _NO_CHORD:
        return NO_CHORD
    match = _SYMBOL.fullmatch(symbol)
    kind = _SPELLINGS.get(match[3], match[3]) if match else ""
    if not match or kind not in KINDS:
        raise UsageError(f"{symbol!r} is no chord symbol", _near(symbol))
    root = _pitch_class(match[1], match[2])
    bass = _pitch_class(match[4], match[5]) if match[4] else -1
    tones, scale = (frozenset((root + step) % 12 for step in steps) for steps in KINDS[kind])
    tones |= {bass} if match[4] else frozenset()
    return Chord(symbol, root, kind, tones, scale | tones, bass)


def _pitch_class(letter: str, accidental: str) -> int:
    return (_LETTERS[letter] + {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}[accidental]) % 12


def _near(symbol: str) -> str:
    """The nearest symbols: of the same root, if it has one."""
    capital = symbol[:1].upper() + symbol[1:]
    match = re.match(r"[A-G][#b♯♭]?", capital)
    roots = [match[0]] if match else ["B" if symbol[:1] in "Hh" else name for name in _NAMES]
    known = [root + kind for root in dict.fromkeys(roots) for kind in (*KINDS, *_SPELLINGS)]
    wanted = "B" + symbol[1:] if symbol[:1] in ("H", "h") else capital
    return suggestion(wanted, known) or "write root, kind and bass, such as Am7, F#dim, C/E, or N.C."
