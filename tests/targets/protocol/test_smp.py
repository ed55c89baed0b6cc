"""SMP frames against the `smp` package, which others wrote, and against bytes written down once."""

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from smp import enumeration_management as enumeration
from smp import error as smp_error
from smp import file_management as files
from smp import header as smp_header
from smp import image_management as img
from smp import os_management as os_group
from smp import settings_management as settings
from smp import shell_management as shell
from smp import statistics_management as stat

from gen_core.spec.errors import UsageError, WireError
from targets.protocol import smp

SHA = bytes(range(32))
READ, WRITE = smp.Op.READ, smp.Op.WRITE
IMAGE = {"slot": 0, "version": "1.2.3", "hash": SHA, "bootable": True, "confirmed": True, "active": True}
MESSAGES = {  # name → (theirs, fields, group, command, op): what we send or understand
    "echo": (os_group.EchoWriteRequest, {"d": "hi"}, 0, 0, WRITE),
    "echo answer": (os_group.EchoWriteResponse, {"r": "hi"}, 0, 0, WRITE + 1),
    "reset": (os_group.ResetWriteRequest, {}, 0, 5, WRITE),
    "reset answer": (os_group.ResetWriteResponse, {}, 0, 5, WRITE + 1),
    "buffers": (os_group.MCUMgrParametersReadRequest, {}, 0, 6, READ),
    "buffers answer": (os_group.MCUMgrParametersReadResponse, {"buf_size": 8192, "buf_count": 1}, 0, 6, READ + 1),
    "info": (os_group.OSApplicationInfoReadRequest, {"format": "a"}, 0, 7, READ),
    "info answer": (os_group.OSApplicationInfoReadResponse, {"output": "Limonaire"}, 0, 7, READ + 1),
    "state": (img.ImageStatesReadRequest, {}, 1, 0, READ),
    "state answer": (img.ImageStatesReadResponse, {"images": [IMAGE]}, 1, 0, READ + 1),
    "mark": (img.ImageStatesWriteRequest, {"hash": SHA, "confirm": False}, 1, 0, WRITE),
    "mark answer": (img.ImageStatesWriteResponse, {"images": [IMAGE]}, 1, 0, WRITE + 1),
    "upload": (
        img.ImageUploadWriteRequest,
        {"off": 0, "data": b"\x3d\xb8\xf3\x96", "image": 1, "len": 4, "sha": SHA, "upgrade": False},
        1,
        1,
        WRITE,
    ),
    "upload answer": (img.ImageUploadWriteResponse, {"off": 4, "match": True}, 1, 1, WRITE + 1),
    "erase": (img.ImageEraseRequest, {"slot": 1}, 1, 5, WRITE),
    "erase answer": (img.ImageEraseResponse, {}, 1, 5, WRITE + 1),
    "read setting": (settings.ReadSettingRequest, {"name": "bpm"}, 3, 0, READ),
    "read setting answer": (settings.ReadSettingResponse, {"val": b"\0\0\xe0\x42"}, 3, 0, READ + 1),
    "write setting": (settings.WriteSettingRequest, {"name": "bpm", "val": b"\0\0\xe0\x42"}, 3, 0, WRITE),
    "write setting answer": (settings.WriteSettingResponse, {}, 3, 0, WRITE + 1),
    "delete setting": (settings.DeleteSettingRequest, {"name": "bpm"}, 3, 1, WRITE),
    "commit": (settings.CommitSettingsRequest, {}, 3, 2, WRITE),
    "load": (settings.LoadSettingsRequest, {}, 3, 3, READ),
    "save": (settings.SaveSettingsRequest, {}, 3, 3, WRITE),
    "time answer": (os_group.DateTimeReadResponse, {"datetime": "2026-03-01T12:00:00+00:00"}, 0, 4, READ + 1),
    "set time": (os_group.DateTimeWriteRequest, {"datetime": "2026-03-01T12:00:00"}, 0, 4, WRITE),
    "boot loader": (os_group.BootloaderInformationReadRequest, {}, 0, 8, READ),
    "boot loader answer": (os_group.BootloaderInformationReadResponse, {"bootloader": "Limonaire"}, 0, 8, READ + 1),
    "statistics": (stat.ListOfGroupsRequest, {}, 2, 1, READ),
    "statistics answer": (stat.GroupDataResponse, {"name": "audio", "fields": {"blocks": 7}}, 2, 0, READ + 1),
    "download": (files.FileDownloadRequest, {"off": 0, "name": "/params.json"}, 8, 0, READ),
    "download answer": (files.FileDownloadResponse, {"off": 0, "data": b"{}", "len": 2}, 8, 0, READ + 1),
    "file upload": (files.FileUploadRequest, {"off": 0, "data": b"x", "name": "/bundles/x", "len": 1}, 8, 0, WRITE),
    "file upload answer": (files.FileUploadResponse, {"off": 1}, 8, 0, WRITE + 1),
    "file size answer": (files.FileStatusResponse, {"len": 2}, 8, 1, READ + 1),
    "file hash": (files.FileHashChecksumRequest, {"name": "/bundles/x", "type": "sha256"}, 8, 2, READ),
    "file hash answer": (
        files.FileHashChecksumResponse,
        {"type": "crc32", "len": 2, "output": 1234567890},
        8,
        2,
        READ + 1,
    ),
    "close": (files.FileCloseRequest, {}, 8, 4, WRITE),
    "shell": (shell.ExecuteRequest, {"argv": ["param", "set", "bpm", "120"]}, 9, 0, WRITE),
    "shell answer": (shell.ExecuteResponse, {"o": "bpm 120", "ret": 0}, 9, 0, WRITE + 1),
    "groups answer": (enumeration.ListOfGroupsResponse, {"groups": [0, 1, 65]}, 10, 1, READ + 1),
    "group answer": (enumeration.GroupIdResponse, {"group": 65, "end": True}, 10, 2, READ + 1),
    "general refusal": (img.ImageManagementErrorV1, {"rc": 8}, 1, 0, READ + 1),
    "refusal of a group": (img.ImageManagementErrorV2, {"err": {"group": 1, "rc": 30}}, 1, 1, WRITE + 1),
}
GOLDEN = {  # sequence 7, second edition of the protocol
    "echo": "0a00000600000700a16164626869",
    "upload answer": "0b00000d00010701a2636f666604656d61746368f5",
    "general refusal": "0900000500010700a162726308",
}


def ours(name, version=1):
    _, fields, group, command, op = MESSAGES[name]
    return smp.Frame(op=op, group=group, command=command, payload=fields, sequence=7, version=version)


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("name", MESSAGES)
def test_the_other_implementation_reads_what_we_write(name, version):
    theirs, fields, *_ = MESSAGES[name]
    data = smp.encode(ours(name, version))
    if issubclass(theirs, smp_error.ErrorV2):  # it reads these only with the header in hand
        read = theirs.load(smp_header.Header.loads(data[:8]), dict(fields))
    else:
        read = theirs.loads(data)
    assert (read.header.op, read.header.group_id, read.header.command_id) == tuple(
        getattr(ours(name), key) for key in ("op", "group", "command")
    )
    assert read.sequence == 7 and read.version == version
    assert _plain(read, fields) == fields


def _plain(read, fields):
    dumped = read.model_dump(exclude_unset=True, exclude_none=True)
    return {key: list(dumped[key]) if isinstance(dumped[key], tuple) else dumped[key] for key in fields}


ONE_WAY = {"general refusal", "refusal of a group", "mark answer"}  # theirs writes no operation, or that of a read


@pytest.mark.parametrize("name", [name for name in MESSAGES if name not in ONE_WAY])
def test_we_read_what_the_other_implementation_writes(name):
    theirs, fields, group, command, op = MESSAGES[name]
    frame = smp.decode(theirs(sequence=7, **fields).BYTES)
    assert frame == ours(name) and frame.payload == fields


@pytest.mark.parametrize("name", ["echo", "upload answer", "general refusal"])
def test_the_bytes_of_a_message_never_change(name):
    assert smp.encode(ours(name)).hex() == GOLDEN[name]


TABLES = [
    (smp.Op, smp_header.OP),
    (smp.Group, smp_header.GroupId),
    (smp.OsCommand, smp_header.CommandId.OSManagement),
    (smp.ImageCommand, smp_header.CommandId.ImageManagement),
    (smp.StatCommand, smp_header.CommandId.StatisticsManagement),
    (smp.SettingsCommand, smp_header.CommandId.SettingsManagement),
    (smp.FsCommand, smp_header.CommandId.FileManagement),
    (smp.ShellCommand, smp_header.CommandId.ShellManagement),
    (smp.EnumCommand, smp_header.CommandId.EnumManagement),
    (smp.ReturnCode, smp_error.MGMT_ERR),
    (smp.OsError, os_group.OS_MGMT_RET_RC),
    (smp.ImageError, img.IMG_MGMT_ERR),
    (smp.StatError, stat.STAT_MGMT_ERR),
    (smp.SettingsError, settings.SETTINGS_MGMT_ERR),
    (smp.FsError, files.FS_MGMT_ERR),
    (smp.EnumError, enumeration.ENUM_MGMT_ERR),
]
OTHER_WORDS = {  # the same thing under a name that shares no word with ours
    smp.EnumCommand.SINGLE: "GROUP_ID",
    smp.FsCommand.FILE: "FILE_DOWNLOAD_UPLOAD",
}
NOT_THEIRS = {  # what the package does not know, by the pages of Zephyr: groups 1 and 9 there
    smp.ImageCommand.SLOTS: 6,
    smp.ShellError.UNKNOWN: 1,
    smp.ShellError.COMMAND_TOO_LONG: 2,
    smp.ShellError.EMPTY_COMMAND: 3,
}


@pytest.mark.parametrize(("mine", "theirs"), TABLES, ids=lambda table: table.__name__)
def test_every_number_has_the_meaning_that_others_give_it(mine, theirs):
    for entry in set(mine) - {smp.Group.LIMONAIRE} - set(NOT_THEIRS):
        name = theirs(entry.value).name
        shared = {_stem(word) for word in entry.name.split("_")} & {_stem(word) for word in name.split("_")}
        assert shared or OTHER_WORDS.get(entry) == name, (entry, name)


def _stem(word):
    same = {"PARAMS": "PARAMETERS", "RSP": "ANSWER", "STAT": "STATISTICS", "FS": "FILE"}
    return same.get(word, word)


def test_what_the_other_implementation_does_not_know_has_the_number_of_the_specification():
    for entry, number in NOT_THEIRS.items():
        assert entry == number, entry
    assert smp.Group.LIMONAIRE >= 64, "groups of users begin at 64"


def test_an_answer_belongs_to_its_request_only():
    request = smp.Frame(op=READ, group=1, command=0).numbered(9)
    answer = request.answered({"images": []})
    assert answer.answers(request)
    assert not answer.answers(request.numbered(8))
    assert not request.answers(request)
    assert not answer.answers(smp.Frame(op=READ, group=1, command=1, sequence=9))


GARBAGE = {
    "nothing": "",
    "half a header": "0a000006",
    "an operation that is none": "0c00000100000700a0",
    "a version that is none": "1a00000100000700a0",
    "no map": "0a0000010000070000",
    "nothing where a map should be": "0a00000000000700",
    "a cut map": "0a00000100000700a1",
    "numbers as keys": "0a00000300000700a10102",
    "more than announced": "0a00000100000700a000",
    "less than announced": "0a00000900000700a0",
    "text that is none": "0a00000500000700a16164 61ff",
    "an impossible date": "0a00000700000700a16164c06161",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_a_wire_error(name):
    with pytest.raises(WireError):
        smp.decode(bytes.fromhex(GARBAGE[name]))


@hypothesis.settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_else(data):
    for candidate in (data, bytes([10, 0]) + len(data).to_bytes(2, "big") + b"\0\0\7\0" + data):
        try:
            smp.decode(candidate)
        except WireError:
            pass


numbers = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False))
scalars = st.one_of(numbers, st.text(max_size=9), st.binary(max_size=9))
values = st.one_of(scalars, st.lists(scalars, max_size=3), st.dictionaries(st.text(max_size=5), scalars, max_size=3))


@hypothesis.settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.text(max_size=8), values, max_size=4),
    *(st.integers(0, top) for top in (3, 65535, 255, 255, 1)),
)
def test_what_is_encoded_is_decoded_again(payload, op, group, command, sequence, version):
    frame = smp.Frame(op=op, group=group, command=command, payload=payload, sequence=sequence, version=version)
    assert smp.decode(smp.encode(frame)) == frame


def test_unknown_keys_groups_and_commands_are_let_by():
    frame = smp.decode(smp.encode(smp.Frame(op=READ, group=777, command=99, payload={"new": 1})))
    assert (frame.group, frame.command, frame.payload) == (777, 99, {"new": 1})


def test_a_message_too_large_for_a_line_is_refused_where_it_is_made():
    smp.encode(smp.Frame(op=WRITE, group=1, command=1, payload={"data": bytes(smp.MAX_PAYLOAD_BYTES - 10)}))
    with pytest.raises(UsageError, match="too large"):
        smp.encode(smp.Frame(op=WRITE, group=1, command=1, payload={"data": bytes(smp.MAX_PAYLOAD_BYTES)}))
