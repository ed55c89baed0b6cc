"""What `smpmgr` has no command for, through the API that it is made of: `smpclient` over the terminal of a bench."""

import asyncio
import json
import os
import struct
import sys
from datetime import UTC, datetime

import limonaire_messages as ours
import pytest
from bench_kit import bench_board, signed_book
from smp.error import MGMT_ERR
from smp.os_management import OS_MGMT_RET_RC, MCUbootMode
from smp.settings_management import SETTINGS_MGMT_ERR
from smpclient import SMPClient
from smpclient.generics import success
from smpclient.requests import os_management as system
from smpclient.requests import settings_management as settings
from smpclient.requests.file_management import FileClose
from smpclient.transport.serial import SMPSerialTransport

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a pseudo-terminal of Linux")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder = tmp_path_factory.mktemp("smpclient")
    with bench_board(folder / "state", factory=signed_book(folder, "0.9.0")) as bench:
        yield bench


def talk(bench, conversation):
    """Run `conversation(ask, client)` on one connection; `ask` gives the answer, which must be none of an error."""

    async def run():
        async with SMPClient(SMPSerialTransport(), bench.port, timeout_s=20.0) as client:

            async def ask(request):
                reply = await client.request(request)
                assert success(reply), reply
                return reply

            return await conversation(ask, client)

    return asyncio.run(run())


def number(value):
    return struct.pack("<f", value)


def test_settings_are_written_read_committed_loaded_saved_and_deleted(bench):
    async def conversation(ask, client):
        async def bpm():
            return struct.unpack("<f", (await ask(settings.ReadSetting(name="fake_bpm"))).val)[0]

        heard = [await bpm()]
        for requests in (
            [settings.WriteSetting(name="fake_bpm", val=number(90))],
            [settings.LoadSettings()],
            [settings.WriteSetting(name="fake_bpm", val=number(100)), settings.CommitSettings()],
            [settings.WriteSetting(name="fake_bpm", val=number(110)), settings.LoadSettings()],
            [settings.WriteSetting(name="fake_bpm", val=number(80)), settings.SaveSettings()],
            [settings.WriteSetting(name="fake_bpm", val=number(85)), settings.LoadSettings()],
            [settings.DeleteSetting(name="fake_bpm")],
        ):
            for request in requests:
                await ask(request)
            heard.append(await bpm())
        return heard

    assert talk(bench, conversation) == [120, 90, 120, 100, 100, 80, 80, 120]
    assert json.loads((bench.state / "settings.json").read_text())["values"]["fake_bpm"] == 80


def test_a_setting_that_cannot_be_is_refused(bench):
    async def conversation(ask, client):
        unknown = await client.request(settings.ReadSetting(name="none"))
        loud = await client.request(settings.WriteSetting(name="fake_bpm", val=number(9000)))
        return unknown.err.rc, loud.rc

    assert talk(bench, conversation) == (SETTINGS_MGMT_ERR.KEY_NOT_FOUND, MGMT_ERR.EINVAL)


def test_the_system_tells_what_it_is(bench):
    async def conversation(ask, client):
        everything = (await ask(system.OSApplicationInfoRead(format="a"))).output
        name = (await ask(system.OSApplicationInfoRead())).output
        buffers = await ask(system.MCUMgrParametersRead())
        plain = await ask(system.BootloaderInformationRead())
        mode = await ask(system.BootloaderInformationRead(query="mode"))
        age = await client.request(system.BootloaderInformationRead(query="age"))
        built = await client.request(system.OSApplicationInfoRead(format="b"))
        return everything, name, buffers, plain, mode, age.err.rc, built.err.rc

    everything, name, buffers, plain, mode, age, built = talk(bench, conversation)
    assert name == "Limonaire" and everything.startswith(f"Limonaire {bench.record['serial']} ")
    assert everything.endswith(f"bench {os.uname().sysname}") and "test book 0.9.0" in everything
    assert (buffers.buf_size, buffers.buf_count) == (8192, 1)
    assert plain.bootloader == "Limonaire" and mode.bootloader == "Limonaire"
    assert mode.response == {"mode": MCUbootMode.DIRECT_XIP_WITH_REVERT}
    assert age == OS_MGMT_RET_RC.QUERY_YIELDS_NO_ANSWER and built == OS_MGMT_RET_RC.INVALID_FORMAT


def test_the_time_is_set_and_goes_on_from_there(bench):
    async def conversation(ask, client):
        await ask(system.DateTimeWrite(datetime="2031-05-06T07:08:09+00:00"))
        return (await ask(system.DateTimeRead())).datetime

    told = datetime.fromisoformat(talk(bench, conversation))
    assert 0 <= (told - datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)).total_seconds() < 60


def test_our_own_group_tells_parameters_health_and_seed(bench):
    async def conversation(ask, client):
        params = await ask(ours.Params())
        await ask(ours.SetSeed(seed=42))
        seed = (await ask(ours.Seed())).seed
        wrong = await client.request(ours.SetSeed(seed=-1))
        health = await ask(ours.Health())
        for _ in range(400):
            if health.ok:
                break
            await asyncio.sleep(0.05)
            health = await ask(ours.Health())
        return params, seed, wrong.rc, health

    params, seed, wrong, health = talk(bench, conversation)
    assert [param["id"] for param in params.params][:2] == ["fake_bpm", "fake_energy"] and params.total == 5
    assert seed == 42 and wrong == MGMT_ERR.EINVAL
    assert health.ok and health.reasons == [] and health.blocks > 0 and -11 < health.peak_db < -10


@pytest.mark.parametrize("size", [0, 1, 100_000])
def test_files_go_and_come_back_through_the_client_s_own_loops(bench, size):
    data = os.urandom(size)

    async def conversation(ask, client):
        offsets = [offset async for offset in client.upload_file(data, "/bundles/loop")]
        await ask(FileClose())
        return offsets[-1], await client.download_file("/bundles/loop")

    assert talk(bench, conversation) == (size, data)
