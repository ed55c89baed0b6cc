"""Who may write: requests by origin, tokens shown and guessed, and a memory that nobody can fill."""

import stat

import pytest
from bench_kit import Rig, signed_book
from smp.error import MGMT_ERR

from targets.protocol import osc, smp
from targets.runtime import access as accesses
from targets.runtime.access import SERIAL, Access, Origin, is_loopback, own_token
from targets.runtime.groups.registry import GROUPS
from targets.runtime.osc_server import OscServer
from targets.runtime.storage import Storage

FAR, ELSEWHERE = ("192.0.2.7", 5000), ("192.0.2.8", 5000)
ORIGINS = {  # who asks: may write
    "the cable": (SERIAL, True),
    "this machine": (Access().origin(("127.0.0.1", 5000), local=False), True),
    "the other end of the gadget": (Access().origin(("10.55.0.2", 5000), local=True), True),
    "another machine": (Access().origin(FAR, local=False), False),
}
CHANGES = {  # by their group and command, with (group, op, command)
    "image upload": (1, 2, 1),
    "image test": (1, 2, 0),
    "image erase": (1, 2, 5),
    "reset": (0, 2, 5),
    "date and time": (0, 2, 4),
    "setting": (3, 2, 0),
    "settings committed": (3, 2, 2),
    "settings saved": (3, 2, 3),
    "settings loaded, a read by its number": (3, 0, 3),
    "file": (8, 2, 0),
    "shell": (9, 2, 0),
    "seed": (65, 2, 3),
}
LOOKS = {
    "echo": (0, 2, 0, {"d": "hi"}),
    "buffer sizes": (0, 0, 6, {}),
    "info": (0, 0, 7, {}),
    "image state": (1, 0, 0, {}),
    "statistics": (2, 0, 1, {}),
    "setting": (3, 0, 0, {"name": "fake_bpm"}),
    "file": (8, 0, 0, {"off": 0, "name": "/params.json"}),
    "groups": (10, 0, 1, {}),
    "parameters": (65, 0, 0, {"off": 0}),
    "status": (65, 0, 1, {}),
    "health": (65, 0, 2, {}),
}


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    return signed_book(tmp_path_factory.mktemp("book"))


@pytest.fixture
def rig(tmp_path, book):
    state = tmp_path / "state"
    state.mkdir()
    (state / "factory.book").write_bytes(book)
    return Rig(state)


def ask(rig, origin, group, op, command, payload=None):
    reply = rig.server.handle(smp.encode(smp.Frame(op=op, group=group, command=command, payload=payload or {})), origin)
    return smp.decode(reply).payload


@pytest.mark.parametrize("who", ORIGINS)
def test_a_write_is_answered_where_it_is_allowed_and_denied_where_not(who, rig):
    origin, allowed = ORIGINS[who]
    for what, request in CHANGES.items():
        answer = ask(rig, origin, *request)
        assert (answer.get("rc") != MGMT_ERR.EACCESSDENIED) == allowed, (what, answer)
        assert allowed or "token" in answer["rsn"]
    assert rig.machine.counts["denied"] == (0 if allowed else len(CHANGES))
    assert rig.machine.reset_asked == allowed


@pytest.mark.parametrize("who", ORIGINS)
def test_everybody_may_read(who, rig):
    for what, (group, op, command, payload) in LOOKS.items():
        answer = ask(rig, ORIGINS[who][0], group, op, command, payload)
        assert "rc" not in answer and "err" not in answer, (what, answer)


def test_every_command_that_writes_is_denied_to_strangers(rig):
    stranger, harmless = ORIGINS["another machine"][0], {(0, 0), (65, 5)}
    for group, commands in GROUPS.items():
        for command, op in commands:
            if op == smp.Op.WRITE and (group, command) not in harmless:
                assert ask(rig, stranger, group, op, command)["rc"] == MGMT_ERR.EACCESSDENIED, (group, command)


def send(rig, origin, address, *args):
    rig.machine.osc.receive(osc.encode(osc.Message(address, args)), origin)


@pytest.mark.parametrize("who", ORIGINS)
def test_osc_that_changes_something_is_counted_and_left_undone_where_it_is_not_allowed(who, rig):
    origin, allowed = ORIGINS[who]
    send(rig, origin, "/param/fake_bpm", 90.0)
    send(rig, origin, "/play", 0, 60, 100)
    assert rig.machine.performance.get("fake_bpm") == (90.0 if allowed else 120.0)
    assert rig.machine.osc.stats()["osc_denied"] == (0 if allowed else 2)
    send(rig, origin, "/subscribe", "ack")
    send(rig, origin, "/param/fake_bpm")
    assert len(rig.machine.osc.outgoing(1 << 16, origin)) == 1, "asking is for everybody"


def test_the_token_lets_an_address_write_from_any_port_until_it_expires(rig):
    token = own_token(rig.machine.storage)
    access = rig.machine.access
    access._clock = lambda: now_s
    now_s = 1000.0
    stranger = access.origin(FAR, local=False)
    assert ask(rig, stranger, 65, 2, 5, {"token": token + "x"})["rc"] == MGMT_ERR.EACCESSDENIED
    assert not access.origin(FAR, local=False).may_write
    assert ask(rig, stranger, 65, 2, 5, {"token": token}) == {}
    assert access.origin((FAR[0], 6000), local=False).may_write
    assert not access.origin(ELSEWHERE, local=False).may_write
    now_s += accesses.AUTHORISED_S + 1.0
    assert not access.origin(FAR, local=False).may_write


def test_the_token_may_be_shown_over_osc(rig):
    stranger = rig.machine.access.origin(FAR, local=False)
    send(rig, stranger, "/token", "guess")
    send(rig, stranger, "/token")
    assert not rig.machine.access.origin(FAR, local=False).may_write and rig.machine.osc.stats()["osc_refused"] == 2
    send(rig, stranger, "/token", own_token(rig.machine.storage))
    assert rig.machine.access.origin(FAR, local=False).may_write


NO_TOKENS = (None, "", 7, b"secret", "s" * 10_000, "sécret", "secret ", ["secret"])


@pytest.mark.parametrize("token", NO_TOKENS, ids=repr)
def test_what_is_not_the_token_is_refused(token):
    access = Access(lambda: "secret")
    assert access.present(token, access.origin(FAR, local=False)) and not access.origin(FAR, local=False).may_write


def test_a_board_without_a_token_accepts_none():
    access = Access()
    for token in ("", None, "x"):
        assert access.present(token, access.origin(FAR, local=False))


class Clock:
    now_s = 0.0

    def __call__(self):
        return self.now_s


def test_guessing_is_slow_for_one_address_and_others_may_still_show_the_token():
    clock = Clock()
    access = Access(lambda: "secret", clock)
    guesser, owner = (access.origin(address, local=False) for address in (FAR, ELSEWHERE))
    for _ in range(accesses.TRIES):
        assert "not the board's" in access.present("guess", guesser)
    assert "too many" in access.present("guess", guesser)
    assert "too many" in access.present("secret", guesser), "not even the right one, or a guess could be told from none"
    assert access.present("secret", owner) == ""
    clock.now_s += accesses.PAUSE_S
    assert "not the board's" in access.present("guess", guesser) and "too many" in access.present("guess", guesser)
    clock.now_s += accesses.PAUSE_S
    assert access.present("secret", guesser) == ""


def test_guessing_from_many_addresses_is_slow_as_well():
    clock = Clock()
    access = Access(lambda: "secret", clock)
    heard = 0
    for number in range(1000):
        stranger = Origin("ip", (f"198.51.100.{number % 250}", number))
        heard += "too many" not in access.present("guess", stranger)
    assert heard == accesses.ALL_TRIES
    clock.now_s += 10 * accesses.ALL_PAUSE_S
    refusals = [access.present("guess", Origin("ip", (f"203.0.113.{number}", 1))) for number in range(50)]
    assert sum("too many" not in refusal for refusal in refusals) == 10


def test_neither_guesses_nor_authorisations_fill_the_memory():
    clock = Clock()
    access = Access(lambda: "secret", clock)
    for number in range(2000):
        stranger = Origin("ip", (f"10.0.{number // 250}.{number % 250}", 1))
        access.present("guess", stranger)
        clock.now_s += accesses.ALL_PAUSE_S
        assert access.present("secret", stranger) == ""
    assert len(access._tries) <= accesses.MOST_ADDRESSES and len(access._until_s) <= accesses.MOST_ADDRESSES


def test_the_token_is_made_once_and_is_for_the_boards_user_only(tmp_path):
    storage = Storage(tmp_path)
    token = own_token(storage)
    assert len(token) >= 22 and own_token(Storage(tmp_path)) == token
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
    assert own_token(Storage(tmp_path / "other")) != token


LOOPBACK = {
    "127.0.0.1": True,
    "127.99.1.2": True,
    "::1": True,
    "::ffff:127.0.0.1": True,
    "0.0.0.0": False,
    "192.168.1.2": False,
    "fe80::1%usb0": False,
    "::ffff:192.168.1.2": False,
    "localhost": False,
    "": False,
}


@pytest.mark.parametrize("host", LOOPBACK)
def test_this_machine_is_told_from_others(host):
    assert is_loopback(host) == LOOPBACK[host]


def test_an_osc_server_on_its_own_lets_nobody_in_by_token(rig):
    server = OscServer(rig.machine.performance)
    server.receive(osc.encode(osc.Message("/token", ("",))), Origin("ip", FAR))
    assert server.stats()["osc_refused"] == 1
