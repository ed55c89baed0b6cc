"""Control surfaces made from what a board declares: a widget a parameter, each sending `/param/<id>`.

One line a program that reads them; a page a family of parameters, which is what stands before the dot of their ids.
"""

from collections.abc import Callable, Iterable

from gen_core.spec.param import Param
from host_tools import open_stage_control, touchosc

MAIN = "main"  # the page of those without a dot

Pages = dict[str, list[tuple[Param, float]]]  # name of the page → its parameters with their values

LAYOUTS: dict[str, Callable[[Pages], bytes]] = {
    "open-stage-control": open_stage_control.session,
    "touchosc": touchosc.document,
}


def layout(name: str, listed: Iterable[tuple[Param, float]]) -> bytes:
    """The file for that program, with the present values where it keeps any. `name`: one of LAYOUTS."""
    return LAYOUTS[name](pages(listed))


def pages(listed: Iterable[tuple[Param, float]]) -> Pages:
    """Parameters with their values by page, both in the order in which they are declared."""
    found: Pages = {}
    for param, value in listed:
        family, dot, _ = param.id.rpartition(".")
        found.setdefault(family if dot else MAIN, []).append((param, value))
    return found
