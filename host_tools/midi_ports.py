"""MIDI ports by name, through `mido` and `python-rtmidi` (extra `midi`), and the user's own map of controllers."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param, suggestion
from host_tools import paths
from targets.protocol import midi_map

VIRTUAL = "Limonaire"  # what a port of our own is called in other programs


def map_file() -> Path:
    """Where learned controllers are kept, TOML. It need not exist."""
    return paths.folder("CONFIG") / "midi.toml"


def listed() -> dict[str, list[str]]:
    """The names of all ports there are: {"in": […], "out": […]}."""
    mido = _mido()
    return {"in": _asked(mido.get_input_names), "out": _asked(mido.get_output_names)}


def open_input(name: str | None) -> Any:
    """A port to read from; without a name one of our own, which other programs can send to. UsageError if it fails."""
    mido = _mido()
    return _opened(mido.open_input, name, mido.get_input_names)


def open_output(name: str | None) -> Any:
    """A port to send to; without a name one of our own, which other programs can listen to. UsageError if it fails."""
    mido = _mido()
    return _opened(mido.open_output, name, mido.get_output_names)


def load_map(path: Path | None, params: Mapping[str, Param]) -> midi_map.Map:
    """What moves what: the standard map, and over it what the file says. UsageError if it cannot be read."""
    file = path or map_file()
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("map", {})
        words = {str(key): str(value) for key, value in table.items()}
    except FileNotFoundError:
        if path:
            raise
        words = {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, AttributeError) as error:
        raise UsageError(f"{file} is no map of controllers ({error})", 'write [map], "cc 74" = "bpm"') from None
    return midi_map.standard(params) | midi_map.mapped(words, params)


def learn(controller: midi_map.Controller, name: str, path: Path | None = None) -> Path:
    """Keep that this controller moves that parameter, whole or not at all. Returns the file."""
    file = path or map_file()
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("map", {})
    except FileNotFoundError:
        table = {}
    table = {key: value for key, value in table.items() if value != name} | {str(controller): name}
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(f".{os.getpid()}")
    lines = [f'"{key}" = "{value}"' for key, value in table.items()]
    draft.write_text("\n".join(["[map]", *lines, ""]), encoding="utf-8")
    draft.replace(file)
    return file


def _mido() -> Any:
    import mido

    return mido


def _asked(names: Any) -> list[str]:
    try:
        return list(names())
    except ModuleNotFoundError:
        raise
    except Exception as error:  # what a backend raises depends on the backend
        cause = f"this machine gives no MIDI ports ({error})"
        raise UsageError(cause, "load the system's sequencer with `modprobe snd-seq`") from None


def _opened(open_port: Any, name: str | None, names: Any) -> Any:
    """A port by its name or the beginning of it, as programs number their ports behind it."""
    known = _asked(names)
    fitting = [port for port in known if name and (port == name or port.lower().startswith(name.lower()))]
    if name and not fitting:
        raise UsageError(f"there is no MIDI port {name!r}", _advice(name, known))
    try:
        return open_port(fitting[0]) if name else open_port(VIRTUAL, virtual=True)
    except Exception as error:
        advice = "close what uses it" if name else "name a port, see `limonaire midi --list`"
        raise UsageError(f"the MIDI port {name or VIRTUAL!r} cannot be opened ({error})", advice) from None


def _advice(name: str, known: Sequence[str]) -> str:
    return suggestion(name, known) or f"see `limonaire midi --list`; there are {', '.join(known) or 'none'}"
