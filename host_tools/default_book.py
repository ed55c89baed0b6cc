"""The default book, packed and signed with the user's key on first use, and kept until something in it changes."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from host_tools import paths
from host_tools.keys import user_keys
from host_tools.output import hushed, say

NAME, VERSION = "default", "0.1.0"
SOURCES = ("gen_core", "export", "targets/protocol")  # what a book is made of and by
SUFFIXES = {".py", ".toml", ".json", ".safetensors", ".npz"}
KEPT = 3  # books of other checkouts and versions that stay in the cache


def path(say: Callable[[str], None] = say) -> Path:
    """The default book, built if it is not in the cache (some seconds)."""
    folder = paths.folder("CACHE")
    book = folder / f"default-{fingerprint()[:16]}.book"
    if not book.exists():
        from export import book as books

        say("packing and signing the default book; this is done once")
        folder.mkdir(parents=True, exist_ok=True)
        draft = book.with_suffix(f".{os.getpid()}")
        with hushed():
            books.build(draft, user_keys().private, NAME, VERSION)
        draft.rename(book)
        for old in sorted(folder.glob("default-*.book"), key=lambda file: file.stat().st_mtime)[:-KEPT]:
            old.unlink()
    return book


def fingerprint() -> str:
    """SHA-256 over everything that the default book depends on: its parts, the code that packs it, the key."""
    root = Path(__file__).resolve().parent.parent
    files = [file for source in SOURCES for file in (root / source).rglob("*") if file.suffix in SUFFIXES]
    digest = hashlib.sha256(user_keys().public.read_bytes())
    for file in sorted(files):
        content = hashlib.sha256(file.read_bytes()).digest()
        digest.update(str(file.relative_to(root)).encode() + b"\0" + content)
    return digest.hexdigest()
