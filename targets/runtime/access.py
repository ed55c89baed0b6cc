"""Who may write. A cable is trusted by possession, an IP address because it is this machine's own or the gadget's.

Any other address may read, and writes once it has shown the board's token. That lasts an hour and holds for the
address, not for one of its ports: a client of SMP opens another port for each call. UDP cannot tell who really sent a
packet, so the token keeps out whoever passes by, and not somebody who watches the network.
"""

import hmac
import ipaddress
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from targets.protocol import smp
from targets.runtime.storage import Storage, write_atomic

T = TypeVar("T")

AUTHORISED_S = 3600.0
MOST_ADDRESSES = 256  # remembered at once, those that wrote the token and those that guessed it; the oldest go first
TRIES, PAUSE_S = 5, 10.0  # of one address: so many wrong tokens at once, then one more every so many seconds
ALL_TRIES, ALL_PAUSE_S = 50, 0.2  # the same for everybody together
TOKEN_FILE, TOKEN_BYTES, LONGEST_TOKEN = "token", 16, 128


@dataclass(frozen=True)
class Origin:
    """Where a message came from, and so where its answer goes.

    `kind` is "serial" or "ip"; `address` what the socket calls the sender, (host, port, …), or the name of the line.
    """

    kind: str
    address: tuple = ()
    may_write: bool = field(default=False, compare=False)  # may change while the sender stays the same
    through: int = 0  # which of the board's sockets it came in by


SERIAL = Origin("serial", (), True)

READS = {(smp.Group.OS, smp.OsCommand.ECHO), (smp.Group.LIMONAIRE, smp.LimonaireCommand.TOKEN)}  # change nothing
WRITES = {(smp.Group.SETTINGS, smp.SettingsCommand.LOAD_SAVE)}  # `load` is a read by its number, and is heard


def writes(frame: smp.Frame) -> bool:
    """True if an SMP request changes anything."""
    if (frame.group, frame.command) in WRITES:
        return True
    return frame.op == smp.Op.WRITE and (frame.group, frame.command) not in READS


class Access:
    """The policy of one board. `token` gives the board's token; empty means that none is accepted."""

    def __init__(self, token: Callable[[], str] = str, clock: Callable[[], float] = time.monotonic) -> None:
        self._token, self._clock = token, clock
        self._until_s: OrderedDict[str, float] = OrderedDict()  # host → end of its authorisation
        self._tries: OrderedDict[str, Allowance] = OrderedDict()
        self._all_tries = Allowance(ALL_TRIES, ALL_PAUSE_S, clock)

    def origin(self, address: tuple, local: bool, through: int = 0) -> Origin:
        """The origin of a datagram. `local`: it came in where only this machine or the gadget's other end can send."""
        may_write = local or is_loopback(address[0]) or self._authorised(address[0])
        return Origin("ip", address, may_write, through)

    def present(self, token: object, origin: Origin) -> str:
        """Somebody shows a token. Returns why it is refused, and nothing when it is right."""
        if origin.may_write:
            return ""
        tries = _kept(self._tries, origin.address[0], lambda: Allowance(TRIES, PAUSE_S, self._clock))
        if not (tries.left() and self._all_tries.left()):
            return "too many wrong tokens: wait a little"
        if not self._matches(token):
            tries.use()
            self._all_tries.use()
            return "this is not the board's token"
        self._until_s.pop(origin.address[0], None)
        _kept(self._until_s, origin.address[0], lambda: self._clock() + AUTHORISED_S)
        return ""

    def _matches(self, token: object) -> bool:
        ours = self._token()
        if not isinstance(token, str) or not 0 < len(token) <= LONGEST_TOKEN or not ours:
            return False
        return hmac.compare_digest(token.encode("utf-8", "replace"), ours.encode())

    def _authorised(self, host: str) -> bool:
        return self._until_s.get(host, 0.0) > self._clock()


class Allowance:
    """So many tries at once, and then one more every `pause_s`."""

    def __init__(self, most: int, pause_s: float, clock: Callable[[], float]) -> None:
        self._most, self._pause_s, self._clock = float(most), pause_s, clock
        self._left, self._at_s = self._most, clock()

    def left(self) -> bool:
        """True if there is one."""
        now_s = self._clock()
        self._left = min(self._most, self._left + (now_s - self._at_s) / self._pause_s)
        self._at_s = now_s
        return self._left >= 1.0

    def use(self) -> None:
        """One less."""
        self._left -= 1.0


def is_loopback(host: str) -> bool:
    """True for an address of this machine that nobody else can send from. The kernel drops those that claim it."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def own_token(storage: Storage) -> str:
    """The board's token, from its folder; made when it is first needed, readable by the board's user only."""
    token = (storage.read(TOKEN_FILE) or b"").decode("ascii", "ignore").strip()
    if not token:
        token = secrets.token_urlsafe(TOKEN_BYTES)
        write_atomic(storage, TOKEN_FILE, token.encode() + b"\n", private=True)
    return token


def _kept(memory: "OrderedDict[str, T]", host: str, fresh: Callable[[], T]) -> T:
    """What is remembered of a host; a bounded memory forgets the oldest for it."""
    if host not in memory:
        while len(memory) >= MOST_ADDRESSES:
            memory.popitem(last=False)
        memory[host] = fresh()
    return memory[host]
