"""An instrument or kit as a person reads it: what it is, how it is wired, and where it differs from the defaults."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param, suggestion
from gen_core.synth import patches
from gen_core.synth.knobs import PLAYING
from gen_core.synth.patches import Row
from gen_core.synth.registry import BY_NAME
from gen_core.synth.unit import Data, Unit
from gen_core.synth.wiring import Wiring
from host_tools.orchestra import read_patch
from host_tools.output import facts, table

Items = Mapping[str, Sequence[Param | Data]]


def find(target: str) -> list[Row]:
    """The rows of a patch file, or of an instrument, kit or piece that comes with the synth; the one meant is last."""
    if target.endswith(".toml"):
        return read_patch(Path(target))
    rows = {row["name"]: row for row in patches.rows()}
    if target not in rows:
        hint = suggestion(target, rows) or f"there are {', '.join(patches.names())}"
        raise UsageError(f"{target} is no book, no patch file and no instrument", hint)
    return [*(rows[name] for name in sorted(set(rows[target].get("kit", {}).values()))), rows[target]]


def wires_of(row: Row) -> Wiring:
    """The wiring of the voice that a row sounds on."""
    return patches.plan_for([row]).voices[row["voice"]][0]


def units_of(row: Row) -> dict[str, Unit]:
    """The units that play in each slot, the row's own choice where a form stands."""
    chosen = row.get("units", {})
    return {s.name: BY_NAME[chosen[s.name]] if s.name in chosen else s.unit for s in wires_of(row).slots}


def describe(rows: Sequence[Row]) -> dict[str, Any]:
    """As plain data: the row, and its voice's wiring; of a kit all pieces."""
    row = rows[-1]
    if "kit" in row:
        return {**row, "pieces": {piece["name"]: describe([piece]) for piece in rows[:-1]}}
    return {**row, "wiring": wires_of(row).data(), "differs": differing(row)}


def differing(row: Row) -> dict[str, dict[str, Any]]:
    """By section, the values that are not the parameter's default."""
    sections = {name: items for unit in units_of(row).values() for name, items in unit.sections.items()}
    sections["play"] = PLAYING
    changed = {
        name: {item.id: row[name][item.id] for item in items if row[name][item.id] != item.default}
        for name, items in sections.items()
        if name in row
    }
    return {name: values for name, values in changed.items() if values}


def text(rows: Sequence[Row]) -> str:
    """As a page."""
    row = rows[-1]
    return _kit(rows) if "kit" in row else "\n\n".join([facts(_head(row)), *_wires(row), *_sections(row)])


def _head(row: Row) -> dict[str, object]:
    head = {"name": row["name"], "title": row.get("title", "")}
    head |= {key: row[key] for key in ("family", "about") if key in row}
    head["programs"] = ", ".join(map(str, row.get("programs", [])))
    head |= {key: ", ".join(map(str, row[key])) if key == "keys" else row[key] for key in
             ("keys", "pitch_key", "choke", "one_shot") if key in row}  # fmt: skip
    head["voice"] = row["voice"]
    stand = units_of(row).items()
    head["units"] = ", ".join(unit.name if unit.name == slot else f"{unit.name} ({slot})" for slot, unit in stand)
    return {key: value for key, value in head.items() if value != ""}


def _wires(row: Row) -> list[str]:
    pairs = [(source, "→", port) for port, source in wires_of(row).data()["wires"].items()]
    return [f"wires\n{_indented(table(pairs))}"] if pairs else []


def _sections(row: Row) -> list[str]:
    """Sections with what differs, each value as a person reads it."""
    known = {f"{name}.{item.id}": item for unit in units_of(row).values() for name, items in unit.sections.items()
             for item in items} | {f"play.{item.id}": item for item in PLAYING}  # fmt: skip
    pages = []
    for name, values in differing(row).items():
        lines = [(key, _spoken(known[f"{name}.{key}"], value)) for key, value in values.items()]
        pages.append(f"[{name}]\n{_indented(table(lines))}")
    return pages


def _spoken(item: Param | Data, value: Any) -> str:
    return item.spoken(value) if isinstance(item, Param) else str(value)


def _kit(rows: Sequence[Row]) -> str:
    """A kit: its pieces with their keys and voices."""
    row = rows[-1]
    programs = ", ".join(map(str, row.get("programs", [])))
    head = {"name": row["name"], "title": row.get("title", ""), **({"programs": programs} if programs else {})}
    keys: dict[str, list[str]] = {}
    for key, piece in sorted(row["kit"].items(), key=lambda pair: int(pair[0])):
        keys.setdefault(piece, []).append(key)
    voices = {piece["name"]: piece["voice"] for piece in rows[:-1]}
    lines = [(piece, voices.get(piece, ""), ", ".join(struck)) for piece, struck in keys.items()]
    return f"{facts(head)}\n\n{table(lines, ('piece', 'voice', 'keys'))}"


def _indented(lines: str) -> str:
    return "\n".join(f"  {line}" for line in lines.splitlines())
