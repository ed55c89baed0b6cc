"""What OSCQuery answers over HTTP: a path and an attribute in, a status and JSON out. No sockets here.

"OSCQuery Proposal" of Vidvox: 404 where there is no such node, 204 where the node has no such attribute, 400 where the
attribute is not known.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

ATTRIBUTES = (
    *("FULL_PATH", "CONTENTS", "DESCRIPTION", "ACCESS", "TYPE", "VALUE", "RANGE", "CLIPMODE", "UNIT"),
    *("TAGS", "EXTENDED_TYPE", "CRITICAL"),  # known, and of no node here
)
OFFERED = ("ACCESS", "VALUE", "RANGE", "DESCRIPTION", "CLIPMODE", "UNIT")  # of the optional ones
NOT_OFFERED = ("LISTEN", "PATH_CHANGED", "TAGS", "EXTENDED_TYPE", "CRITICAL", "OVERLOADS", "HTML")
REASONS = {
    200: "OK",
    204: "No Content",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
}
LARGEST_HEAD_BYTES = 4096


def host_info(name: str, osc_port: int) -> dict[str, Any]:
    """What answers `?HOST_INFO`. Without an `OSC_IP` a client sends to the address that it asked."""
    extensions = dict.fromkeys(OFFERED, True) | dict.fromkeys(NOT_OFFERED, False)
    return {"NAME": name, "OSC_PORT": osc_port, "OSC_TRANSPORT": "UDP", "EXTENSIONS": extensions}


def answer(target: str, tree: Mapping[str, Any], host: Mapping[str, Any]) -> tuple[int, Any]:
    """The status and the data for a request like `/param/bpm?VALUE`; None where there is no data."""
    path, _, attribute = target.partition("?")
    attribute = attribute.removesuffix("=")
    if attribute == "HOST_INFO":
        return 200, host
    node = _find(unquote(path), tree)
    if node is None:
        return 404, None
    if not attribute:
        return 200, node
    if attribute not in ATTRIBUTES:
        return 400, None
    return (200, {attribute: node[attribute]}) if attribute in node else (204, None)


def target_of(head: bytes) -> tuple[int, str]:
    """The status so far and what is asked for, from the head of a request. Only GET is answered."""
    words = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        return 400, ""
    if words[0] != "GET":
        return 405, ""
    return (200, words[1]) if words[1].startswith("/") else (400, "")


def response(status: int, data: Any = None) -> bytes:
    """A whole response, after which the connection ends."""
    body = b"" if data is None else json.dumps(data).encode()
    lines = [f"HTTP/1.1 {status} {REASONS[status]}", "Connection: close", "Cache-Control: no-store"]
    lines += [] if status == 204 else ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += ["Allow: GET"] if status == 405 else []
    return "\r\n".join([*lines, "", ""]).encode() + body


def _find(path: str, tree: Mapping[str, Any]) -> Mapping[str, Any] | None:
    node: Mapping[str, Any] | None = tree
    for name in filter(None, path.split("/")):
        node = node.get("CONTENTS", {}).get(name) if node else None
    return node
