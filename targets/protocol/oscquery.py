"""The parameters as OSCQuery describes them, so that programs for OSC find them by themselves.

Attributes: "OSCQuery Proposal" of Vidvox. A choice is told by name (TYPE "s"), for a menu with words is what its
readers make of VALS; the board takes the name as well as the number.
"""

from collections.abc import Mapping
from typing import Any

from gen_core.spec.param import Param

NO_ACCESS, READ_AND_WRITE = 0, 3  # ACCESS: bit 0 read, bit 1 write
TYPES = {"float": "f", "int": "i", "choice": "s"}  # Param.kind → OSC type tag


def tree(params: Mapping[str, Param], values: Mapping[str, float]) -> dict[str, Any]:
    """The root node, plain data for JSON: `/param/<id>` for each of `params`. Without a value its default is told."""
    nodes = {name: node(param, values.get(name, param.default)) for name, param in params.items()}
    return _container("/", {"param": _container("/param", nodes)})


def node(param: Param, value: float) -> dict[str, Any]:
    """One parameter. What is not in range is clamped by whoever receives it, which CLIPMODE says."""
    described = {
        "FULL_PATH": f"/param/{param.id}",
        "TYPE": TYPES[param.kind],
        "ACCESS": READ_AND_WRITE,
        "VALUE": [_told(param, value)],
        "RANGE": [_range(param)],
        "CLIPMODE": ["both"],
        "DESCRIPTION": param.help or param.id,
    }
    return described | ({"UNIT": [param.unit]} if param.unit else {})


def _container(path: str, contents: Mapping[str, Any]) -> dict[str, Any]:
    return {"FULL_PATH": path, "ACCESS": NO_ACCESS, "CONTENTS": dict(contents)}


def _range(param: Param) -> dict[str, Any]:
    if param.choices:
        return {"VALS": list(param.choices)}
    return {"MIN": _told(param, param.low), "MAX": _told(param, param.high)}


def _told(param: Param, value: float) -> float | int | str:
    if param.choices:
        return param.choices[int(value)]
    return int(value) if param.kind == "int" else float(value)
