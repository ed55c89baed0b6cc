"""What programs for OSC are told about the parameters: read back as a stranger would, from JSON."""

import json

import pytest

from gen_core.spec.param import Param
from targets.protocol import oscquery

PARAMS = {
    "bpm": Param(id="bpm", low=40, high=240, default=120, unit="bpm", help="how fast"),
    "seed": Param(id="seed", low=0, high=2**24 - 1, default=0, kind="int"),
    "key": Param(id="key", low=0, high=2, default=1, kind="choice", choices=("any", "c", "d")),
    "level.drums": Param(id="level.drums", low=0, high=2, default=1),
}
NODES = {  # as it stands in the JSON, without path, access and clip mode, which are the same for all
    "bpm": {
        "TYPE": "f",
        "VALUE": [96.5],
        "RANGE": [{"MIN": 40, "MAX": 240}],
        "DESCRIPTION": "how fast",
        "UNIT": ["bpm"],
    },
    "seed": {"TYPE": "i", "VALUE": [7], "RANGE": [{"MIN": 0, "MAX": 16777215}], "DESCRIPTION": "seed"},
    "key": {"TYPE": "s", "VALUE": ["d"], "RANGE": [{"VALS": ["any", "c", "d"]}], "DESCRIPTION": "key"},
    "level.drums": {"TYPE": "f", "VALUE": [1], "RANGE": [{"MIN": 0, "MAX": 2}], "DESCRIPTION": "level.drums"},
}


@pytest.fixture
def read():
    return json.loads(json.dumps(oscquery.tree(PARAMS, {"bpm": 96.5, "seed": 7.0, "key": 2.0}), allow_nan=False))


@pytest.mark.parametrize("name", PARAMS)
def test_a_parameter_is_told_with_its_type_value_range_and_unit(read, name):
    everywhere = {"FULL_PATH": f"/param/{name}", "ACCESS": 3, "CLIPMODE": ["both"]}
    assert read["CONTENTS"]["param"]["CONTENTS"][name] == NODES[name] | everywhere


def test_every_node_stands_where_its_path_says(read):
    def walk(node, path):
        assert node["FULL_PATH"] == path or (path == "" and node["FULL_PATH"] == "/")
        for name, child in node.get("CONTENTS", {}).items():
            walk(child, f"{path}/{name}")

    walk(read, "")
    assert read["ACCESS"] == 0 and set(read["CONTENTS"]) == {"param"}


def test_integers_are_integers_and_not_floats_that_look_like_them(read):
    seed = read["CONTENTS"]["param"]["CONTENTS"]["seed"]
    assert all(type(value) is int for value in (*seed["VALUE"], *seed["RANGE"][0].values()))


def test_without_parameters_there_is_an_empty_tree():
    assert oscquery.tree({}, {})["CONTENTS"]["param"]["CONTENTS"] == {}
