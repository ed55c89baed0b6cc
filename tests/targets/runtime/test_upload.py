"""A book on its way in: refused at the first byte that tells, copied from where the board has it, never too old."""

import hashlib
import io
import random
import sys
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from bench_kit import KEY, Rig, signed, signed_book
from imgtool.keys.ed25519 import Ed25519

sys.path.insert(0, str(Path(__file__).parents[1] / "protocol"))
from imgtool_kit import rebuild, tlv

from targets.protocol import mcuboot, pieces

NOISE = random.Random(3).randbytes(60_000)


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path / "state")


def opened(rig, data, size=100):
    """Begin an upload with its first bytes."""
    request = {"off": 0, "data": data[:size], "len": len(data), "sha": hashlib.sha256(data).digest()}
    return rig.raw(2, 1, 1, request)


def cut(data):
    return pieces.cut(io.BytesIO(data))


def copied(rig, data, piece, sha=None):
    sha = hashlib.sha256(data[piece.offset : piece.end]).digest() if sha is None else sha
    return rig.raw(2, 65, 4, {"off": piece.offset, "size": piece.size, "sha": sha})


def delivered(rig, data):
    """Upload as our host does; returns the last answer and how many bytes were copied."""
    answer, copied_bytes = opened(rig, data, cut(data)[0].size), 0
    for piece in cut(data)[1:]:
        answer = copied(rig, data, piece)
        copied_bytes += answer["off"] - piece.offset
        if answer["off"] == piece.offset:
            answer = rig.raw(2, 1, 1, {"off": piece.offset, "data": data[piece.offset : piece.end]})
    return answer, copied_bytes


def first_refusal(rig, data, chunk=64):
    """How many bytes had crossed the cable when the board said no, and what it said."""
    offset, answer = 0, opened(rig, data, chunk)
    while "off" in answer and "match" not in answer:
        offset = answer["off"]
        answer = rig.raw(2, 1, 1, {"off": offset, "data": data[offset : offset + chunk]})
    return offset + chunk, answer


def altered(data, at, value):
    return data[:at] + value + data[at + len(value) :]


def noisy(tmp, **how):
    return signed_book(tmp, payload=NOISE, **how)


def forged(tmp, *, protected=None, plain=None):
    """With other TLVs, hashed and signed again by the right key."""
    return rebuild(noisy(tmp), plain=plain, protected=protected, key=KEY)


def zipped(manifest):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("manifest.json", manifest)
    return content.getvalue()


MARK, COUNTER = tlv(0xA0, b"limonaire-book"), tlv(0x50, (9).to_bytes(4, "little"))
HEADER, MANIFEST, END = 64, 1500, None  # the latest byte at which it must be refused, in uploads of 64 at a time

BAD = {  # what is wrong → the book, the latest byte, a word of the answer or of the log
    "the magic": (lambda tmp: altered(noisy(tmp), 0, b"\0"), HEADER, "'rc': 23"),
    "flags": (lambda tmp: altered(noisy(tmp), 16, b"\4"), HEADER, "'rc': 22"),
    "a header that announces too much": (lambda tmp: altered(noisy(tmp), 15, b"\x7f"), HEADER, "'rc': 22"),
    "a file that is cut off": (lambda tmp: noisy(tmp)[:-5000], HEADER, "'rc': 21"),
    "much behind its end": (lambda tmp: noisy(tmp) + bytes(5000), HEADER, "'rc': 21"),
    "no protected area": (lambda tmp: altered(noisy(tmp), 10, b"\0\0"), HEADER, "'rc': 22"),
    "a newer format": (lambda tmp: noisy(tmp, format=99), MANIFEST, "newer Limonaire"),
    "another board": (lambda tmp: noisy(tmp, boards=["pi_4"]), MANIFEST, "made for pi_4"),
    "a stranger's key": (lambda tmp: noisy(tmp, key=Ed25519.generate()), END, "not trusted"),
    "no signature": (lambda tmp: noisy(tmp, key=None), END, "no signature"),
    "a flipped bit": (lambda tmp: altered(noisy(tmp), 9000, b"\0\1"), END, "hash differs"),
    "a byte behind its end": (lambda tmp: noisy(tmp) + b"m", END, "longer than it says"),
    "a lower counter": (lambda tmp: noisy(tmp, counter=2), END, "'rc': 27"),
    "no counter": (lambda tmp: noisy(tmp), END, "'rc': 27"),
    "a counter where nothing protects it": (lambda tmp: forged(tmp, plain=lambda e: [*e, COUNTER]), END, "not known"),
    "two counters": (lambda tmp: forged(tmp, protected=[MARK, COUNTER, COUNTER]), END, "twice"),
    "two hashes": (lambda tmp: forged(tmp, plain=lambda e: [e[0], *e]), END, "twice"),
    "two signatures": (lambda tmp: forged(tmp, plain=lambda e: [*e, e[2]]), END, "twice"),
    "a counter of eight bytes": (lambda tmp: forged(tmp, protected=[MARK, tlv(0x50, bytes(8))]), END, "32-bit"),
    "another product's mark": (lambda tmp: forged(tmp, protected=[tlv(0xA0, b"something")]), END, "not marked"),
    "no ZIP": (lambda tmp: signed(tmp, NOISE, counter=3), END, "unpacked"),
    "a manifest that is none": (lambda tmp: signed(tmp, zipped("none"), counter=3), END, "manifest.json"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_can_be_no_book_is_refused_at_the_first_byte_that_tells(name, rig, tmp_path):
    make, latest, word = BAD[name]
    rig.upload(signed_book(tmp_path, "3.0.0", counter=3))
    rig.raw(2, 1, 0, {"hash": rig.hash_in(1), "confirm": True})
    rig = rig.reboot()
    before, data = rig.states(), make(tmp_path)
    at, answer = first_refusal(rig, data)
    assert "err" in answer or answer.get("rc") or answer.get("match") is False, answer
    assert word in str(answer) + rig.log.lines[-1]
    assert at <= (latest or len(data) + 64)
    assert rig.states() == before and not list(rig.state.glob("part.*"))


def test_a_book_of_a_higher_counter_is_taken_where_those_were_refused(rig, tmp_path):
    """What makes the table above bite: nothing else about its books is wrong."""
    rig.upload(signed_book(tmp_path, "3.0.0", counter=3))
    rig.raw(2, 1, 0, {"hash": rig.hash_in(1), "confirm": True})
    rig = rig.reboot()
    at, answer = first_refusal(rig, rebuild(noisy(tmp_path), protected=[MARK, COUNTER], key=KEY))
    assert answer["match"] is True


def test_what_the_board_holds_need_not_travel(rig, tmp_path):
    old = signed_book(tmp_path, "1.0.0", payload=NOISE)
    assert delivered(rig, old) == ({"off": len(old), "match": True}, 0)
    new = signed_book(tmp_path, "2.0.0", payload=NOISE, presets={"calm": {"fake_energy": 0.1}})
    answer, copied_bytes = delivered(rig, new)
    assert answer == {"off": len(new), "match": True} and copied_bytes > 0.95 * len(new)
    assert rig.states() == [(1, "2.0.0", "")]
    assert (rig.state / "a.book").read_bytes() == new


@pytest.mark.parametrize("slot", ["factory", "a", "b"])
def test_a_piece_is_found_in_whichever_slot_holds_it(slot, tmp_path):
    old = signed_book(tmp_path, "1.0.0", payload=NOISE)
    state = tmp_path / "state"
    state.mkdir()
    (state / f"{slot}.book").write_bytes(old)
    _, copied_bytes = delivered(Rig(state), signed_book(tmp_path, "2.0.0", payload=NOISE))
    assert copied_bytes > len(NOISE)


def test_a_piece_that_is_not_here_is_still_wanted(rig, tmp_path):
    data = signed_book(tmp_path, payload=NOISE)
    opened(rig, data, 32)
    piece = cut(data)[2]
    assert copied(rig, data, piece) == {"off": 32}, "the one before it comes first"
    assert copied(rig, data, cut(data)[1]) == {"off": 32}
    for sha in (b"", bytes(32), b"x" * 999):
        assert copied(rig, data, cut(data)[1], sha) == {"off": 32}


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"off": 0},
        {"off": -1, "size": 1, "sha": b""},
        {"off": 0, "size": "1", "sha": b""},
        {"off": 0, "size": 1, "sha": 3},
    ],
)
def test_a_copy_needs_numbers_and_a_hash(request_, rig):
    assert rig.raw(2, 65, 4, request_)["rc"] == 3


def test_a_copy_without_an_upload_is_nothing(rig):
    assert rig.raw(2, 65, 4, {"off": 0, "size": 10, "sha": bytes(32)}) == {"off": 0}


def test_an_upload_goes_on_behind_a_copied_piece_after_a_power_cycle(rig, tmp_path):
    delivered(rig, signed_book(tmp_path, "1.0.0", payload=NOISE))
    new = signed_book(tmp_path, "2.0.0", payload=NOISE)
    opened(rig, new, 32)
    manifest, model = cut(new)[1:3]
    rig.raw(2, 1, 1, {"off": 32, "data": new[32 : manifest.end]})
    assert copied(rig, new, model) == {"off": model.end}
    rig = rig.reboot()
    assert opened(rig, new, 32) == {"off": model.end}
    assert rig.raw(2, 1, 1, {"off": model.end, "data": new[model.end :]})["match"] is True


def test_what_an_earlier_life_took_is_read_again_between_requests_and_holds_nobody_up(rig, tmp_path):
    data = signed_book(tmp_path, payload=random.Random(5).randbytes(5_000_000))
    stopped = rig.upload(data, chunk=50_000, stop_after=4_000_000)["off"]
    rig, turns = rig.reboot(), 0
    assert rig.states() == [] and rig.machine.upload.catching_up
    while rig.machine.upload.catching_up and turns < 100:
        rig.machine.upload.catch_up()
        turns += 1
    assert 4 <= turns < 10, "slice by slice"
    assert opened(rig, data) == {"off": stopped}
    assert rig.upload(data)["match"] is True


SUFFERED = {  # what a power cut did to what had arrived
    "it is longer than the book": lambda part: part + bytes(9_000_000),
    "it is empty": lambda part: b"",
    "its header is gone": lambda part: bytes(32) + part[32:],
}


@pytest.mark.parametrize("name", SUFFERED)
def test_a_part_that_suffered_is_no_stumbling_block(name, rig, tmp_path):
    data = signed_book(tmp_path, payload=NOISE)
    rig.upload(data, stop_after=30_000)
    part = rig.state / "part.book"
    part.write_bytes(SUFFERED[name](part.read_bytes()))
    rig = rig.reboot()
    assert opened(rig, data) == {"off": 100}, "from the beginning"
    assert rig.upload(data)["match"] is True


COUNTERS = {  # steps (an upload of that counter, then what is done with it) → what the last upload is answered
    "the same counter is taken": ("3 keep 3", True),
    "a higher one is taken": ("3 keep 4", True),
    "a lower one is not": ("3 keep 2", 27),
    "none is not": ("3 keep 0", 27),
    "a trial raises nothing": ("3 test 2", True),
    "a trial that was not confirmed raises nothing": ("3 test boot 2", True),
    "confirming a trial raises it": ("3 confirm 2", 27),
}


@pytest.mark.parametrize("name", COUNTERS)
def test_the_counter_rises_only_when_a_book_is_confirmed(name, rig, tmp_path):
    steps, expected = COUNTERS[name]
    answer = {}
    for number, step in enumerate(steps.split()):
        if step.isdigit():
            answer = rig.upload(signed_book(tmp_path, f"1.0.{number}", counter=int(step)))
            continue
        if step in ("keep", "test", "confirm"):
            rig.raw(2, 1, 0, {"hash": rig.hash_in(1), "confirm": step == "keep"})
        rig = rig.reboot()
        if step == "confirm":
            rig.raw(2, 1, 0, {"confirm": True})
    assert (answer.get("match") or answer["err"]["rc"]) == expected


def test_a_book_that_was_there_before_the_counter_rose_is_not_tried_any_more(rig, tmp_path):
    rig.upload(signed_book(tmp_path, "1.0.0", counter=1))
    rig.raw(2, 1, 0, {"hash": rig.hash_in(1), "confirm": True})
    rig = rig.reboot()
    rig.upload(signed_book(tmp_path, "2.0.0", counter=2))
    rig.raw(2, 1, 0, {"hash": rig.hash_in(1), "confirm": True})
    rig = rig.reboot()
    assert rig.states() == [(0, "2.0.0", "active+confirmed"), (1, "1.0.0", "")]
    assert rig.raw(2, 1, 0, {"hash": rig.hash_in(1), "confirm": False}) == {"err": {"group": 1, "rc": 27}}


def test_the_counter_is_read_from_the_protected_area_only(tmp_path):
    image = mcuboot.verify(signed_book(tmp_path, counter=7), [KEY.get_public_pem()])
    assert image.counter == 7 and (mcuboot.COUNTER_TAG, (7).to_bytes(4, "little")) in image.protected


def test_a_large_book_is_never_in_memory_whole(rig, tmp_path):
    data = signed_book(tmp_path, payload=random.Random(4).randbytes(16_000_000))
    tracemalloc.start()
    answer = rig.upload(data, chunk=8000)
    rig.states()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer["match"] is True
    assert peak < 6_000_000


def test_slots_say_how_large_a_book_may_be(rig):
    answer = rig.raw(0, 1, 6, {})
    assert answer["images"][0]["max_image_size"] == rig.machine.slots.board.max_book_bytes >= 1 << 26
    assert [slot["slot"] for slot in answer["images"][0]["slots"]] == [0, 1]


def test_a_board_that_is_open_takes_a_book_of_any_signer_and_says_so(tmp_path):
    rig = Rig(tmp_path / "state", open=True)
    assert rig.raw(0, 65, 1, {})["open"] is True
    assert rig.upload(signed_book(tmp_path, key=Ed25519.generate()))["match"] is True
    assert Rig(tmp_path / "other").raw(0, 65, 1, {})["open"] is False
