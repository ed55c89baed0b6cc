"""A book as a person reads it."""

from typing import Any

from gen_core.spec.param import Param
from host_tools.output import facts, flat, table
from targets.protocol.book import Book


def describe(book: Book, size_bytes: int) -> dict[str, Any]:
    """The book as plain data: manifest, sizes of its files, hash."""
    return {
        "bytes": size_bytes,
        "hash": book.image.hash.hex(),
        "files": {name: len(data) for name, data in book.files.items()},
        "manifest": dict(book.manifest),
    }


def text(book: Book, size_bytes: int) -> str:
    """The book as a page."""
    manifest = book.manifest
    head = {
        "name": f"{manifest['name']} {manifest['version']}",
        "format": manifest["format"],
        "bytes": size_bytes,
        "hash": book.image.hash.hex(),
        "sound": f"{manifest.get('sample_rate_hz')} Hz, blocks of {manifest.get('block_frames')} frames",
    }
    sections = [facts(head), _section("files", [(name, len(data)) for name, data in book.files.items()])]
    instruments = [str(row.get("name", row.get("id", "?"))) for row in manifest.get("instruments", [])]
    sections.append(_section("instruments", [(name,) for name in instruments]))
    ensembles = [
        (name, ", ".join(f"{row['part']} {row['instrument']}" for row in rows))
        for name, rows in manifest.get("ensembles", {}).items()
    ]
    sections.append(_section("ensembles", ensembles))
    params = [Param.from_dict(data) for data in manifest.get("params", [])]
    sections.append(_section("parameters", [(p.id, p.spoken(p.default), p.help) for p in params]))
    presets = [
        (name, ", ".join(f"{key} {value:g}" for key, value in values.items()))
        for name, values in manifest.get("presets", {}).items()
    ]
    sections.append(_section("presets", presets))
    sections.append(_section("provenance", list(flat(manifest.get("provenance", {})).items())))
    return "\n\n".join(section for section in sections if section)


def _section(title: str, rows: list[Any]) -> str:
    if not rows:
        return ""
    return f"{title}\n" + "\n".join(f"  {line}" for line in table(rows).splitlines())
