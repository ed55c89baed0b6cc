"""What multicast DNS says of a board, read by another process's worth of `zeroconf` on this machine's own address."""

import threading
from types import SimpleNamespace

import pytest
from zeroconf import ServiceBrowser, Zeroconf

from targets.runtime.announce import TYPES, Announcement, services

LOOPBACK = "127.0.0.1"
PLACES = [
    {"kind": "serial", "address": "", "port": 0, "writes": "all"},
    {"kind": "osc", "address": LOOPBACK, "port": 19000, "writes": "local"},
    {"kind": "http", "address": LOOPBACK, "port": 19001, "writes": "none"},
]


class Heard:
    """Who browses, and what it has found."""

    def __init__(self):
        self.ports, self.found = {}, threading.Event()

    def add_service(self, zeroconf, type_, name):
        info = zeroconf.get_service_info(type_, name)
        self.ports[type_, name.partition(".")[0]] = info.port if info else None
        if len(self.ports) == len(TYPES):
            self.found.set()

    def update_service(self, *_):
        """Nothing of interest."""

    remove_service = update_service


def test_a_board_is_found_by_whoever_looks_for_oscquery():
    said = []
    machine = SimpleNamespace(listening=PLACES, serial="0badcafe", log=SimpleNamespace(say=said.append))
    announcement, heard = Announcement(machine, alone=True), Heard()
    announcement.start()
    looking = Zeroconf(interfaces=[LOOPBACK])
    try:
        ServiceBrowser(looking, list(TYPES.values()), heard)
        assert heard.found.wait(20), said
    finally:
        looking.close()
        announcement.stop()
    assert heard.ports == {
        (TYPES["osc"], "Limonaire 0badcafe"): 19000,
        (TYPES["http"], "Limonaire 0badcafe"): 19001,
    }


@pytest.mark.parametrize("places", [[], PLACES[:1], PLACES])
def test_a_board_that_nobody_else_can_reach_tells_nothing(places):
    assert services("Limonaire x", places[:1]) == []
    announcement = Announcement(SimpleNamespace(listening=places, serial="x", log=None))
    announcement.start()
    announcement.stop()
    assert announcement._zeroconf is None
