"""Files on the board through SMP group 8, parsed by the `smp` package; and their folder when the power goes."""

import hashlib
import json
import random
import zlib

import pytest
from bench_kit import Rig, signed_book
from fake_disk import FakeDisk, PowerCut
from smp import file_management as fs

from targets.runtime import files
from targets.runtime.files import Files
from targets.runtime.rejection import Rejection
from targets.runtime.storage import Storage

CODES = fs.FS_MGMT_ERR


@pytest.fixture
def rig(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    (state / "factory.book").write_bytes(signed_book(tmp_path, "0.9.0"))
    return Rig(state, serial="0badcafe")


def put(rig, path, data, chunk=1000):
    """Upload as smpclient does: from offset to offset that the board names."""
    offset = 0
    while True:
        length = len(data) if offset == 0 else None
        request = fs.FileUploadRequest(off=offset, data=data[offset : offset + chunk], name=path, len=length)
        offset = rig.ask(request, fs.FileUploadResponse).off
        if offset == len(data):
            return


def get(rig, path):
    """Download as smpclient does."""
    reply = rig.ask(fs.FileDownloadRequest(off=0, name=path), fs.FileDownloadResponse)
    data, length = reply.data, reply.len
    while len(data) < length:
        data += rig.ask(fs.FileDownloadRequest(off=len(data), name=path), fs.FileDownloadResponse).data
    return data


@pytest.mark.parametrize("size", [0, 1, 1000, 20_001])
def test_what_was_uploaded_can_be_measured_hashed_and_downloaded(rig, size):
    data = random.Random(size).randbytes(size)
    put(rig, "/bundles/x", data)
    assert rig.ask(fs.FileStatusRequest(name="/bundles/x"), fs.FileStatusResponse).len == size
    assert get(rig, "/bundles/x") == data
    again = rig.reboot()
    assert get(again, "/bundles/x") == data
    if size:
        ask = lambda **how: again.ask(  # noqa: E731
            fs.FileHashChecksumRequest(name="/bundles/x", **how), fs.FileHashChecksumResponse
        )
        assert ask(type="sha256").output == hashlib.sha256(data).digest() and ask(type="sha256").len == size
        assert ask().type == "crc32" and ask().output == zlib.crc32(data)
    if size > 500:
        part = ask(off=100, len=300)
        assert (part.off, part.len, part.output) == (100, 300, zlib.crc32(data[100:400]))


def test_the_hashes_that_are_offered_are_the_ones_that_are_made(rig):
    reply = rig.ask(fs.SupportedFileHashChecksumTypesRequest(), fs.SupportedFileHashChecksumTypesResponse)
    assert {name: (kind.format, kind.size) for name, kind in reply.types.items()} == {
        "crc32": (fs.HashChecksumFormat.NUMERICAL, 4),
        "sha256": (fs.HashChecksumFormat.BYTE_ARRAY, 32),
    }


def test_a_file_is_the_old_one_until_the_new_one_is_complete(rig):
    put(rig, "/bundles/x", b"old")
    rig.ask(fs.FileUploadRequest(off=0, data=b"ne", name="/bundles/x", len=3), fs.FileUploadResponse)
    assert get(rig, "/bundles/x") == b"old" and get(rig.reboot(), "/bundles/x") == b"old"
    rig.ask(fs.FileUploadRequest(off=0, data=b"ne", name="/bundles/x", len=3), fs.FileUploadResponse)
    rig.ask(fs.FileUploadRequest(off=2, data=b"w", name="/bundles/x"), fs.FileUploadResponse)
    assert get(rig, "/bundles/x") == b"new"


def test_an_upload_goes_on_after_a_lost_answer(rig):
    ask = lambda off, data: rig.ask(  # noqa: E731
        fs.FileUploadRequest(off=off, data=data, name="/bundles/x", len=6 if off == 0 else None), fs.FileUploadResponse
    )
    assert ask(0, b"ab").off == 2
    assert ask(2, b"cd").off == 4 and ask(2, b"cd").off == 4, "the same piece twice"
    assert ask(4, b"ef").off == 6 and ask(4, b"ef").off == 6
    assert get(rig, "/bundles/x") == b"abcdef"


NOWHERE = {
    "/etc/passwd": CODES.MOUNT_POINT_NOT_FOUND,
    "/bundles/x/y": CODES.MOUNT_POINT_NOT_FOUND,
    "bundles/x": CODES.MOUNT_POINT_NOT_FOUND,
    "settings.json": CODES.MOUNT_POINT_NOT_FOUND,
    "": CODES.MOUNT_POINT_NOT_FOUND,
    "../../../etc/passwd": CODES.FILE_INVALID_NAME,
    "/bundles/../settings.json": CODES.FILE_INVALID_NAME,
    "/bundles/..": CODES.FILE_INVALID_NAME,
    "/bundles/.hidden": CODES.FILE_INVALID_NAME,
    "/bundles/a b": CODES.FILE_INVALID_NAME,
    "/bundles/a\0b": CODES.FILE_INVALID_NAME,
    "/bundles/a\n": CODES.FILE_INVALID_NAME,
    "/bundles/..\\x": CODES.FILE_INVALID_NAME,
    "/bundles/" + "x" * 65: CODES.FILE_INVALID_NAME,
    "/bundles/é": CODES.FILE_INVALID_NAME,
    "/": CODES.FILE_IS_DIRECTORY,
    "/bundles": CODES.FILE_IS_DIRECTORY,
    "/bundles/": CODES.FILE_IS_DIRECTORY,
}


@pytest.mark.parametrize("path", NOWHERE, ids=repr)
def test_no_path_leads_out_of_the_folder(rig, path):
    before = {item: item.read_bytes() for item in rig.state.rglob("*") if item.is_file()}
    for request in (
        fs.FileDownloadRequest(off=0, name=path),
        fs.FileStatusRequest(name=path),
        fs.FileHashChecksumRequest(name=path),
        fs.FileUploadRequest(off=0, data=b"evil", name=path, len=4),
    ):
        assert rig.ask(request, fs.FileSystemManagementErrorV2).err.rc == NOWHERE[path]
    assert {item: item.read_bytes() for item in rig.state.rglob("*") if item.is_file()} == before


REFUSED = {
    "no such file": (fs.FileDownloadRequest(off=0, name="/bundles/none"), CODES.FILE_NOT_FOUND),
    "read behind the end": (fs.FileDownloadRequest(off=4, name="/bundles/here"), CODES.FILE_OFFSET_LARGER_THAN_FILE),
    "hash behind the end": (
        fs.FileHashChecksumRequest(off=9, name="/bundles/here"),
        CODES.FILE_OFFSET_LARGER_THAN_FILE,
    ),
    "hash of nothing": (fs.FileHashChecksumRequest(name="/bundles/empty"), CODES.FILE_EMPTY),
    "a piece of nothing": (fs.FileUploadRequest(off=9, data=b"x", name="/bundles/new"), CODES.FILE_OFFSET_NOT_VALID),
    "write the parameters": (
        fs.FileUploadRequest(off=0, data=b"x", name="/params.json", len=1),
        CODES.READ_ONLY_FILESYSTEM,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_with_the_code_of_the_specification(rig, case):
    put(rig, "/bundles/here", b"here")
    put(rig, "/bundles/empty", b"")
    request, code = REFUSED[case]
    assert rig.ask(request, fs.FileSystemManagementErrorV2).err.rc == code


def test_an_unknown_kind_of_hash_is_refused(rig):
    put(rig, "/bundles/x", b"x")
    reply = rig.raw(0, 8, 2, {"name": "/bundles/x", "type": "md5"})
    assert reply == {"err": {"group": 8, "rc": CODES.CHECKSUM_HASH_NOT_FOUND}}


def test_there_is_room_for_so_much_and_no_more(rig, monkeypatch):
    monkeypatch.setattr(files, "QUOTA_BYTES", 10)
    monkeypatch.setattr(files, "MAX_FILES", 2)
    put(rig, "/bundles/a", b"1234")
    begin = lambda name, length: rig.raw(2, 8, 0, {"off": 0, "data": b"", "name": name, "len": length})  # noqa: E731
    assert begin("/bundles/b", 7)["rc"] == 2 and begin("/bundles/b", 6) == {"off": 0}
    assert begin("/bundles/a", 10) == {"off": 0}, "the file that is replaced does not count"
    put(rig, "/bundles/b", b"")
    assert begin("/bundles/c", 0)["rc"] == 2
    assert rig.raw(2, 8, 0, {"off": 0, "data": b"too much", "name": "/bundles/b", "len": 3})["rc"] == 3


def test_close_forgets_what_is_not_complete(rig):
    rig.raw(2, 8, 0, {"off": 0, "data": b"ab", "name": "/bundles/x", "len": 3})
    assert rig.ask(fs.FileCloseRequest(), fs.FileCloseResponse)
    assert not (rig.state / files.PART).exists()
    assert rig.raw(2, 8, 0, {"off": 2, "data": b"c", "name": "/bundles/x"})["err"]["rc"] == CODES.FILE_OFFSET_NOT_VALID


def test_a_part_of_an_earlier_life_is_gone_at_the_next_start(rig):
    rig.raw(2, 8, 0, {"off": 0, "data": b"ab", "name": "/bundles/x", "len": 3})
    assert (rig.state / files.PART).exists()
    assert rig.reboot().machine.files.names() == [] and not (rig.state / files.PART).exists()


def test_the_parameters_can_be_downloaded_with_their_values(rig):
    rig.machine.buffer_bytes = 256  # many pieces
    rig.machine.performance.set("fake_bpm", 90)
    params = json.loads(get(rig, "/params.json"))["CONTENTS"]["param"]["CONTENTS"]
    assert set(params) == set(rig.machine.performance.params)
    assert params["fake_bpm"]["VALUE"] == [90] and params["fake_key"]["RANGE"] == [{"VALS": ["any", "c", "d"]}]


def test_a_download_in_pieces_is_of_one_piece(rig):
    rig.machine.buffer_bytes = 256
    read = lambda off: rig.ask(fs.FileDownloadRequest(off=off, name="/params.json"), fs.FileDownloadResponse)  # noqa: E731
    first = read(0)
    rig.machine.performance.set("fake_bpm", 90)  # one digit less: all that follows would move
    data = first.data
    while len(data) < first.len:
        data += read(len(data)).data
    value = lambda data: json.loads(data)["CONTENTS"]["param"]["CONTENTS"]["fake_bpm"]["VALUE"]  # noqa: E731
    assert value(data) == [120] and value(get(rig, "/params.json")) == [90]


def test_the_log_can_be_downloaded(rig):
    rig.machine.log.say("the last line")
    assert b"playing test book" in get(rig, "/log") and get(rig, "/log").endswith(b"the last line\n")


def test_the_status_can_be_downloaded_as_json(rig):
    told = json.loads(get(rig, "/info.json"))
    assert told["serial"] == "0badcafe" and told["book"]["version"] == "0.9.0" and len(told["book"]["hash"]) == 64


def test_a_card_that_is_full_refuses_and_makes_room(rig, monkeypatch):
    def full(name, data):
        raise OSError("No space left on device")

    monkeypatch.setattr(rig.machine.storage, "append", full)
    request = fs.FileUploadRequest(off=0, data=b"x", name="/bundles/x", len=9)
    assert rig.ask(request, fs.FileSystemManagementErrorV2).err.rc == CODES.FILE_WRITE_FAILED
    assert not (rig.state / files.PART).exists()


def _arrive(disk, data):
    store = Files(disk)
    offset = 0
    while offset < len(data):
        offset = store.take("x", offset, data[offset : offset + 3], len(data) if offset == 0 else None)


def test_a_power_cut_leaves_the_old_file_or_the_new_one(monkeypatch):
    monkeypatch.setattr(files, "SYNC_BYTES", 5)  # the last pieces are less
    old, new = b"the old one", b"a newer and longer one"
    outcomes = set()
    for cut_at in range(1, 60):
        disk = FakeDisk()
        _arrive(disk, old)
        disk.operations, disk.cut_at = 0, cut_at
        try:
            _arrive(disk, new)
            acknowledged = True
        except PowerCut:
            acknowledged = False
        for seed in range(20):
            after = disk.after_the_cut(random.Random(seed))
            store = Files(after)
            found = store.read("x", 0, 100)
            assert store.names() == ["x"] and found in ((new,) if acknowledged else (old, new)), (cut_at, seed)
            outcomes.add(found)
        if acknowledged:
            break
    assert acknowledged and outcomes == {old, new}


def test_a_file_that_was_removed_stays_away(tmp_path):
    store = Files(Storage(tmp_path))
    store.take("x", 0, b"1", 1)
    store.remove("x")
    assert store.names() == [] and Files(Storage(tmp_path)).names() == []
    with pytest.raises(Rejection, match="no file"):
        store.remove("x")
