"""An instrument as the board knows it: a row of the book's manifest, whose notes become lane values.

A row holds the sections of a patch file with all their values (`gen_core/synth/patches.py` makes and checks it), the
voice that it sounds on, and for each form which unit plays. A kit is a row that names, for each percussion key, the
row of a piece.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.spec.errors import UsageError, VerificationError
from gen_core.spec.param import Param, suggestion
from gen_core.synth.knobs import shaped
from gen_core.synth.plan import Plan
from gen_core.synth.registry import BY_NAME
from gen_core.synth.unit import NoteOn, Unit
from gen_core.synth.units.mixer import BUSES
from gen_core.synth.waves import WaveTables

_KEPT_BYTES = 4_000_000  # of sounds: 100 of struck strings, thousands of others
_ENVELOPE = ("attack", "attack_rate", "decay_rate", "sustain", "release_rate")
_AT_ONCE = np.array([0.0005, 2000.0, 1.0, 1.0, 300.0])  # a voice without an envelope: on, and off within a block


@dataclass(frozen=True)
class Sound:
    """What one note writes into its lane, and its gains before the part's level."""

    values: Mapping[str, Any]  # "slot.port" → the port's shape without its lanes
    gains: NDArray[np.float64]  # [buses], as the patch has them
    amplitude: NDArray[np.float64]  # [5]: the loudness envelope, as in units/envelope.py
    life_s: float  # after which nothing is left even of a held note
    key: float  # where it sounds
    noisy: bool  # does it need the noise that all voices share?
    bright: tuple[str, ...]  # values that the part's brightness raises: `values` has "NAME.brightness"


class Instrument:
    """One row. `choke` silences the group's other notes; a `one_shot` ignores its note-off."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.name, self.row = str(row["name"]), row
        self.choke = str(row.get("choke", ""))
        self.one_shot = bool(row.get("one_shot", False))
        self.kit = {int(key): str(piece) for key, piece in row.get("kit", {}).items()}
        self.voice = str(row.get("voice", ""))
        self.playing: Mapping[str, float] = row.get("play", {})
        self._fixed_pitch = row.get("pitch_key")
        self._times: dict[str, dict[str, Param]] = {}

    @property
    def mono(self) -> bool:
        """One note at a time: the next takes over where the last one was."""
        return bool(self.playing.get("mono", 0.0))

    def piece(self, pitch: int) -> str:
        """The kit's piece at or nearest to a percussion key."""
        return self.kit[min(self.kit, key=lambda known: (abs(known - pitch), known))]

    def sound(
        self, pitch: int, velocity: int, plan: Plan, tables: WaveTables, attack: float = 0.0, decay: float = 0.0
    ) -> Sound:
        """Lane values of a note: MIDI key 0..127, velocity 1..127; knobs -1..1. VerificationError for a broken row."""
        key = float(pitch if self._fixed_pitch is None else self._fixed_pitch)
        note = NoteOn(key, pitch, velocity, plan.layout(self.voice), tables)
        values: dict[str, Any] = {}
        life_s, noisy = math.inf, False
        try:
            row = shaped(self.row, self._ranges(plan), attack, decay)
            for slot, unit in self._units(plan):
                given = unit.prepare(row, note)
                values |= {f"{slot}.{name}": value for name, value in given.items()}
                life_s = min(life_s, float(given.get("life_s", math.inf)))
                noisy |= given.get("noisy", "noise" in {port.name for port in unit.inputs})
            gains = _gains(row["mix"], pitch, velocity)
        except KeyError as error:
            raise VerificationError(f"instrument {self.name} lacks {error}", "build the book again") from None
        bright = tuple(name.removesuffix(".brightness") for name in values if name.endswith(".brightness"))
        return Sound(values, gains, _amplitude(values), life_s, key, noisy, bright)

    def _units(self, plan: Plan) -> list[tuple[str, Unit]]:
        """The units of its voice, each form filled by what the row names."""
        chosen = self.row.get("units", {})
        slots = plan.voices[self.voice][0].slots
        return [(slot.name, BY_NAME[chosen[slot.name]] if slot.name in chosen else slot.unit) for slot in slots]

    def _ranges(self, plan: Plan) -> dict[str, dict[str, Param]]:
        """Numbers of every section by name, looked up once."""
        if not self._times:
            sections = {name: items for _, unit in self._units(plan) for name, items in unit.sections.items()}
            self._times = {
                name: {item.id: item for item in items if isinstance(item, Param)} for name, items in sections.items()
            }
        return self._times


def _gains(section: Mapping[str, float], pitch: int, velocity: int) -> NDArray[np.float64]:
    """[buses]; equal power between left and right. The drive's rows hold all: the clean part is taken off later."""
    gain = 10.0 ** ((section["gain_db"] - section["velocity_db"] * (1.0 - velocity / 127.0)) / 20.0)
    pan = min(max(section["pan"] + section["spread"] * (pitch - 60) / 24.0, -1.0), 1.0)
    angle = (pan + 1.0) * math.pi / 4.0
    left, right = math.cos(angle), math.sin(angle)
    sends = [section[name] for name in ("send", "echo", "chorus")]
    clean = 1.0 - section["drive"]
    return gain * np.array([left * clean, right * clean, *sends, left, right])


def _amplitude(values: Mapping[str, Any]) -> NDArray[np.float64]:
    if "envelope.attack" not in values:
        return _AT_ONCE
    return np.array([np.ravel(values[f"envelope.{name}"])[0] for name in _ENVELOPE], float)


assert len(BUSES) == 7


class Instruments:
    """All instruments of a book by name, with the tables that they share."""

    def __init__(self, instruments: Iterable[Instrument], plan: Plan) -> None:
        self.by_name = {instrument.name: instrument for instrument in instruments}
        self.plan, self.tables = plan, WaveTables()
        self._sounds: dict[tuple, Sound] = {}
        self._bytes = 0
        for item in self.by_name.values():
            missing = set(item.kit.values()) - set(self.by_name)
            if missing:
                raise VerificationError(f"kit {item.name} lacks {', '.join(sorted(missing))}", "build the book again")
            if not item.kit and item.voice not in plan.voices:
                raise VerificationError(f"instrument {item.name} has no voice {item.voice!r}", "build the book again")

    def find(self, name: str) -> Instrument:
        """The instrument of that name, or UsageError with the nearest names."""
        if name not in self.by_name:
            hint = suggestion(name, self.by_name) or f"this book has {', '.join(sorted(self.by_name))}"
            raise UsageError(f"there is no instrument {name!r}", hint)
        return self.by_name[name]

    def sounding(self, name: str, pitch: int) -> Instrument:
        """The row that sounds: the instrument itself, or a kit's piece for that key."""
        instrument = self.find(name)
        return self.find(instrument.piece(pitch)) if instrument.kit else instrument

    def sound(self, item: Instrument, pitch: int, velocity: int, attack: float = 0.0, decay: float = 0.0) -> Sound:
        """What a note of that instrument writes; kept, because music repeats itself."""
        key = (item.name, pitch, velocity, attack, decay)
        if key not in self._sounds:
            sound = item.sound(pitch, velocity, self.plan, self.tables, attack, decay)
            self._bytes += 1000 + sum(getattr(value, "nbytes", 0) for value in sound.values.values())
            if self._bytes > _KEPT_BYTES:
                self._sounds.clear()
                self._bytes = 0
            self._sounds[key] = sound
        return self._sounds[key]
