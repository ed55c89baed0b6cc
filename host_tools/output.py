"""Data on stdout, words and progress on stderr. With --json the data is one JSON document, and that is the contract."""

import argparse
import contextlib
import json
import logging
import math
import sys
from collections.abc import Iterator, Sequence
from typing import Any


def add_json(parser: argparse.ArgumentParser) -> None:
    """Give a verb its --json."""
    parser.add_argument("--json", action="store_true", help="print the data as JSON")


def say(text: str) -> None:
    """Words for the person, on stderr."""
    print(text, file=sys.stderr, flush=True)


def emit(as_json: bool, data: Any, text: str) -> None:
    """Print `data` as JSON, or `text` for the eye, if there is any."""
    if as_json:
        text = json.dumps(plain(data), ensure_ascii=False, indent=2 if sys.stdout.isatty() else None)
    if text:
        print(text)


def plain(data: Any) -> Any:
    """`data` as JSON can hold it: bytes as hex, nan and infinity as null."""
    if isinstance(data, dict):
        return {str(key): plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [plain(value) for value in data]
    if isinstance(data, bytes):
        return data.hex()
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    return data if isinstance(data, str | int | None) else str(data)


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """While libraries that talk on stdout or warn of what does not concern the user do their work."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(None):
            yield
    finally:
        logging.disable(before)


def table(rows: Sequence[Sequence[object]], header: Sequence[str] = ()) -> str:
    """Rows as aligned columns, two spaces apart."""
    cells = [[str(cell) for cell in row] for row in ([header] if header else []) + list(rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))] if cells else []
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in cells)


def facts(pairs: dict[str, object]) -> str:
    """Names and values, one pair a line."""
    return table([(name, value) for name, value in pairs.items()])


def flat(data: Any, name: str = "") -> dict[str, object]:
    """Nested data as names with dots and values that a person can read."""
    if isinstance(data, dict | list):
        items = data.items() if isinstance(data, dict) else enumerate(data)
        return {inner: value for key, part in items for inner, value in flat(part, f"{name}.{key}".strip(".")).items()}
    return {name: f"{data:.6g}" if isinstance(data, float) else data}


def short(value: float) -> float:
    """A float32 that crossed the cable, without the digits that float32 does not have."""
    return float(f"{value:.7g}")
