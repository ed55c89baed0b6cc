"""Instruments and kits as data: one readable TOML file each, checked against the units' own parameters.

A patch file has a `title`, the General MIDI `programs` that it stands for, the `voice` that it sounds on (a file of
voices/, or units and wires of its own), and a section for each part of the voice; what it does not say has the
parameter's default. A kit file has pieces, each a patch with the percussion `keys` that it stands for. A checked patch
is a row of plain data, and that is what a book's manifest carries.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param, suggestion
from gen_core.synth.knobs import PLAYING
from gen_core.synth.plan import EFFECTS, Plan
from gen_core.synth.unit import Data, Unit
from gen_core.synth.wiring import FORMS, Wiring, wiring

Row = dict[str, Any]
Items = Sequence[Param | Data]
_TOP = {"title", "programs", "voice", "family", "about"}
_PIECE = {"keys", "pitch_key", "choke", "one_shot", "voice", "about"}
DEFAULT_VOICE = "analog"
LOWEST_KEY, HIGHEST_KEY = 35, 81  # General MIDI percussion key map
# Lanes of each voice in a book. A chord needs few, a pedalled piano many.
LANES = {"analog": 12, "wave": 16, "struck": 16, "pm": 8, "formant": 8, "drum": 12, "evolving": 8, "soft": 8, "chip": 8}
OTHER_LANES = 8


# -- reading ---------------------------------------------------------------------------------------------------------
def read(text: str, file: str) -> list[Row]:
    """The rows of one patch or kit file. UsageError names the file, the line, the unit and what it allows."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        hint = "see the patches that come with the synth for how one is written"
        raise UsageError(f"{file}: {error}", hint) from None
    name = file.rsplit("/", 1)[-1].removesuffix(".toml")
    lines = _Lines(text, file)
    if "pieces" in data:
        return _kit(data, name, lines)
    return [_row(data, name, lines, "", _TOP)]


class _Lines:
    """Where things stand in a file, so that an error can say it."""

    def __init__(self, text: str, file: str) -> None:
        self._lines, self.file = text.splitlines(), file

    def where(self, piece: str, section: str = "", key: str = "") -> str:
        """"file:line: piece: section.key" as far as known; the section's line where the key has none."""
        header = ".".join(part for part in ("pieces" if piece else "", piece, section) if part)
        at = next((n for n, line in enumerate(self._lines) if line.strip().startswith(f"[{header}]")), None)
        if key or at is None:
            word = key or section
            begin = 0 if at is None else at + 1
            at = next((n for n in range(begin, len(self._lines)) if self._is(n, word)), at)
        place = f"{self.file}:{at + 1}" if at is not None else self.file
        what = ".".join(part for part in (section, key) if part)
        return ": ".join(part for part in (place, piece, what) if part)

    def _is(self, number: int, word: str) -> bool:
        key = self._lines[number].split("=")[0].strip().strip('"')
        return bool(word) and (key == word or self._lines[number].strip() == f"[{word}]")


def _kit(data: Mapping[str, Any], name: str, lines: _Lines) -> list[Row]:
    """A row for each piece, then the kit's own."""
    keys: dict[str, str] = {}
    rows = []
    for piece, patch in data["pieces"].items():
        rows.append(_row(patch, f"{name}.{piece}", lines, piece, _PIECE))
        keys |= {str(key): f"{name}.{piece}" for key in patch.get("keys", [])}
    if not keys:
        raise UsageError(f"{lines.file}: no piece has keys", "give at least one piece `keys = [36]`")
    head = {"name": name, "title": str(data.get("title", name)), "family": str(data.get("family", "kits"))}
    return [*rows, head | {"programs": data.get("programs", []), "kit": keys}]


def _row(data: Mapping[str, Any], name: str, lines: _Lines, piece: str, top: set[str]) -> Row:
    """One patch, checked and filled up with defaults."""
    voice, wires = _voice(data, name, lines, piece)
    chosen = {slot.name: _chosen(slot.choices, data) for slot in wires.slots if slot.name in FORMS}
    units = [chosen.get(slot.name, slot.unit) for slot in wires.slots]
    sections: dict[str, Items] = {key: items for unit in units for key, items in unit.sections.items()}
    sections["play"] = PLAYING
    for key in data:
        if key not in sections and key not in top:
            known = [*sections, *sorted(top)]
            hint = suggestion(key, known) or f"use {', '.join(known)}"
            raise UsageError(f"{lines.where(piece, key)}: the voice {voice} has no section {key!r}", hint)
    row: Row = {"name": name, **{key: data[key] for key in sorted((top - {"voice"}) & set(data))}, "voice": voice}
    if chosen:
        row["units"] = {form: unit.name for form, unit in chosen.items()}
    for section, items in sections.items():
        row[section] = _section(data.get(section, {}), items, lines, piece, section)
    return row


def _voice(data: Mapping[str, Any], name: str, lines: _Lines, piece: str) -> tuple[str, Wiring]:
    """The name of the voice and its wiring; one that is written in the patch is remembered under the patch's name."""
    given = data.get("voice", DEFAULT_VOICE)
    if isinstance(given, Mapping):
        wires = wiring(given, lines.where(piece, "voice"))
        return _named(name, wires), wires
    if given not in voices():
        hint = suggestion(str(given), voices()) or f"use {', '.join(voices())}"
        raise UsageError(f"{lines.where(piece, 'voice')}: there is no voice {given!r}", hint)
    return str(given), voices()[given]


_OWN: dict[str, Wiring] = {}  # topologies that patches brought along


def _named(patch: str, wires: Wiring) -> str:
    """The name of a topology: that of an equal one, else the patch's own, with a number where that is taken."""
    known = {**_OWN, **voices()}
    for name, other in known.items():
        if other.data() == wires.data():
            return name
    stem = patch.replace(".", "-")
    name = next(word for word in (stem, *(f"{stem}-{n}" for n in range(2, 1000))) if word not in known)
    _OWN[name] = wires
    return name


def _chosen(choices: Sequence[Unit], data: Mapping[str, Any]) -> Unit:
    """The unit of a form whose section the patch has."""
    return next((unit for unit in choices if set(unit.sections) & set(data)), choices[0])


def _section(values: Any, items: Items, lines: _Lines, piece: str, name: str) -> Row:
    """One section: each value as its parameter holds it."""
    if not isinstance(values, Mapping):
        raise UsageError(f"{lines.where(piece, name)} is not a section", "write it in [brackets] on a line of its own")
    section: Row = {item.id: item.default for item in items}
    known = {item.id: item for item in items}
    for key, value in values.items():
        where = lines.where(piece, name, key)
        if key not in known:
            raise UsageError(f"{where}: there is no such value", suggestion(key, known) or f"use {', '.join(known)}")
        section[key] = _value(value, known[key], where)
    return section


def _value(value: Any, item: Param | Data, where: str) -> Any:
    try:
        if isinstance(item, Data):
            return item.check(value)
        if item.choices and value in item.choices:
            return float(item.choices.index(value))
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UsageError(f"{item.id} cannot be {value!r}", f"give a number {item.low:g} to {item.high:g}")
        return item.check(value)
    except UsageError as error:
        raise UsageError(f"{where}: {error.cause}", error.next_step) from None


# -- what comes with the synth ---------------------------------------------------------------------------------------
@cache
def voices() -> dict[str, Wiring]:
    """Every voice that comes with the synth, by name."""
    return {name: wiring(tomllib.loads(text), f"voices/{name}.toml") for name, text in _texts("voices")}


def _texts(folder: str) -> list[tuple[str, str]]:
    files = sorted((resources.files("gen_core.synth") / folder).iterdir(), key=lambda file: file.name)
    return [(f.name.removesuffix(".toml"), f.read_text("utf-8")) for f in files if f.name.endswith(".toml")]


@lru_cache
def _rows() -> tuple[Row, ...]:
    texts = [*_texts("instruments"), *_texts("kits")]
    return tuple(row for name, text in texts for row in read(text, f"{name}.toml"))


def rows() -> list[Row]:
    """Every instrument, kit piece and kit that comes with the synth: the manifest's "instruments"."""
    return list(_rows())


def needed(players: Iterable[str]) -> list[Row]:
    """The rows of these instruments and kits, with the kits' pieces."""
    by_name = {row["name"]: row for row in _rows()}
    wanted = {piece for name in players for piece in (name, *by_name[name].get("kit", {}).values())}
    return [row for row in _rows() if row["name"] in wanted]


def names() -> list[str]:
    """Instruments and kits by name; no pieces."""
    return [row["name"] for row in _rows() if "." not in row["name"]]


def plan_for(
    patches: Iterable[Mapping[str, Any]],
    effects: Sequence[str] = EFFECTS,
    block_frames: int = 512,
    sample_rate_hz: int = 48000,
    lanes: Mapping[str, int] = LANES,
) -> Plan:
    """The synthesizer that these rows need: each of their voices once."""
    known = {**_OWN, **voices()}
    used = dict.fromkeys(row["voice"] for row in patches if "voice" in row)
    made = {name: (known[name], lanes.get(name, OTHER_LANES)) for name in sorted(used)}
    return Plan(made, tuple(effects), block_frames, sample_rate_hz)
