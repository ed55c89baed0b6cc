"""OSCQuery's address told to the network by multicast DNS, so that programs find a board's parameters by themselves.

Done where `zeroconf` is installed (extra `discover`) and where the board listens. Service types: OSCQuery proposal,
"Discovery".
"""

import ipaddress
import threading
from collections.abc import Sequence
from typing import Any

from targets.runtime.access import is_loopback
from targets.runtime.machine import PRODUCT, Machine

TYPES = {"http": "_oscjson._tcp.local.", "osc": "_osc._udp.local."}
LAST_WORD_S = 0.5


class Announcement:
    """What is told of one board, from a thread of its own: looking whether a name is free takes a second.

    `alone`: also where only this machine can hear it, which serves nobody but a test and costs 7 MB.
    """

    def __init__(self, machine: Machine, alone: bool = False) -> None:
        told = [place for place in machine.listening if place["kind"] in TYPES]
        self._places = [place for place in told if alone or not is_loopback(place["address"])]
        self._name, self._log = f"{PRODUCT} {machine.serial}", machine.log
        self._zeroconf: Any = None
        self._thread = threading.Thread(target=self._tell, name="announce", daemon=True)

    def start(self) -> None:
        """Begin to tell, if there is anything, and anybody to do it."""
        if self._places and _installed():
            self._thread.start()

    def stop(self) -> None:
        """Say that it is over; who does not hear it notices when the record has run out."""
        if self._zeroconf is not None:
            last_word = threading.Thread(target=self._zeroconf.close, daemon=True)
            last_word.start()
            last_word.join(LAST_WORD_S)

    def _tell(self) -> None:
        try:
            from zeroconf import Zeroconf

            self._zeroconf = Zeroconf(interfaces=sorted({place["address"] for place in self._places}))
            for service in services(self._name, self._places):
                self._zeroconf.register_service(service)
        except Exception as error:  # a network that does not carry it, or a name that is taken: no reason not to play
            self._log.say(f"OSCQuery is not announced: {type(error).__name__}: {error}")


def services(name: str, places: Sequence[dict[str, Any]]) -> list[Any]:
    """A record for each kind of port, with every address where it is open."""
    from zeroconf import ServiceInfo

    found = []
    for kind, type_ in TYPES.items():
        ours = [place for place in places if place["kind"] == kind]
        addresses = [ipaddress.ip_address(place["address"]).packed for place in ours]
        host = f"{name.lower().replace(' ', '-')}.local."
        if ours:
            found.append(ServiceInfo(type_, f"{name}.{type_}", ours[0]["port"], addresses=addresses, server=host))
    return found


def _installed() -> bool:
    import importlib.util

    return importlib.util.find_spec("zeroconf") is not None
