"""The SMP server against the `smp` package, which parses replies as strictly as real clients do."""

import struct

import cbor2
import pytest
from bench_kit import Rig, signed_book
from hypothesis import given, settings
from hypothesis import strategies as st
from smp import error
from smp import image_management as img
from smp import os_management as os_group
from smp import settings_management as setting

from gen_core.spec.param import Param


@pytest.fixture
def rig(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    (state / "factory.book").write_bytes(signed_book(tmp_path, "0.9.0"))
    return Rig(state, serial="0badcafe")


ANSWERS = {  # request → the reply that the smp package must accept
    "echo": (os_group.EchoWriteRequest(d="hé"), os_group.EchoWriteResponse),
    "reset": (os_group.ResetWriteRequest(), os_group.ResetWriteResponse),
    "parameters": (os_group.MCUMgrParametersReadRequest(), os_group.MCUMgrParametersReadResponse),
    "info": (os_group.OSApplicationInfoReadRequest(), os_group.OSApplicationInfoReadResponse),
    "all info": (os_group.OSApplicationInfoReadRequest(format="a"), os_group.OSApplicationInfoReadResponse),
    "image state": (img.ImageStatesReadRequest(), img.ImageStatesReadResponse),
    "confirm": (img.ImageStatesWriteRequest(confirm=True), img.ImageStatesWriteResponse),
    "erase": (img.ImageEraseRequest(), img.ImageEraseResponse),
    "upload refused": (img.ImageUploadWriteRequest(off=0, data=b"x", len=9), img.ImageManagementErrorV2),
    "unknown hash": (img.ImageStatesWriteRequest(hash=b"1" * 32), img.ImageManagementErrorV2),
    "setting read": (setting.ReadSettingRequest(name="fake_bpm"), setting.ReadSettingResponse),
    "setting written": (setting.WriteSettingRequest(name="fake_bpm", val=b"\0\0\xa0B"), setting.WriteSettingResponse),
    "setting deleted": (setting.DeleteSettingRequest(name="fake_bpm"), setting.DeleteSettingResponse),
    "settings committed": (setting.CommitSettingsRequest(), setting.CommitSettingsResponse),
    "settings saved": (setting.SaveSettingsRequest(), setting.SaveSettingsResponse),
    "settings loaded": (setting.LoadSettingsRequest(), setting.LoadSettingsResponse),
    "unknown setting": (setting.ReadSettingRequest(name="fake_bpn"), setting.SettingsManagementErrorV2),
    "setting out of range": (
        setting.WriteSettingRequest(name="fake_bpm", val=b"\0\0\0\0"),
        setting.SettingsManagementErrorV1,
    ),
    "not a number": (
        setting.WriteSettingRequest(name="fake_bpm", val=struct.pack("<f", float("nan"))),
        setting.SettingsManagementErrorV1,
    ),
    "a command that is not there": (os_group.TaskStatisticsReadRequest(), os_group.OSManagementErrorV1),
    "boot loader": (os_group.BootloaderInformationReadRequest(), os_group.BootloaderInformationReadResponse),
    "boot mode": (os_group.BootloaderInformationReadRequest(query="mode"), os_group.BootloaderInformationReadResponse),
    "unknown query": (os_group.BootloaderInformationReadRequest(query="age"), os_group.OSManagementErrorV2),
    "time set": (os_group.DateTimeWriteRequest(datetime="2026-03-01T12:00:00Z"), os_group.DateTimeWriteResponse),
    "no time": (os_group.DateTimeWriteRequest(datetime="noon"), os_group.OSManagementErrorV1),
    "wrong letters": (os_group.OSApplicationInfoReadRequest(format="z"), os_group.OSManagementErrorV2),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_every_reply_is_what_a_strict_client_expects(name, rig):
    request, response = ANSWERS[name]
    reply = rig.ask(request, response)
    assert reply.header.sequence == request.header.sequence
    assert reply.header.version == request.header.version


def test_replies_carry_the_values(rig):
    assert rig.ask(os_group.EchoWriteRequest(d="hi"), os_group.EchoWriteResponse).r == "hi"
    assert rig.ask(os_group.MCUMgrParametersReadRequest(), os_group.MCUMgrParametersReadResponse).buf_count == 1
    info = rig.ask(os_group.OSApplicationInfoReadRequest(format="sni"), os_group.OSApplicationInfoReadResponse)
    assert info.output == "Limonaire 0badcafe bench"
    assert not rig.machine.reset_asked
    rig.ask(os_group.ResetWriteRequest(), os_group.ResetWriteResponse)
    assert rig.machine.reset_asked


def test_unknown_groups_and_commands_are_not_supported_and_bad_requests_are_invalid(rig):
    for op, group, command in ((0, 64, 0), (2, 11, 0), (0, 9, 0), (0, 0, 99), (2, 0, 6), (0, 65, 9)):
        assert rig.raw(op, group, command, {}) == {"rc": error.MGMT_ERR.ENOTSUP}
    for op, group, command, payload in (
        (2, 0, 0, {}),
        (2, 0, 0, {"d": 3}),
        (2, 1, 1, {"off": -1, "data": b""}),
        (2, 1, 1, {"off": 0, "data": "text", "len": 3}),
        (2, 1, 0, {"hash": "text"}),
        (0, 3, 0, {}),
        (2, 3, 0, {"name": "fake_bpm", "val": b"12"}),
        (0, 65, 0, {"off": "a"}),
        (2, 65, 3, {"seed": "new"}),
        (2, 65, 3, {"seed": -1}),
        (2, 0, 4, {}),
        (0, 2, 0, {}),
        (0, 8, 0, {"off": 0}),
        (0, 8, 0, {"off": -1, "name": "/log"}),
        (2, 8, 0, {"off": 0, "name": "/bundles/x", "data": "text", "len": 4}),
        (2, 9, 0, {}),
        (2, 9, 0, {"argv": []}),
        (2, 9, 0, {"argv": ["'open"]}),
        (0, 10, 2, {"index": -1}),
        (0, 10, 3, {"groups": "all"}),
    ):
        assert rig.raw(op, group, command, payload)["rc"] == error.MGMT_ERR.EINVAL, (group, command, payload)


def test_noise_and_replies_are_not_answered(rig):
    for data in (b"", b"\0", b"\0" * 8, b"\2\0\0\5\0\0\0\0", bytes([3, 0, 0, 1, 0, 0, 1, 0, 0xA0])):
        assert rig.server.handle(data) is None, data


@pytest.fixture(scope="module")
def silent_rig(tmp_path_factory):
    return Rig(tmp_path_factory.mktemp("silent"))


@given(op=st.integers(0, 7), group=st.integers(0, 70), command=st.integers(0, 9), payload=st.binary(max_size=64))
@settings(max_examples=200, deadline=None)
def test_no_bytes_make_the_server_raise(silent_rig, op, group, command, payload):
    head = bytes([op, 0]) + len(payload).to_bytes(2, "big") + group.to_bytes(2, "big") + bytes([1, command])
    reply = silent_rig.server.handle(head + payload)
    assert reply is None or isinstance(cbor2.loads(reply[8:]), dict)


def test_a_fault_of_the_board_is_an_answer_and_a_log_line(rig, monkeypatch):
    monkeypatch.setattr(rig.machine.performance, "position", lambda: 1 / 0)
    assert rig.raw(0, 65, 1, {})["rc"] == error.MGMT_ERR.EUNKNOWN
    assert any("ZeroDivisionError" in line for line in rig.log.lines)


def test_the_parameter_list_pages_through_every_declaration_with_its_value(rig):
    rig.machine.performance.set("fake_bpm", 90)
    rig.machine.buffer_bytes = 450  # one or two a page
    found: list[dict] = []
    offset = pages = 0
    while True:
        page = rig.raw(0, 65, 0, {"off": offset})
        assert page["off"] == offset and page["total"] == 5 and page["params"]
        assert len(cbor2.dumps(page)) <= rig.machine.buffer_bytes
        found, offset, pages = found + page["params"], offset + len(page["params"]), pages + 1
        if offset == page["total"]:
            break
    assert pages > 1 and [entry["id"] for entry in found] == list(rig.machine.performance.params)
    assert found[0]["value"] == 90 and Param.from_dict(found[0]) == rig.machine.performance.params["fake_bpm"]
    assert rig.raw(0, 65, 0, {"off": 5})["params"] == []


def test_status_says_what_plays_and_how_it_goes(rig):
    status = rig.raw(0, 65, 1, {})
    assert status["board"] == "bench" and status["serial"] == "0badcafe" and status["product"] == "Limonaire"
    assert status["book"]["version"] == "0.9.0" and len(status["book"]["hash"]) == 32
    assert status["sink"]["kind"] == "null" and status["seed"] == 4711 and status["rss_bytes"] > 1e6
    assert {"notes", "blocks", "deadline_misses", "late_notes"} <= set(status["stats"])
    assert {"version", "open", "bar", "beat", "uptime_s"} <= set(status)


def test_settings_survive_a_restart_once_saved(rig):
    for name, value in (("fake_bpm", 90.0), ("fake_volume", 0.1), ("fake_key", 2.0)):
        assert rig.raw(2, 3, 0, {"name": name, "val": struct.pack("<f", value)}) == {}
    assert rig.machine.performance.get("fake_volume") == 0.1, "float32 may round a bound outwards"
    assert rig.reboot().machine.performance.get("fake_bpm") == 120
    assert rig.raw(2, 3, 3, {}) == {}
    again = rig.reboot()
    assert again.machine.performance.values() == rig.machine.performance.values()
    again.raw(2, 3, 0, {"name": "fake_bpm", "val": struct.pack("<f", 200)})
    assert again.raw(0, 3, 3, {}) == {} and again.machine.performance.get("fake_bpm") == 90
    assert again.raw(2, 3, 1, {"name": "fake_bpm"}) == {} and again.machine.performance.get("fake_bpm") == 120


def test_a_seed_is_saved_when_somebody_chose_it_and_not_when_chance_did(rig):
    seed_of = lambda board: board.machine.performance.seed  # noqa: E731
    rig.raw(2, 3, 3, {})
    assert "seed" not in (rig.state / "settings.json").read_text() and rig.raw(0, 3, 3, {}) == {}
    assert seed_of(rig) == 4711, "loading keeps the seed that chance chose"
    rig.raw(2, 3, 0, {"name": "seed", "val": struct.pack("<f", 7)})
    rig.raw(2, 3, 3, {})
    assert seed_of(rig.reboot()) == 7 and seed_of(rig.reboot(seed=8)) == 8, "the command line goes first"


def test_saved_values_that_the_book_does_not_know_are_kept_and_not_used(rig):
    (rig.state / "settings.json").write_text('{"format": 1, "values": {"other": 3, "fake_bpm": 9999, "fake_key": 1}}')
    again = rig.reboot()
    assert again.machine.performance.values()["fake_key"] == 1 and again.machine.performance.get("fake_bpm") == 120
    again.raw(2, 3, 3, {})
    assert '"other": 3' in (rig.state / "settings.json").read_text()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"values": 3}', '{"values": {"fake_bpm": "fast"}}'])
def test_unreadable_settings_mean_the_books_own_values(rig, text):
    (rig.state / "settings.json").write_text(text)
    assert rig.reboot().machine.performance.get("fake_bpm") == 120


def test_what_is_written_is_heard_and_load_takes_it_back_until_it_is_committed(rig):
    bpm = lambda: rig.machine.performance.get("fake_bpm")  # noqa: E731
    write = lambda value: rig.raw(2, 3, 0, {"name": "fake_bpm", "val": struct.pack("<f", value)})  # noqa: E731
    load, commit, save = (0, 3, 3, {}), (2, 3, 2, {}), (2, 3, 3, {})
    assert write(90) == {} and bpm() == 90
    assert rig.raw(*load) == {} and bpm() == 120
    assert write(100) == {} and rig.raw(*commit) == {} and bpm() == 100
    assert write(110) == {} and rig.raw(*load) == {} and bpm() == 100, "the last commit"
    assert rig.reboot().machine.performance.get("fake_bpm") == 120, "a commit does not survive a power cut"
    assert write(130) == {} and rig.raw(*save) == {} and write(140) == {} and rig.raw(*load) == {} and bpm() == 130
    assert rig.reboot().machine.performance.get("fake_bpm") == 130, "a save is a commit, and survives"


def test_a_setting_too_large_for_who_asks_is_not_cut(rig):
    assert rig.raw(0, 3, 0, {"name": "fake_bpm", "max_size": 2})["rc"] == error.MGMT_ERR.EMSGSIZE
    assert rig.raw(0, 3, 0, {"name": "fake_bpm", "max_size": 4})["val"] == struct.pack("<f", 120)


def test_a_seed_that_was_chosen_over_the_wire_is_told_and_saved(rig):
    assert rig.raw(0, 65, 3, {}) == {"seed": 4711}
    assert rig.raw(2, 65, 3, {"seed": 4711}) == {} and rig.raw(2, 3, 3, {}) == {}
    assert '"seed": 4711' in (rig.state / "settings.json").read_text(), "chosen, though chance had chosen the same"
    assert rig.raw(2, 65, 3, {"seed": 12}) == {} and rig.raw(0, 65, 3, {}) == {"seed": 12}
    assert rig.raw(2, 3, 3, {}) == {} and rig.reboot().machine.performance.seed == 12


def test_an_answer_larger_than_the_buffer_is_an_error_that_fits(rig):
    rig.machine.buffer_bytes = 100
    assert rig.raw(0, 65, 1, {})["rc"] == error.MGMT_ERR.EMSGSIZE


OLD_CODES = {  # for clients of the first edition of SMP, which know the general codes only
    (0, 8, 1, "/bundles/none"): error.MGMT_ERR.ENOENT,
    (0, 8, 1, "/elsewhere/x"): error.MGMT_ERR.ENOENT,
    (0, 8, 1, "/bundles/../x"): error.MGMT_ERR.EINVAL,
    (0, 2, 0, "none"): error.MGMT_ERR.ENOENT,
    (0, 3, 0, "none"): error.MGMT_ERR.ENOENT,
}


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("asked", OLD_CODES, ids=str)
def test_each_edition_of_smp_gets_errors_in_its_own_form(rig, asked, version):
    op, group, command, name = asked
    reply = rig.raw(op, group, command, {"name": name}, version=version)
    if version == 0:
        assert reply["rc"] == OLD_CODES[asked] and reply["rsn"]
    else:
        assert set(reply) == {"err"} and set(reply["err"]) == {"group", "rc"} and reply["err"]["group"] == group


def test_frames_are_counted_by_what_became_of_them(rig):
    rig.raw(0, 0, 6, {})
    rig.raw(0, 64, 0, {})
    rig.raw(0, 3, 0, {"name": "none"})
    rig.server.handle(b"noise")
    told = rig.raw(0, 2, 0, {"name": "smp"})["fields"]
    assert told == {"requests": 4, "refused": 1, "denied": 0, "not_supported": 1, "faults": 0, "noise": 1}
