"""An instrument as the board knows it: a row of the book's manifest, turned into lane values. No TOML, no Numba.

A row holds the sections of a patch file with all their values (`gen_core/synth/patches.py` makes and checks it).
A kit is a row that names, for each percussion key, the row of a piece.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gen_core.playback.layout import DOUBLES, SINGLES, column, filter_map
from gen_core.playback.waves import Wave, WaveTables
from gen_core.spec.errors import UsageError, VerificationError
from gen_core.spec.param import suggestion

_DECAY = math.log(1000.0)  # time constants in the time to -60 dB
_MIDDLE_VELOCITY = 96  # where a patch's cutoff is as written: a firm mezzo-forte
_HIGHEST = 0.45  # periods a sample
_KEPT_SOUNDS = 2048  # about 1 kB each


@dataclass(frozen=True)
class Sound:
    """What one note writes into its lane, and its gains (left, right, send) before the part's level."""

    singles: NDArray[np.float32]  # columns as in layout.LaneArrays
    doubles: NDArray[np.float64]
    filter_map: NDArray[np.float32]
    table: NDArray[np.int32]
    gains: NDArray[np.float64]
    first_increment: NDArray[np.float64]  # with the bend at its onset


class Instrument:
    """One topology, one row. `choke` silences the group's other notes; a `one_shot` ignores its note-off."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.name = str(row["name"])
        self.choke = str(row.get("choke", ""))
        self.one_shot = bool(row.get("one_shot", False))
        self.kit = {int(key): str(piece) for key, piece in row.get("kit", {}).items()}
        self._fixed_pitch = row.get("pitch_key")
        if not self.kit:
            try:
                self._read(row)
            except KeyError as error:
                raise VerificationError(f"instrument {self.name} lacks {error}", "build the book again") from None

    def _read(self, row: Mapping[str, Any]) -> None:
        """What every note of this instrument shares."""
        self._row = row
        self._oscillators = [row["oscillator_1"], row["oscillator_2"]]
        self._still = _still(row)
        curve = row["filter"]
        self._map = filter_map(curve["q"], curve["low"], curve["band"], curve["high"])

    @property
    def waves(self) -> list[Wave]:
        """The waves that this instrument's tables need."""
        return [] if self.kit else [oscillator["wave"] for oscillator in self._oscillators]

    def piece(self, pitch: int) -> str:
        """The kit's piece at or nearest to a percussion key."""
        return self.kit[min(self.kit, key=lambda known: (abs(known - pitch), known))]

    def sound(self, pitch: int, velocity: int, tables: WaveTables, sample_rate_hz: int) -> Sound:
        """Lane values of a note: MIDI key 0..127, velocity 1..127."""
        key = pitch if self._fixed_pitch is None else self._fixed_pitch
        increments = [_increment(key, oscillator, sample_rate_hz) for oscillator in self._oscillators]
        bend = max(self._row["pitch"]["bend_semitones"], 0.0) + self._row["pitch"]["vibrato_semitones"]
        highest = 2.0 ** (bend / 12.0)
        tables_at = [
            tables.start(oscillator["wave"], increment * highest)
            for oscillator, increment in zip(self._oscillators, increments, strict=True)
        ]
        values = self._still | {
            "increment": np.array(increments),
            "log_cutoff": _log_cutoff(self._row["filter"], pitch, velocity, sample_rate_hz),
        }
        first = np.array(increments) * 2.0 ** (self._row["pitch"]["bend_semitones"] / 12.0)
        return Sound(
            singles=column(values, SINGLES, np.float32),
            doubles=column(values, DOUBLES, np.float64),
            filter_map=self._map,
            table=np.array(tables_at, np.int32),
            gains=_gains(self._row["mix"], velocity),
            first_increment=first,
        )

    @property
    def phases(self) -> NDArray[np.float64]:
        """Where in its period each oscillator begins."""
        return np.array([oscillator["phase"] for oscillator in self._oscillators])


def _increment(key: float, oscillator: Mapping[str, Any], sample_rate_hz: int) -> float:
    semitones = key - 69 + oscillator["detune_cents"] / 100.0
    return float(min(440.0 * 2.0 ** (semitones / 12.0) * oscillator["ratio"] / sample_rate_hz, _HIGHEST))


def _log_cutoff(section: Mapping[str, float], pitch: int, velocity: int, sample_rate_hz: int) -> float:
    octaves = section["key_track"] * (pitch - 60) / 12.0
    octaves += section["velocity_octaves"] * (velocity - _MIDDLE_VELOCITY) / 127.0
    return math.log(math.pi * section["cutoff_hz"] / sample_rate_hz) + octaves * math.log(2.0)


def _gains(section: Mapping[str, float], velocity: int) -> NDArray[np.float64]:
    """Left, right, send; equal power between left and right."""
    gain = 10.0 ** ((section["gain_db"] - section["velocity_db"] * (1.0 - velocity / 127.0)) / 20.0)
    angle = (section["pan"] + 1.0) * math.pi / 4.0
    return gain * np.array([math.cos(angle), math.sin(angle), section["send"]])


def _still(row: Mapping[str, Any]) -> dict[str, NDArray | float]:
    """Lane values that no note changes."""
    envelopes, pitch, section = [row["amp"], row["mod"]], row["pitch"], row["filter"]
    sources = [row["oscillator_1"], row["oscillator_2"], row["noise"]]

    def column(items: list[Mapping[str, float]], name: str) -> NDArray[np.float64]:
        return np.array([item[name] for item in items])[:, None]

    return {
        "bend_depth": pitch["bend_semitones"],
        "bend_rate": 1.0 / pitch["bend_s"],
        "vibrato_depth": pitch["vibrato_semitones"],
        "vibrato_rate": 2.0 * math.pi * pitch["vibrato_hz"],
        "vibrato_onset": 1.0 / pitch["vibrato_onset_s"],
        "attack": column(envelopes, "attack_s"),
        "attack_rate": 1.0 / column(envelopes, "attack_s"),
        "decay_rate": _DECAY / column(envelopes, "decay_s"),
        "sustain": column(envelopes, "sustain"),
        "release_rate": _DECAY / column(envelopes, "release_s"),
        "level": column(sources, "level"),
        "level_bend": column(sources, "level_bend"),
        "cutoff_bend": section["bend_octaves"] * math.log(2.0),
    }


class Instruments:
    """All instruments of a book by name, with the tables that they share."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self.by_name = {instrument.name: instrument for instrument in instruments}
        self._sounds: dict[tuple[str, int, int, int], Sound] = {}
        self.tables = WaveTables(wave for item in self.by_name.values() for wave in item.waves)
        for item in self.by_name.values():
            missing = set(item.kit.values()) - set(self.by_name)
            if missing:
                raise VerificationError(f"kit {item.name} lacks {', '.join(sorted(missing))}", "build the book again")

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

    def sound(self, instrument: Instrument, pitch: int, velocity: int, sample_rate_hz: int) -> Sound:
        """What a note of that instrument writes; kept, because music repeats itself."""
        key = (instrument.name, pitch, velocity, sample_rate_hz)
        if key not in self._sounds:
            if len(self._sounds) >= _KEPT_SOUNDS:
                self._sounds.clear()
            self._sounds[key] = instrument.sound(pitch, velocity, self.tables, sample_rate_hz)
        return self._sounds[key]
