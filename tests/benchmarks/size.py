"""How large it all is: the book and its parts, and lines of code a package."""

import io
import json
import sys
import tokenize
import zipfile
from pathlib import Path

from host_tools import default_book
from targets.protocol import book as books
from tests.benchmarks.frame import Figure, main

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("gen_core", "targets", "export", "host_tools", "tests")
SILENT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def run() -> list[Figure]:
    """Everything about size."""
    return [*book_size(), *code_size()]


def book_size() -> list[Figure]:
    """The default book as it is flashed, and what its parts take in it."""
    data = default_book.path().read_bytes()
    book = books.read(data, None)
    with zipfile.ZipFile(io.BytesIO(book.image.payload(data))) as archive:
        packed = {entry.filename: entry.compress_size for entry in archive.infolist()}
    parts = {"model": "model/", "synth": "synth/", "manifest": books.MANIFEST, "provenance": "provenance"}
    sizes = {part: sum(size for name, size in packed.items() if name.startswith(at)) for part, at in parts.items()}
    return [
        Figure("book", len(data), "bytes", "signed, as it crosses the cable"),
        *(Figure(f"book: {part}", size, "bytes", "packed") for part, size in sizes.items()),
        Figure("manifest", len(json.dumps(book.manifest)), "bytes", "unpacked"),
    ]


def code_size() -> list[Figure]:
    """Lines a package that hold code or a docstring: neither blank nor comment alone."""
    figures = []
    for package in PACKAGES:
        files = sorted((ROOT / package).rglob("*.py"))
        lines = sum(code_lines(file) for file in files)
        figures.append(Figure(f"lines in {package}", lines, "lines", f"{len(files)} files"))
    return figures


def code_lines(path: Path) -> int:
    """Lines of a file that are neither blank nor comment alone; docstrings count."""
    lines: set[int] = set()
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type not in SILENT and token.type != tokenize.ENCODING:
                lines.update(range(token.start[0], token.end[0] + 1))
    text = path.read_text(encoding="utf-8").splitlines()
    return sum(1 for number in lines if number <= len(text) and text[number - 1].strip())


if __name__ == "__main__":
    sys.exit(main({"size": run}))
