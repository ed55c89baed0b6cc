"""OSCQuery by the book: statuses and attributes of its proposal, from requests as they come over the wire."""

import json

import pytest

from gen_core.spec.param import Param
from targets.protocol import oscquery, oscquery_http

PARAMS = {
    "bpm": Param(id="bpm", low=40, high=240, default=120, unit="bpm"),
    "level.drums": Param(id="level.drums", low=0, high=2, default=1),
    "key": Param(id="key", low=0, high=1, default=0, kind="choice", choices=("c", "d")),
}
TREE = oscquery.tree(PARAMS, {"bpm": 90.0})
HOST = oscquery_http.host_info("Limonaire 0bad", 9000)

ANSWERS = {  # what is asked for: (status, data)
    "/": (200, TREE),
    "": (200, TREE),
    "/param": (200, TREE["CONTENTS"]["param"]),
    "/param/": (200, TREE["CONTENTS"]["param"]),
    "/param/bpm?VALUE": (200, {"VALUE": [90.0]}),
    "/param/bpm?VALUE=": (200, {"VALUE": [90.0]}),
    "/param/bpm?RANGE": (200, {"RANGE": [{"MIN": 40.0, "MAX": 240.0}]}),
    "/param/bpm?TYPE": (200, {"TYPE": "f"}),
    "/param/bpm?ACCESS": (200, {"ACCESS": 3}),
    "/param/bpm?FULL_PATH": (200, {"FULL_PATH": "/param/bpm"}),
    "/param/key?VALUE": (200, {"VALUE": ["c"]}),
    "/param/level.drums?VALUE": (200, {"VALUE": [1.0]}),
    "/param/level%2Edrums?VALUE": (200, {"VALUE": [1.0]}),
    "/?HOST_INFO": (200, HOST),
    "/?VALUE": (204, None),
    "/param/bpm?TAGS": (204, None),
    "/param/key?UNIT": (204, None),
    "/param/bpm?LISTEN": (400, None),
    "/param/bpm?value": (400, None),
    "/param/bpm?VALUE&RANGE": (400, None),
    "/param/bpn": (404, None),
    "/param/bpn?VALUE": (404, None),
    "/param/bpm/more": (404, None),
    "/..%2f..%2fetc/passwd": (404, None),
}


@pytest.mark.parametrize("target", ANSWERS)
def test_a_request_has_the_answer_of_the_proposal(target):
    assert oscquery_http.answer(target, TREE, HOST) == ANSWERS[target]


def test_the_host_says_where_osc_goes_and_what_it_can():
    assert HOST["OSC_PORT"] == 9000 and HOST["OSC_TRANSPORT"] == "UDP" and HOST["NAME"] == "Limonaire 0bad"
    assert HOST["EXTENSIONS"]["VALUE"] is True and HOST["EXTENSIONS"]["LISTEN"] is False


HEADS = {
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n": (200, "/"),
    b"GET /param/bpm?VALUE HTTP/1.0\r\n\r\n": (200, "/param/bpm?VALUE"),
    b"POST /param/bpm HTTP/1.1\r\n\r\n": (405, ""),
    b"HEAD / HTTP/1.1\r\n\r\n": (405, ""),
    b"GET / HTTP/2\r\n\r\n": (400, ""),
    b"GET http://elsewhere/ HTTP/1.1\r\n\r\n": (400, ""),
    b"GET /\r\n\r\n": (400, ""),
    b"\xff\xfe\x00\r\n\r\n": (400, ""),
    b"\r\n\r\n": (400, ""),
}


@pytest.mark.parametrize("head", HEADS)
def test_only_a_get_of_a_path_is_taken(head):
    assert oscquery_http.target_of(head) == HEADS[head]


def test_a_response_says_how_long_it_is_and_that_the_connection_ends():
    head, _, body = oscquery_http.response(200, {"VALUE": [1]}).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n") and b"Connection: close" in head
    assert json.loads(body) == {"VALUE": [1]} and b"Content-Length: %d" % len(body) in head
    assert oscquery_http.response(204).endswith(b"\r\n\r\n") and b"Content-Length" not in oscquery_http.response(204)
    assert b"Allow: GET" in oscquery_http.response(405)
