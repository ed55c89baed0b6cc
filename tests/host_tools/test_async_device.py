"""The board for asyncio: the same calls, iterators that lose nothing when they are cancelled."""

import asyncio
import inspect
import threading

import pytest

from gen_core.spec.errors import BoardTimeoutError, NoBoardError, UsageError
from gen_core.spec.note import Note
from host_tools.async_device import AsyncDevice
from host_tools.device import Device
from host_tools.subscriptions import Beat, Health, Levels

TOLD = [("/note", 1, 0, 60, 240, 100), ("/beat", 3, 1.0), ("/levels", -1.0, -2.0, -3.0, -4.0)]
TOLD.append(("/health", True, 0, 1, 2.5, 100))
HEARD = {"notes": Note(1, 0, 60, 240, 100), "beats": Beat(3, 1.0), "levels": Levels(-1.0, -2.0, -3.0, -4.0)}
HEARD["health"] = Health(True, 0, 1, 2.5, 100)
OTHERWISE = {"close", "reconnect", "buffer_bytes", "listed_params", "test", "confirm", "renew", "link", "port"}


def run(work, board, **how):
    async def main():
        async with AsyncDevice(board.port, **how) as device:
            return await asyncio.wait_for(work(device), 60)

    return asyncio.run(main())


def test_it_asks_and_sets_as_the_other_does(fake_board):
    async def work(device):
        assert (await device.info())["serial"] == "f00d" and not (await device.check_health())["ok"]
        assert await device.get("energy") == 0.5 and (await device.set("energy", 0.8)).value == 0.8
        await device.send("bpm", 99)
        assert await device.stream([(0.0, {"energy": 0.1}), (0.01, {"energy": 0.2})]) == 2
        with pytest.raises(UsageError):
            await device.set("enrgy", 1)
        return await asyncio.gather(device.get("bpm"), device.get("energy"), device.slots())

    bpm, energy, slots = run(work, fake_board)
    assert (bpm, energy) == (99, pytest.approx(0.2)) and slots[0]["active"]


@pytest.mark.parametrize("name", HEARD)
def test_what_the_board_tells_comes_as_what_it_means(name, fake_board):
    def tell():
        for words in TOLD:
            fake_board.tell(*words)

    async def work(device):
        threading.Timer(0.1, tell).start()
        return await anext(getattr(device, name)(20))

    assert run(work, fake_board) == HEARD[name]
    with Device(fake_board.port) as device:
        threading.Timer(0.1, tell).start()
        assert next(getattr(device, name)(20)) == HEARD[name]


def test_a_cancelled_iterator_leaves_what_it_has_not_given_out(fake_board):
    async def listen(device, count):
        notes = device.notes(20)
        return [(await anext(notes)).tick for _ in range(count)]

    async def work(device):
        waiting = asyncio.create_task(listen(device, 1))
        await asyncio.sleep(0.2)
        waiting.cancel()
        for tick in range(3):
            fake_board.tell("/note", tick, 0, 60, 240, 100)
        return await listen(device, 1) + await listen(device, 2)

    assert run(work, fake_board) == [0, 1, 2]


def test_a_cancelled_call_does_no_harm_to_the_next_one(fake_board):
    async def work(device):
        await device.params()
        fake_board.lose = lambda request: True
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(device.get("energy"), 0.1)
        fake_board.lose = lambda request: False
        return await device.get("energy")

    assert run(work, fake_board, timeout_s=0.3) == 0.5


def test_the_loop_goes_on_while_the_board_is_silent(fake_board):
    async def work(device):
        fake_board.lose = lambda request: True
        asking = asyncio.create_task(device.info())
        turns = 0
        while not asking.done():
            turns += 1
            await asyncio.sleep(0.01)
        with pytest.raises(BoardTimeoutError):
            await asking
        return turns

    assert run(work, fake_board, timeout_s=0.1) > 3


def test_an_opening_that_is_cancelled_gives_the_port_back(fake_board):
    async def main():
        fake_board.lose = lambda request: True
        opening = asyncio.create_task(AsyncDevice(fake_board.port, 0.3).open())
        await asyncio.sleep(0.1)
        fake_board.lose = lambda request: False
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening

    asyncio.run(main())
    for thread in threading.enumerate():
        if thread.name.startswith("limonaire"):
            thread.join(20)
    Device(fake_board.port).close()


def test_a_lost_board_comes_back_and_says_so(fake_board, monkeypatch):
    monkeypatch.setattr("host_tools.ports.at", lambda path: None)

    async def work(device):
        fake_board.unplug()
        events = device.events(20)
        assert (await anext(events)).kind == "lost"
        fake_board.plug()
        device.device.link.port = fake_board.port
        assert (await anext(events)).kind == "back"
        return await device.get("energy")

    assert run(work, fake_board) == 0.5


def test_a_board_that_is_gone_ends_every_iterator(fake_board):
    async def work(device):
        fake_board.unplug()
        with pytest.raises(NoBoardError):
            async for _ in device.messages():
                pass

    run(work, fake_board, reconnect_s=0)


def test_everything_that_a_device_does_can_be_awaited():
    names = {name for name, _ in inspect.getmembers(Device) if not name.startswith("_")} - OTHERWISE
    assert names <= set(dir(AsyncDevice))
