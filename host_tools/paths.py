"""Where the user's things lie: the XDG base directories (specifications.freedesktop.org/basedir-spec, version 0.8)."""

import os
from pathlib import Path

_DEFAULTS = {"CONFIG": ".config", "DATA": ".local/share", "CACHE": ".cache", "STATE": ".local/state"}


def folder(kind: str) -> Path:
    """Our folder of one kind: CONFIG, DATA, CACHE or STATE. Not made here. A relative XDG path does not count."""
    given = Path(os.environ.get(f"XDG_{kind}_HOME", ""))
    base = given if given.is_absolute() else Path.home() / _DEFAULTS[kind]
    return base / "limonaire"


def config_file() -> Path:
    """The user's configuration, TOML. It need not exist."""
    return folder("CONFIG") / "config.toml"
