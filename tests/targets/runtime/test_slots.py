import hashlib
import json

import pytest
from bench_kit import STRANGER, Rig, signed, signed_book

FACTORY = (0, "0.9.0", "active+confirmed")


@pytest.fixture
def books(tmp_path):
    folder = tmp_path / "books"
    folder.mkdir()
    return {version: signed_book(folder, version) for version in ("0.9.0", "1.0.0", "2.0.0", "3.0.0")}


@pytest.fixture
def rig(tmp_path, books):
    state = tmp_path / "state"
    state.mkdir()
    (state / "factory.book").write_bytes(books["0.9.0"])
    return Rig(state)


def perform(rig: Rig, steps: str, books) -> Rig:
    """Steps: a version uploads it, `test` and `keep` mark slot 1 (for a trial, for good), the rest is what it says."""
    for step in steps.split():
        if step in books:
            assert rig.upload(books[step])["match"] is True
        elif step in ("test", "keep"):
            assert "images" in rig.raw(2, 1, 0, {"hash": rig.hash_in(1), "confirm": step == "keep"})
        elif step == "confirm":
            assert "images" in rig.raw(2, 1, 0, {"confirm": True})
        elif step == "erase":
            assert rig.raw(2, 1, 5, {"slot": 1}) == {}
        elif step == "boot":
            rig = rig.reboot()
        elif step.startswith("damage-"):
            path = rig.state / f"{step[-1]}.book"
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)
    return rig


SCENARIOS = {
    "a new board plays the factory book": ("", [FACTORY]),
    "an upload alone changes nothing": ("1.0.0 boot", [FACTORY, (1, "1.0.0", "")]),
    "test waits for the next boot": ("1.0.0 test", [FACTORY, (1, "1.0.0", "pending")]),
    "the next boot tries it": ("1.0.0 test boot", [(0, "1.0.0", "active")]),
    "a boot without confirm goes back": ("1.0.0 test boot boot", [FACTORY, (1, "1.0.0", "")]),
    "it can be tried again": ("1.0.0 test boot boot test boot", [(0, "1.0.0", "active")]),
    "confirm keeps it": ("1.0.0 test boot confirm", [(0, "1.0.0", "active+confirmed")]),
    "power cycles never demote it": ("1.0.0 test boot confirm boot boot boot boot", [(0, "1.0.0", "active+confirmed")]),
    "keep needs no trial": ("1.0.0 keep boot boot", [(0, "1.0.0", "active+confirmed")]),
    "keep is shown as pending for good": ("1.0.0 keep", [FACTORY, (1, "1.0.0", "pending+permanent")]),
    "the next upload takes the other slot": (
        "1.0.0 keep boot 2.0.0",
        [(0, "1.0.0", "active+confirmed"), (1, "2.0.0", "")],
    ),
    "on trial the confirmed book is still shown": (
        "1.0.0 keep boot 2.0.0 test boot",
        [(0, "2.0.0", "active"), (1, "1.0.0", "confirmed")],
    ),
    "a failed trial brings the confirmed book back": (
        "1.0.0 keep boot 2.0.0 test boot boot",
        [(0, "1.0.0", "active+confirmed"), (1, "2.0.0", "")],
    ),
    "a second update confirmed": (
        "1.0.0 keep boot 2.0.0 test boot confirm boot 3.0.0",
        [(0, "2.0.0", "active+confirmed"), (1, "3.0.0", "")],
    ),
    "erase empties the other slot": ("1.0.0 erase", [FACTORY]),
    "erase takes the mark along": ("1.0.0 test erase boot", [FACTORY]),
    "a book damaged before its trial is passed over": ("1.0.0 test damage-a boot", [FACTORY]),
    "a damaged confirmed book gives way to the one confirmed before": (
        "1.0.0 keep boot 2.0.0 keep boot damage-b boot",
        [(0, "1.0.0", "active")],
    ),
    "and that to the factory book": ("1.0.0 keep boot 2.0.0 keep boot damage-b damage-a boot", [FACTORY]),
    "a damaged slot can be written again": (
        "1.0.0 keep boot damage-a boot 2.0.0 test boot confirm boot",
        [(0, "2.0.0", "active+confirmed")],
    ),
    "the same book in both slots: test means the other one": (
        "1.0.0 keep boot 1.0.0 test",
        [(0, "1.0.0", "active+confirmed"), (1, "1.0.0", "pending")],
    ),
    "confirming a confirmed book changes nothing": ("1.0.0 keep boot confirm", [(0, "1.0.0", "active+confirmed")]),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_slots_follow_test_confirm_and_revert(name, rig, books):
    steps, expected = SCENARIOS[name]
    assert perform(rig, steps, books).states() == expected


def test_same_book_in_both_slots_confirm_by_hash_means_the_playing_one(rig, books):
    rig = perform(rig, "1.0.0 test boot boot 2.0.0 keep boot 1.0.0 test boot", books)
    same = perform(rig, "confirm 1.0.0", books)
    assert same.raw(2, 1, 0, {"hash": same.hash_in(0), "confirm": True})["images"][0]["confirmed"]
    assert same.states() == [(0, "1.0.0", "active+confirmed"), (1, "1.0.0", "")]


# steps, request (op, command, payload), code in the image group's table
REFUSED: dict[str, tuple[str, tuple[int, int, dict], int]] = {
    "test of an unknown hash": ("", (2, 0, {"hash": b"\1" * 32}), 8),
    "test of what plays": ("1.0.0 keep boot", (2, 0, {"hash": "slot0"}), 33),
    "test of nothing": ("", (2, 0, {"confirm": False}), 24),
    "upload over a book that waits": ("1.0.0 test", (2, 1, {"off": 0, "len": 99, "data": b"x"}), 28),
    "upload over the confirmed book during a trial": (
        "1.0.0 keep boot 2.0.0 test boot",
        (2, 1, {"off": 0, "len": 99, "data": b"x"}),
        9,
    ),
    "erasing the confirmed book during a trial": ("1.0.0 keep boot 2.0.0 test boot", (2, 5, {"slot": 1}), 9),
    "erasing what plays": ("", (2, 5, {"slot": 0}), 14),
    "upload of something else": ("", (2, 1, {"off": 0, "len": 99, "data": b"PK\3\4"}), 23),
    "upload of an image that no book is": (
        "",
        (2, 1, {"off": 0, "len": 99, "data": b"\x3d\xb8\xf3\x96" + bytes(28)}),
        22,
    ),
    "upload of too much": ("", (2, 1, {"off": 0, "len": 1 << 31, "data": b"\x3d\xb8\xf3\x96"}), 30),
    "upload to a third slot": ("", (2, 1, {"off": 0, "len": 99, "image": 2, "data": b"\x3d\xb8\xf3\x96"}), 14),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_must_not_be_is_refused_with_its_code(name, rig, books):
    steps, (op, command, payload), code = REFUSED[name]
    rig = perform(rig, steps, books)
    if payload.get("hash") == "slot0":
        payload = {"hash": rig.hash_in(0)}
    before = rig.states()
    assert rig.raw(op, 1, command, payload) == {"err": {"group": 1, "rc": code}}
    assert rig.states() == before


def test_only_a_newer_book_is_taken_where_the_client_asks_for_that(rig, books):
    for version, expected in (("0.9.0", {"err": {"group": 1, "rc": 27}}), ("1.0.0", {"off": 40})):
        data = books[version]
        assert rig.raw(2, 1, 1, {"off": 0, "data": data[:40], "len": len(data), "upgrade": True}) == expected


def test_clients_of_the_first_version_get_a_general_code(rig):
    assert rig.raw(2, 1, 0, {"hash": b"\1" * 32}, version=0)["rc"] == 3


UNTRUSTED = {
    "a stranger's signature": lambda tmp, good: signed_book(tmp, key=STRANGER),
    "a flipped byte": lambda tmp, good: good[:200] + bytes([good[200] ^ 1]) + good[201:],
    "an image that is no book": lambda tmp, good: signed(tmp, b"firmware of something else" * 9),
}


@pytest.mark.parametrize("name", UNTRUSTED)
def test_an_untrusted_book_is_answered_match_false_and_the_slot_stays_as_it_was(name, rig, books, tmp_path):
    data = UNTRUSTED[name](tmp_path, books["1.0.0"])
    assert rig.upload(data) == {"off": len(data), "match": False}
    assert rig.states() == [FACTORY]
    assert any("refused" in line for line in rig.log.lines)
    assert perform(rig, "2.0.0", books).states()[1] == (1, "2.0.0", "")
    assert rig.upload(data)["match"] is False
    assert rig.states()[1] == (1, "2.0.0", "")


def test_a_broken_upload_goes_on_where_it_stopped_even_after_a_restart(rig, books):
    data = books["1.0.0"]
    stopped = rig.upload(data, chunk=100, stop_after=400)["off"]
    rig = rig.reboot()
    first = {"off": 0, "data": data[:100], "len": len(data), "sha": hashlib.sha256(data).digest()}
    assert rig.raw(2, 1, 1, first) == {"off": stopped}
    assert rig.raw(2, 1, 1, {"off": stopped, "data": data[stopped:]}) == {"off": len(data), "match": True}
    assert rig.states()[1] == (1, "1.0.0", "")


def test_an_upload_that_the_client_never_knew_was_broken_goes_on_too(rig, books):
    data = books["1.0.0"]
    stopped = rig.upload(data, chunk=100, stop_after=400)["off"]
    rig = rig.reboot()
    assert rig.raw(2, 1, 1, {"off": stopped, "data": data[stopped : stopped + 7]}) == {"off": stopped + 7}


def test_a_client_that_missed_the_last_answer_gets_it_again(rig, books):
    data = books["1.0.0"]
    first = {"off": 0, "data": data[:100], "len": len(data), "sha": hashlib.sha256(data).digest()}
    assert rig.upload(data)["match"] is True
    assert rig.raw(2, 1, 1, first) == {"off": len(data), "match": True}
    assert rig.raw(2, 1, 5, {"slot": 1}) == {}
    assert rig.raw(2, 1, 1, first) == {"off": 100}, "erased: it must come again"


def test_a_full_card_is_an_answer_and_leaves_room(rig, books, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(rig.machine.storage, "append", full)
        assert rig.upload(books["1.0.0"]) == {"err": {"group": 1, "rc": 12}}
    assert not (rig.state / "part.book").exists() and rig.states() == [FACTORY]
    assert rig.upload(books["1.0.0"])["match"] is True


def test_another_book_starts_from_the_beginning(rig, books):
    rig.upload(books["1.0.0"], chunk=100, stop_after=400)
    assert rig.upload(books["2.0.0"])["match"] is True


def test_a_piece_out_of_place_is_answered_with_the_offset_wanted(rig, books):
    data = books["1.0.0"]
    assert rig.raw(2, 1, 1, {"off": 500, "data": b"x"}) == {"off": 0}
    assert rig.raw(2, 1, 1, {"off": 0, "data": data[:50], "len": len(data)}) == {"off": 50}
    assert rig.raw(2, 1, 1, {"off": 20, "data": b"x"}) == {"off": 50}
    assert rig.raw(2, 1, 1, {"off": 50, "data": data[50:] + b"more"}) == {"err": {"group": 1, "rc": 31}}


def test_a_book_that_cannot_be_played_gives_way_and_its_trial_is_over(rig, books, tmp_path):
    bad = signed_book(tmp_path, "6.6.6", crash="load")
    assert rig.upload(bad)["match"] is True
    rig = perform(rig, "test boot", books)
    assert rig.states() == [FACTORY, (1, "6.6.6", "")]
    assert any("cannot be played" in line for line in rig.log.lines)


def test_without_any_book_the_board_is_silent_and_can_still_be_flashed(tmp_path, books):
    rig = Rig(tmp_path / "empty")
    assert rig.states() == [] and not rig.machine.performance.render_block().any()
    assert perform(rig, "1.0.0", books).states() == [(1, "1.0.0", "")]
    assert perform(rig, "test boot", books).states() == [(0, "1.0.0", "active")]


def test_an_unreadable_state_file_means_the_factory_book(rig, books):
    rig = perform(rig, "1.0.0 keep boot", books)
    for text in ("", "{", "[]", json.dumps({"format": 9}), json.dumps({"format": 1, "trial": {"slot": "../x"}})):
        (rig.state / "boot.json").write_text(text)
        assert rig.reboot().states()[0] == FACTORY


def test_safe_means_the_factory_book_only(rig, books):
    rig = perform(rig, "1.0.0 keep boot", books)
    assert rig.reboot(safe=True).states()[0] == FACTORY
    assert rig.reboot().states()[0] == (0, "1.0.0", "active+confirmed")
