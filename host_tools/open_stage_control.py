"""A session of Open Stage Control: JSON, a tab a page, faders along each parameter's own curve and menus for choices.

The keys are those of sessions of version 1.30 and of the widgets' own lists of properties; what is left out takes its
default. Whom to send to is told on the command line: `open-stage-control --load FILE --send HOST:9000`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gen_core.spec.param import Param

VERSION = "1.30.1"  # of the format; an older program says that the session is newer
FEW = 6  # choices that fit on a switch
WIDTH, HEIGHT = 110, 320  # of a widget, in pixels
BREAKPOINTS = (0.25, 0.5, 0.75)  # of the way of a fader, between which it is straight


def session(pages: Mapping[str, Sequence[tuple[Param, float]]]) -> bytes:
    """The session as the program saves one."""
    tabs = [_tab(name, listed) for name, listed in pages.items()]
    content = {"type": "root", "id": "root", "tabs": tabs}
    head = {"createdWith": "Open Stage Control", "version": VERSION, "type": "session"}
    return json.dumps(head | {"content": content}, indent=2, ensure_ascii=False).encode() + b"\n"


def _tab(name: str, listed: Sequence[tuple[Param, float]]) -> dict[str, Any]:
    strips = [_strip(param, value) for param, value in listed]
    return {"type": "tab", "id": f"page {name}", "label": name, "widgets": strips}


def _strip(param: Param, value: float) -> dict[str, Any]:
    """The name above its widget. A double tap on a fader goes back to the value that it began with."""
    words = param.id.rpartition(".")[2]
    name = {"type": "text", "id": f"name {param.id}", "default": words, "height": 40, "wrap": True, "bypass": True}
    panel = {"type": "panel", "id": f"strip {param.id}", "layout": "vertical", "width": WIDTH, "height": HEIGHT}
    return panel | {"comments": param.help, "widgets": [name, _widget(param, value)]}


def _widget(param: Param, value: float) -> dict[str, Any]:
    whole = param.kind != "float"
    common = {
        "id": param.id,
        "address": f"/param/{param.id}",
        "typeTags": "i" if whole else "f",
        "decimals": 0 if whole else 3,
        "default": int(value) if whole else value,
        "comments": param.help,
        "expand": True,
    }
    return common | (_choices(param) if param.choices else _fader(param))


def _choices(param: Param) -> dict[str, Any]:
    """A choice travels as its number, as the board tells it."""
    values = {"labels": list(param.choices), "values": list(range(len(param.choices)))}
    if len(param.choices) <= FEW:
        return {"type": "switch", "values": values}
    return {"type": "dropdown", "values": values, "label": "%key"}


def _fader(param: Param) -> dict[str, Any]:
    scale: dict[str, float] = {"min": param.low}
    if param.curve == "exponential":
        scale |= {f"{position:.0%}": round(param.from_unit(position), 6) for position in BREAKPOINTS}
    return {"type": "fader", "range": scale | {"max": param.high}, "doubleTap": True}
