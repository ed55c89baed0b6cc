"""A document of TouchOSC (version 1 of the application of 2021 and later): XML under zlib, a page a family.

Faders for numbers, radio buttons for choices; each sends, and takes when it comes back, `/param/<id>` with the value in
the parameter's own unit. A fader of TouchOSC is straight, so an exponential parameter moves fast at its low end. The
form was read off a file that the program itself had saved.
"""

import zlib
from collections.abc import Mapping, Sequence
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from gen_core.spec.param import Param

WIDTH, TAB_BAR = 1024, 40  # pixels
ROW, MARGIN, NAME_WIDTH = 56, 8, 240
DARK, BRIGHT, CLEAR = (0.15, 0.15, 0.17, 1.0), (0.9, 0.55, 0.15, 1.0), (0.0, 0.0, 0.0, 0.0)
WHITE = (1.0, 1.0, 1.0, 1.0)
EAST = 1  # a fader that lies
STRAIGHT = ("0", "1")  # nothing is scaled
PLAIN: dict[str, object] = {  # what every control has
    **{"background": True, "outline": True, "outlineStyle": 1, "cornerRadius": 1.0, "shape": 1, "orientation": 0},
    **{"visible": True, "interactive": True, "locked": False, "grabFocus": True, "pointerPriority": 0},
}
GROUP: dict[str, object] = {"interactive": False, "grabFocus": False, "outline": False}  # what only holds or tells

Frame = tuple[int, int, int, int]  # x, y, width, height
Color = tuple[float, float, float, float]  # red, green, blue, opacity, of 1


def document(pages: Mapping[str, Sequence[tuple[Param, float]]]) -> bytes:
    """The file as the program saves one."""
    rows = max((len(listed) for listed in pages.values()), default=0)
    frame = (0, 0, WIDTH, TAB_BAR + MARGIN + rows * ROW)
    root = Element("lexml", version="3")
    group = SubElement(_node(root, "GROUP", "limonaire", frame, DARK, GROUP), "children")
    bar = GROUP | {"interactive": True, "tabLabels": True, "tabbar": True, "tabbarSize": TAB_BAR}
    pager = SubElement(_node(group, "PAGER", "pages", frame, DARK, bar), "children")
    for name, listed in pages.items():
        _page(pager, name, listed, frame)
    return zlib.compress(ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True))


def _page(pager: Element, name: str, listed: Sequence[tuple[Param, float]], outer: Frame) -> None:
    tab = {"tabLabel": name, "tabColorOff": DARK, "tabColorOn": BRIGHT, "textColorOff": WHITE, "textColorOn": WHITE}
    inner = (0, TAB_BAR, outer[2], outer[3] - TAB_BAR)
    page = SubElement(_node(pager, "GROUP", f"page {name}", inner, CLEAR, GROUP | tab), "children")
    for row, (param, value) in enumerate(listed):
        y, height = MARGIN + row * ROW, ROW - MARGIN
        label = GROUP | {"textSize": 16, "textColor": WHITE, "textAlignH": 1}
        _node(page, "LABEL", f"name {param.id}", (MARGIN, y, NAME_WIDTH, height), CLEAR, label, text=param.id)
        _control(page, param, value, (MARGIN + NAME_WIDTH, y, WIDTH - NAME_WIDTH - 2 * MARGIN, height))


def _control(page: Element, param: Param, value: float, frame: Frame) -> None:
    if param.choices:
        own: dict[str, object] = {"steps": len(param.choices), "radioType": 0, "orientation": EAST}
        _node(page, "RADIO", param.id, frame, BRIGHT, own, x=int(value), sends=("INTEGER", *STRAIGHT, param.id))
        return
    own = {"orientation": EAST, "bar": True, "cursor": True, "grid": False, "response": 0, "responseFactor": 100}
    kind = "INTEGER" if param.kind == "int" else "FLOAT"
    way = (value - param.low) / (param.high - param.low) if param.high > param.low else 0.0
    sends = (kind, f"{param.low:.9g}", f"{param.high:.9g}", param.id)
    _node(page, "FADER", param.id, frame, BRIGHT, own, x=round(way, 6), sends=sends)


def _node(
    parent: Element,
    kind: str,
    name: str,
    frame: Frame,
    color: Color,
    own: Mapping[str, object] | None = None,
    x: float | None = None,
    text: str = "",
    sends: tuple[str, str, str, str] | None = None,
) -> Element:
    """Add a control to a list of children. `sends`: conversion, low, high, parameter."""
    node = SubElement(parent, "node", ID=str(uuid5(NAMESPACE_URL, f"limonaire/{kind}/{name}")), type=kind)
    properties = SubElement(node, "properties")
    for key, value in sorted((PLAIN | {"name": name, "frame": frame, "color": color} | dict(own or {})).items()):
        _property(properties, key, value)
    values = SubElement(node, "values")
    _value(values, "touch", "false")
    if x is not None:
        _value(values, "x", f"{x:.9g}")
    if text:
        _value(values, "text", text)
    if sends:
        _message(SubElement(node, "messages"), *sends)
    return node


def _property(properties: Element, key: str, value: object) -> None:
    """The type of a property is a letter: boolean, integer, float, string, rectangle, colour."""
    if isinstance(value, tuple):
        letter, parts = ("r", "xywh") if key == "frame" else ("c", "rgba")
    else:
        letter, parts = {bool: "b", int: "i", float: "f", str: "s"}[type(value)], ""
    found = SubElement(properties, "property", type=letter)
    SubElement(found, "key").text = key
    holder = SubElement(found, "value")
    if isinstance(value, tuple):
        for name, part in zip(parts, value, strict=True):
            SubElement(holder, name).text = f"{part:g}"
    else:
        holder.text = f"{value:g}" if isinstance(value, bool | float) else str(value)


def _value(values: Element, key: str, default: str) -> None:
    value = SubElement(values, "value")
    fixed = "1" if key == "text" else "0"
    for tag, text in (("key", key), ("locked", "0"), ("lockedDefaultCurrent", fixed), ("default", default)):
        SubElement(value, tag).text = text
    SubElement(value, "defaultPull").text = "0"


def _message(messages: Element, conversion: str, low: str, high: str, param_id: str) -> None:
    """One OSC message, by the first connection, whenever x changes."""
    osc = SubElement(messages, "osc")
    settings = {"enabled": "1", "send": "1", "receive": "1", "feedback": "0", "connections": "00001"}
    for tag, text in settings.items():
        SubElement(osc, tag).text = text
    trigger = SubElement(SubElement(osc, "triggers"), "trigger")
    SubElement(trigger, "var").text = "x"
    SubElement(trigger, "condition").text = "ANY"
    _partial(SubElement(osc, "path"), "CONSTANT", "STRING", f"/param/{param_id}", *STRAIGHT)
    _partial(SubElement(osc, "arguments"), "VALUE", conversion, "x", low, high)


def _partial(parent: Element, kind: str, conversion: str, value: str, low: str, high: str) -> None:
    partial = SubElement(parent, "partial")
    fields = {"type": kind, "conversion": conversion, "value": value, "scaleMin": low, "scaleMax": high}
    for tag, text in fields.items():
        SubElement(partial, tag).text = text
