"""Requests with one odd value each, over every command of every group: the server answers or refuses, and never slips.

A command that is new belongs in the table.
"""

import struct

import pytest
from bench_kit import Rig, signed_book

from targets.runtime.groups.registry import GROUPS


@pytest.fixture
def rig(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    (state / "factory.book").write_bytes(signed_book(tmp_path, "0.9.0"))
    return Rig(state)


WELL_FORMED = {  # (op, group, command) → a request that is answered; those without keys are not listed
    (0, 0, 0): {"d": "hi"},
    (2, 0, 0): {"d": "hi"},
    (2, 0, 4): {"datetime": "2026-03-01"},
    (0, 0, 7): {"format": "a"},
    (0, 0, 8): {"query": "mode"},
    (2, 1, 0): {"hash": b"1" * 32, "confirm": False},
    (2, 1, 1): {"off": 0, "data": b"\x3d\xb8\xf3\x96", "len": 400, "sha": b"2" * 32, "image": 0, "upgrade": False},
    (2, 1, 5): {"slot": 1},
    (0, 2, 0): {"name": "audio"},
    (0, 3, 0): {"name": "fake_bpm", "max_size": 4},
    (2, 3, 0): {"name": "fake_bpm", "val": struct.pack("<f", 90)},
    (2, 3, 1): {"name": "fake_bpm"},
    (0, 8, 0): {"off": 0, "name": "/bundles/x"},
    (2, 8, 0): {"off": 0, "data": b"x", "name": "/bundles/x", "len": 1},
    (0, 8, 1): {"name": "/bundles/x"},
    (0, 8, 2): {"name": "/bundles/x", "type": "sha256", "off": 0, "len": 1},
    (2, 9, 0): {"argv": ["param", "set", "fake_bpm", "90"]},
    (0, 10, 2): {"index": 0},
    (0, 10, 3): {"groups": [0, 65]},
    (0, 65, 0): {"off": 0},
    (2, 65, 3): {"seed": 5},
    (2, 65, 4): {"off": 0, "size": 4, "sha": b"3" * 32},
    (2, 65, 5): {"token": "text"},
}
ODD = [None, True, -1, 0, 2**63, 2**64 - 1, 1.5, float("nan"), float("inf"), "", "x", "\0", "0001-01-01", b"", b"xy"]
ODD += [[], [1], [[]], ["a", 1], [2**70], {}, {"a": []}]


@pytest.mark.parametrize("edition", [0, 1])
def test_whatever_is_asked_for_is_answered_or_refused_and_never_a_fault(rig, edition):
    put = {"off": 0, "data": b"x", "name": "/bundles/x", "len": 1}
    for (op, group, command), fields in WELL_FORMED.items():
        for key in fields:
            for value in (fields[key], *ODD):
                assert rig.raw(2, 8, 0, put) == {"off": 1}
                reply = rig.raw(op, group, command, fields | {key: value}, version=edition)
                assert rig.machine.counts["faults"] == 0, (group, command, key, value, reply, rig.log.lines[-1])
        rig.raw(op, group, command, {}, version=edition)
        assert rig.machine.counts["faults"] == 0, (group, command, rig.log.lines[-1])


def test_every_command_that_takes_anything_is_tried_with_odd_values():
    nothing = {(2, 0, 5), (0, 0, 4), (0, 0, 6), (0, 1, 0), (0, 1, 6), (0, 2, 1), (2, 3, 2), (0, 3, 3), (2, 3, 3)}
    nothing |= {(0, 8, 3), (2, 8, 4), (0, 10, 0), (0, 10, 1), (0, 65, 1), (0, 65, 2), (0, 65, 3)}
    served = {(int(op), int(group), int(command)) for group, commands in GROUPS.items() for command, op in commands}
    assert served <= set(WELL_FORMED) | nothing
