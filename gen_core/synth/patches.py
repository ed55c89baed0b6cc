"""Instruments and kits as data: one readable TOML file each, checked against the units' own parameters.

A patch file has a `title`, the General MIDI `programs` that it stands for, and a section for each part of the voice;
what it does not say has the parameter's default. A kit file has pieces, each a patch with the percussion `keys` that
it stands for. A checked patch is a row of plain data, and that is what a book's manifest carries.
"""

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from gen_core.playback.instrument import Instrument
from gen_core.playback.waves import NAMES, harmonics
from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param, suggestion
from gen_core.synth.units.envelope import ENVELOPE
from gen_core.synth.units.mixer import MIXER
from gen_core.synth.units.noise import NOISE
from gen_core.synth.units.oscillator import PITCH_PARAMS, WAVE_PARAMS
from gen_core.synth.units.svf import SVF

SECTIONS: dict[str, tuple[Param, ...]] = {
    "oscillator_1": WAVE_PARAMS,
    "oscillator_2": WAVE_PARAMS,
    "noise": NOISE.params,
    "pitch": PITCH_PARAMS,
    "amp": ENVELOPE.params,
    "mod": ENVELOPE.params,
    "filter": SVF.params,
    "mix": MIXER.params,
}
_TOP = {"title", "programs"}
_PIECE = {"keys", "pitch_key", "choke", "one_shot"}
DEFAULT_KIT = "standard"
LOWEST_KEY, HIGHEST_KEY = 35, 81  # General MIDI percussion key map

Row = dict[str, Any]


def read(text: str, file: str) -> list[Row]:
    """The rows of one patch or kit file. UsageError names the file, the key and what it allows."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            f"{file}: {error}", "see the patches that come with the synth for how one is written"
        ) from None
    name = file.rsplit("/", 1)[-1].removesuffix(".toml")
    if "pieces" in data:
        return _kit(data, name, file)
    return [_row(data, name, file, _TOP)]


def _kit(data: Mapping[str, Any], name: str, file: str) -> list[Row]:
    """A row for each piece, then the kit's own."""
    keys: dict[str, str] = {}
    rows = []
    for piece, patch in data["pieces"].items():
        rows.append(_row(patch, f"{name}.{piece}", f"{file}: {piece}", _PIECE))
        keys |= {str(key): f"{name}.{piece}" for key in patch.get("keys", [])}
    if not keys:
        raise UsageError(f"{file}: no piece has keys", "give at least one piece `keys = [36]`")
    return [*rows, {"name": name, "title": str(data.get("title", name)), "kit": keys}]


def _row(data: Mapping[str, Any], name: str, file: str, top: set[str]) -> Row:
    """One patch, checked and filled up with defaults."""
    for key in data:
        if key not in SECTIONS and key not in top:
            known = [*SECTIONS, *sorted(top)]
            raise UsageError(
                f"{file}: there is no section {key!r}", suggestion(key, known) or f"use {', '.join(known)}"
            )
    row: Row = {"name": name, **{key: data[key] for key in sorted(top & set(data))}}
    for section, params in SECTIONS.items():
        row[section] = _section(data.get(section, {}), params, f"{file}: {section}")
    return row


def _section(values: Any, params: tuple[Param, ...], where: str) -> Row:
    """One section: each value in its range, `wave` something that can sound."""
    if not isinstance(values, Mapping):
        raise UsageError(f"{where} is not a section", "write it in [brackets] on a line of its own")
    section: Row = {param.id: param.default for param in params}
    known = {param.id: param for param in params}
    if params is WAVE_PARAMS:
        section["wave"] = "sine"
    for key, value in values.items():
        if key in known:
            section[key] = _number(value, known[key], where)
        elif key == "wave" and "wave" in section:
            section["wave"] = _wave(value, where)
        else:
            hint = suggestion(key, known) or f"use {', '.join(known)}"
            raise UsageError(f"{where} has no {key!r}", hint)
    return section


def _number(value: Any, param: Param, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(f"{where}.{param.id} cannot be {value!r}", f"give a number {param.low:g} to {param.high:g}")
    try:
        return param.check(value)
    except UsageError as error:
        raise UsageError(f"{where}.{error.cause}", error.next_step) from None


def _wave(value: Any, where: str) -> Any:
    try:
        if not isinstance(value, str | list | dict) or not harmonics(value).any():
            raise UsageError(f"wave cannot be {value!r}", f"use {', '.join(NAMES)}, or a list of harmonics")
    except (UsageError, TypeError) as error:
        cause = error.cause if isinstance(error, UsageError) else str(error)
        raise UsageError(f"{where}.wave: {cause}", f"use {', '.join(NAMES)}, or a list of harmonics") from None
    return value


def _files() -> list[Traversable]:
    here = resources.files("gen_core.synth")
    folders = [here / "instruments", here / "kits"]
    found = [file for folder in folders for file in folder.iterdir() if file.name.endswith(".toml")]
    return sorted(found, key=lambda file: file.name)


@lru_cache
def _rows() -> tuple[Row, ...]:
    return tuple(row for file in _files() for row in read(file.read_text("utf-8"), file.name))


def rows() -> list[Row]:
    """Every instrument, kit piece and kit that comes with the synth: the manifest's "instruments"."""
    return list(_rows())


def instruments() -> list[Instrument]:
    """The same, ready to play."""
    return [Instrument(row) for row in _rows()]


def names() -> list[str]:
    """Instruments and kits by name; no pieces."""
    return [row["name"] for row in _rows() if "." not in row["name"]]


def instrument_for_program(program: int, percussion: bool = False) -> str:
    """The instrument for a General MIDI program 0..127, or the kit for a percussion channel."""
    if percussion:
        return DEFAULT_KIT
    for row in _rows():
        if program in row.get("programs", ()):
            return str(row["name"])
    raise UsageError(f"there is no General MIDI program {program}", "programs count from 0 to 127")
