"""SMP groups 2, 10 and 65 and the clock of group 0, parsed by the `smp` package."""

import math
from datetime import UTC, datetime

import pytest
from bench_kit import Rig, signed_book
from smp import enumeration_management as enumeration
from smp import os_management as os_group
from smp import statistics_management as stat

from targets.runtime import wall_clock
from targets.runtime.groups.enumeration import NAMES
from targets.runtime.groups.registry import GROUPS
from targets.runtime.groups.stat import whole
from targets.runtime.wall_clock import WallClock


@pytest.fixture
def rig(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    (state / "factory.book").write_bytes(signed_book(tmp_path, "0.9.0"))
    return Rig(state)


def test_every_statistic_that_is_listed_can_be_read_in_whole_numbers(rig):
    names = rig.ask(stat.ListOfGroupsRequest(), stat.ListOfGroupsResponse).stat_list
    assert {"audio", "composer", "osc", "smp", "board"} == set(names)
    for name in (*names, "smp_svr_stats"):
        reply = rig.ask(stat.GroupDataRequest(name=name), stat.GroupDataResponse)
        assert reply.name == name and reply.fields
        assert all(type(value) is int for value in rig.raw(0, 2, 0, {"name": name})["fields"].values())
    refused = rig.ask(stat.GroupDataRequest(name="none"), stat.StatisticsManagementErrorV2)
    assert refused.err.rc == stat.STAT_MGMT_ERR.ERR_INVALID_GROUP


FIGURES = {
    "blocks": (7, ("blocks", 7)),
    "render_peak_ms": (1.5, ("render_peak_us", 1500)),
    "effect_latency_max_s": (0.25, ("effect_latency_max_us", 250_000)),
    "compose_rtf": (12.345, ("compose_rtf_percent", 1234)),
    "peak_db": (-10.6, ("peak_db", -11)),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_becomes_a_whole_number_in_a_unit_that_keeps_it(name):
    assert whole(name, FIGURES[name][0]) == FIGURES[name][1]


def test_the_groups_that_are_listed_are_the_ones_that_answer(rig):
    listed = rig.ask(enumeration.ListOfGroupsRequest(), enumeration.ListOfGroupsResponse).groups
    assert set(listed) == set(GROUPS) == set(NAMES)
    assert rig.ask(enumeration.GroupCountRequest(), enumeration.GroupCountResponse).count == len(listed)
    ask = lambda index: rig.ask(enumeration.GroupIdRequest(index=index), enumeration.GroupIdResponse)  # noqa: E731
    assert [ask(index).group for index in range(len(listed))] == list(listed)
    assert [bool(ask(index).end) for index in range(len(listed))] == [False] * (len(listed) - 1) + [True]
    beyond = rig.ask(enumeration.GroupIdRequest(index=len(listed)), enumeration.EnumManagementErrorV2)
    assert beyond.err.rc == enumeration.ENUM_MGMT_ERR.ENUM_MGMT_ERR_INDEX_TOO_LARGE


def test_details_tell_name_and_number_of_commands(rig):
    ask = lambda groups: rig.ask(  # noqa: E731
        enumeration.GroupDetailsRequest(groups=groups), enumeration.GroupDetailsResponse
    ).groups
    assert {detail.group: detail.name for detail in ask(None)} == {int(group): name for group, name in NAMES.items()}
    assert [(detail.group, detail.handlers) for detail in ask((65, 2, 64))] == [(65, len(_commands(65))), (2, 2)]
    too_many = enumeration.GroupDetailsRequest(groups=(0,) * 20)
    refused = rig.ask(too_many, enumeration.EnumManagementErrorV2)
    assert refused.err.rc == enumeration.ENUM_MGMT_ERR.ERR_TOO_MANY_GROUP_ENTRIES


def _commands(group):
    return {command for command, _ in GROUPS[group]}


def test_a_board_that_nobody_told_the_time_says_so(rig):
    rig.machine.clock = WallClock(trusted=lambda: False)
    unset = rig.ask(os_group.DateTimeReadRequest(), os_group.OSManagementErrorV2)
    assert unset.err.rc == os_group.OS_MGMT_RET_RC.RTC_NOT_SET
    rig.ask(os_group.DateTimeWriteRequest(datetime="2026-03-01T12:00:00+02:00"), os_group.DateTimeWriteResponse)
    told = rig.ask(os_group.DateTimeReadRequest(), os_group.DateTimeReadResponse).datetime
    assert 0 <= (datetime.fromisoformat(told) - datetime(2026, 3, 1, 10, tzinfo=UTC)).total_seconds() < 60


SET = {  # what is set → what it is in UTC
    "2026-03-01T12:00:00": datetime(2026, 3, 1, 12, tzinfo=UTC),
    "2026-03-01T12:00:00Z": datetime(2026, 3, 1, 12, tzinfo=UTC),
    "2026-03-01T12:00:00.250000-08:00": datetime(2026, 3, 1, 20, 0, 0, 250_000, tzinfo=UTC),
}


@pytest.mark.parametrize("text", SET)
def test_the_time_that_was_set_goes_on_whatever_the_system_thinks(text):
    system_s, monotonic_s = [1e9], [100.0]
    clock = WallClock(lambda: True, lambda: system_s[0], lambda: monotonic_s[0])
    assert clock.now() == datetime.fromtimestamp(1e9, UTC)
    clock.set(datetime.fromisoformat(text))
    assert clock.now() == SET[text]
    system_s[0], monotonic_s[0] = 0.0, 160.0
    assert (clock.now() - SET[text]).total_seconds() == pytest.approx(60.0, abs=1e-6)


def test_a_clock_that_the_kernel_does_not_call_synchronised_is_not_trusted(monkeypatch):
    class Kernel:
        def __init__(self, state):
            self.adjtimex = lambda buffer: state

    for state, trusted in ((0, True), (5, False), (-1, False)):
        monkeypatch.setattr(wall_clock.ctypes, "CDLL", lambda name, state=state: Kernel(state))
        assert wall_clock.synchronised() is trusted
    monkeypatch.setattr(wall_clock.ctypes, "CDLL", lambda name: object())
    assert wall_clock.synchronised(), "a system without that call keeps its clock itself"


def test_health_is_an_answer_of_counters_and_reasons(rig):
    told = rig.raw(0, 65, 2, {})
    assert told["ok"] is False and told["reasons"] == ["nothing has sounded yet"]
    assert {"blocks", "deadline_misses", "starved", "render_errors", "compose_errors", "peak_db"} <= set(told)
    assert math.isfinite(told["peak_db"])
