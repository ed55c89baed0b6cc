"""Group 65 in the words of the `smp` package, for `smpclient` and for a plugin of `smpmgr`.

A module of its own, because pydantic must be able to import what the generic error classes name.
"""

from enum import IntEnum
from typing import Any

from smp import error, message

GROUP = 65


class Code(IntEnum):
    """The group has no codes of its own: it answers with the general ones."""

    OK = 0


class ErrorV1(error.ErrorV1):
    _GROUP_ID = GROUP


class ErrorV2(error.ErrorV2[Code]):
    _GROUP_ID = GROUP


class _Errors:
    _ErrorV1, _ErrorV2 = ErrorV1, ErrorV2


class ParamsResponse(message.ReadResponse):
    _GROUP_ID, _COMMAND_ID = GROUP, 0
    total: int
    off: int
    params: list[dict[str, Any]]


class Params(message.ReadRequest, _Errors):
    _GROUP_ID, _COMMAND_ID = GROUP, 0
    _Response = ParamsResponse
    off: int = 0


class HealthResponse(message.ReadResponse):
    _GROUP_ID, _COMMAND_ID = GROUP, 2
    ok: bool
    reasons: list[str]
    blocks: int
    deadline_misses: int
    starved: int
    render_errors: int
    compose_errors: int
    render_peak_ms: float
    peak_db: float
    rss_bytes: int


class Health(message.ReadRequest, _Errors):
    _GROUP_ID, _COMMAND_ID = GROUP, 2
    _Response = HealthResponse


class SeedResponse(message.ReadResponse):
    _GROUP_ID, _COMMAND_ID = GROUP, 3
    seed: int


class Seed(message.ReadRequest, _Errors):
    _GROUP_ID, _COMMAND_ID = GROUP, 3
    _Response = SeedResponse


class SetSeedResponse(message.WriteResponse):
    _GROUP_ID, _COMMAND_ID = GROUP, 3


class SetSeed(message.WriteRequest, _Errors):
    _GROUP_ID, _COMMAND_ID = GROUP, 3
    _Response = SetSeedResponse
    seed: int
