"""Control surfaces: a widget a parameter, with its address, its range in its unit and its choices, on its own page."""

import json
import zlib
from xml.etree import ElementTree

import pytest

from gen_core.director.director import control_params
from gen_core.spec.param import Param
from host_tools.commands import params as verb
from host_tools.layouts import LAYOUTS, layout, pages
from tests.fixtures.command_line import limonaire

MADE_UP = [
    Param(id="cutoff.lead", low=20, high=20000, default=1000, curve="exponential", help='a "low" <pass> & more'),
    Param(id="fixed", low=3, high=3, default=3),
    Param(id="mute.drums", low=0, high=1, default=0, kind="choice", choices=("off", "on")),
]
PARAMS = [*control_params(("fairground", "chamber")), *MADE_UP]
LISTED = [(param, param.from_unit(0.25) if param.kind == "float" else param.low) for param in PARAMS]
BY_ID = {param.id: param for param in PARAMS}


def test_parameters_are_on_the_page_of_their_family_in_order():
    found = pages(LISTED)
    assert list(found)[:2] == ["main", "style"] and {"cutoff", "mute"} <= set(found)
    assert [param.id for param, _ in found["style"]] == [param.id for param in PARAMS if param.id.startswith("style.")]
    assert sum(map(len, found.values())) == len(PARAMS)


def widgets(node):
    for child in [*node.get("tabs", ()), *node.get("widgets", ())]:
        yield child
        yield from widgets(child)


@pytest.fixture(scope="module")
def session():
    return json.loads(layout("open-stage-control", LISTED))


def test_a_session_of_open_stage_control_says_what_it_is(session):
    assert session["type"] == "session" and session["content"]["type"] == "root"
    assert tuple(map(int, session["version"].split("."))) > (1, 24, 2), "older ones are converted when they are opened"
    assert {tab["type"] for tab in session["content"]["tabs"]} == {"tab"}
    ids = [widget["id"] for widget in widgets(session["content"])]
    assert len(ids) == len(set(ids)), "widgets of one id would move together"


def test_each_parameter_has_its_widget_in_open_stage_control(session):
    found = {w["address"]: w for w in widgets(session["content"]) if "address" in w}
    assert list(found) == [f"/param/{param.id}" for page in pages(LISTED).values() for param, _ in page]
    for param, value in LISTED:
        widget = found[f"/param/{param.id}"]
        assert widget["default"] == pytest.approx(value)
        assert widget["typeTags"] == ("f" if param.kind == "float" else "i")
        if param.choices:
            assert widget["type"] == ("switch" if len(param.choices) <= 6 else "dropdown")
            assert widget["values"] == {"labels": list(param.choices), "values": list(range(len(param.choices)))}
        else:
            ends = (widget["range"]["min"], widget["range"]["max"])
            assert widget["type"] == "fader" and ends == (param.low, param.high)


def test_a_fader_of_open_stage_control_follows_the_curve_of_its_parameter(session):
    found = {w.get("address"): w for w in widgets(session["content"])}
    assert found["/param/cutoff.lead"]["range"]["50%"] == pytest.approx((20 * 20000) ** 0.5)
    assert set(found["/param/energy"]["range"]) == {"min", "max"}


PROPERTIES = {  # of each kind of control as TouchOSC itself saves it: type → names
    "common": {
        "b": "background grabFocus interactive locked outline visible",
        "i": "orientation outlineStyle pointerPriority shape",
        "f": "cornerRadius",
        "s": "name",
        "r": "frame",
        "c": "color",
    },
    "GROUP": {"s": "tabLabel", "c": "tabColorOff tabColorOn textColorOff textColorOn"},
    "PAGER": {"b": "tabLabels tabbar tabbarDoubleTap", "i": "tabbarSize textSizeOff textSizeOn"},
    "LABEL": {"b": "textClip", "i": "font textAlignH textAlignV textLength textSize", "c": "textColor"},
    "FADER": {"b": "bar cursor grid", "i": "barDisplay cursorDisplay gridSteps response responseFactor"},
    "RADIO": {"i": "radioType steps"},
}


@pytest.fixture(scope="module")
def document():
    return ElementTree.fromstring(zlib.decompress(layout("touchosc", LISTED)))


def properties(node):
    return {p.findtext("key"): (p.get("type"), p.find("value")) for p in node.findall("properties/property")}


def test_a_document_of_touchosc_has_the_form_that_the_program_saves(document):
    assert document.tag == "lexml" and document.get("version") == "3"
    assert [node.get("type") for node in document] == ["GROUP"]
    ids = [node.get("ID") for node in document.iter("node")]
    assert len(ids) == len(set(ids))
    for node in document.iter("node"):
        known = {
            name: letter
            for kind in ("common", node.get("type"))
            for letter, names in PROPERTIES[kind].items()
            for name in names.split()
        }
        for name, (letter, value) in properties(node).items():
            assert known[name] == letter, (node.get("type"), name)
            assert letter not in "rc" or [part.tag for part in value] == list({"r": "xywh", "c": "rgba"}[letter])
            assert letter != "b" or value.text in "01"


def test_pages_of_touchosc_are_named_and_nothing_lies_outside_its_page(document):
    tabs = [node for node in document.iter("node") if "tabLabel" in properties(node)]
    assert [properties(tab)["tabLabel"][1].text for tab in tabs] == list(pages(LISTED))
    for tab in tabs:
        width, height = (float(properties(tab)["frame"][1].findtext(side)) for side in "wh")
        for node in tab.findall("children/node"):
            x, y, w, h = (float(properties(node)["frame"][1].findtext(side)) for side in "xywh")
            assert 0 <= x and x + w <= width and 0 <= y and y + h <= height


def test_each_parameter_has_its_control_in_touchosc(document):
    found = {node.findtext("messages/osc/path/partial/value"): node for node in document.iter("node")}
    found.pop(None)
    assert set(found) == {f"/param/{param.id}" for param in PARAMS}
    for param, value in LISTED:
        node = found[f"/param/{param.id}"]
        argument = node.find("messages/osc/arguments/partial")
        low, high = float(argument.findtext("scaleMin")), float(argument.findtext("scaleMax"))
        x = float(next(v.findtext("default") for v in node.findall("values/value") if v.findtext("key") == "x"))
        if param.choices:
            assert node.get("type") == "RADIO" and properties(node)["steps"][1].text == str(len(param.choices))
            assert (low, high, x) == (0.0, 1.0, value) and argument.findtext("conversion") == "INTEGER"
        else:
            assert node.get("type") == "FADER" and (low, high) == pytest.approx((param.low, param.high))
            assert low + x * (high - low) == pytest.approx(value, rel=1e-4, abs=1e-5 * (high - low))


def test_the_verb_offers_every_layout_there_is():
    assert verb.LAYOUTS == tuple(LAYOUTS)


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_verb_writes_the_surface_of_a_board(name, fake_board, tmp_path, capfdbinary):
    file = tmp_path / "surface"
    code, out, err = limonaire(capfdbinary, "params", "--port", fake_board.port, "--layout", name, "-o", file)
    assert code == 0 and not out and b"5 parameters" in err
    code, out, _ = limonaire(capfdbinary, "params", "--port", fake_board.port, "--layout", name)
    text = file.read_bytes() if name != "touchosc" else zlib.decompress(file.read_bytes())
    assert code == 0 and out == file.read_bytes() and b"/param/level.drums" in text


def test_a_file_without_a_layout_is_a_mistake(fake_board, tmp_path, capsys):
    code, _, err = limonaire(capsys, "params", "--port", fake_board.port, "-o", tmp_path / "x")
    assert code == 2 and "--layout" in err
