"""The same board for asyncio. Every call runs `Device`'s own in a thread; what the board tells comes by the loop.

async with AsyncDevice() as board:
    await board.set("energy", 0.8)
    async for note in board.notes(seconds=10):
        print(note)

A call that is cancelled ends by itself within its timeout, and its answer is passed over. An iterator that is
cancelled loses nothing: what it has not given out waits for the next one.
"""

import asyncio
import contextlib
import functools
import time
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeVar

from gen_core.spec.errors import LimonaireError
from gen_core.spec.note import Note
from gen_core.spec.param import Param
from host_tools.curve import Point
from host_tools.device import Device, Landed
from host_tools.link import Event
from host_tools.mailbox import Mailbox
from host_tools.subscriptions import LISTEN_S, RENEW_S, TOPICS, Beat, Health, Levels, told
from targets.protocol import osc

T = TypeVar("T")

THREADS = 8  # calls that may wait at once


class AsyncDevice:
    """Takes what `Device` takes; it is opened by `async with`, or by `await open()`."""

    def __init__(self, port: str | None = None, timeout_s: float = 2.0, **how: Any) -> None:
        self._make = functools.partial(Device, port, timeout_s, **how)
        self._threads = ThreadPoolExecutor(THREADS, "limonaire-call")
        self.device: Device | None = None

    async def __aenter__(self) -> "AsyncDevice":
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> "AsyncDevice":
        """Open the port. If this is cancelled, the port is given back as soon as it has been opened."""
        opening = self._threads.submit(self._make)
        try:
            self.device = await asyncio.wrap_future(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_opened)
            raise
        finally:
            if self.device is None:
                self._threads.shutdown(wait=False)
        return self

    async def close(self) -> None:
        """Tell the board to be quiet, and close the port; calls that still wait end with NoBoardError."""
        if self.device:
            await self._run(self.device.close)
        self._threads.shutdown(wait=False)

    # ---- asking and setting: see the methods of Device

    async def ask(self, *args: Any, **how: Any) -> dict:
        """One SMP exchange."""
        return await self._run(self._open.ask, *args, **how)

    async def info(self) -> dict[str, Any]:
        """The board's status."""
        return await self._run(self._open.info)

    async def check_health(self) -> dict[str, Any]:
        """Is all well, and if not, why?"""
        return await self._run(self._open.check_health)

    async def slots(self) -> list[dict[str, Any]]:
        """The books that the board holds."""
        return await self._run(self._open.slots)

    async def params(self) -> dict[str, Param]:
        """Every parameter that the board declares, by id."""
        return await self._run(self._open.params)

    async def get(self, param_id: str) -> float:
        """The value of a parameter."""
        return await self._run(self._open.get, param_id)

    async def set(self, param_id: str, value: float, *args: Any, **how: Any) -> Landed:
        """Set a parameter and wait for the board's word."""
        return await self._run(self._open.set, param_id, value, *args, **how)

    async def send(self, param_id: str, value: float) -> None:
        """Set a parameter without waiting for the board."""
        await self._run(self._open.send, param_id, value)

    async def stream(self, points: Iterable[Point]) -> int:
        """Set parameters over time."""
        return await self._run(self._open.stream, points)

    async def reset(self) -> None:
        """Restart the board's runtime."""
        await self._run(self._open.reset)

    async def wait_until_back(self, timeout_s: float = 30.0) -> dict[str, Any]:
        """After `reset`: wait until the board sounds again."""
        return await self._run(self._open.wait_until_back, timeout_s)

    # ---- listening

    async def subscribe(self, *topics: str) -> None:
        """Ask the board to tell: notes, beat, ack, levels, health, or all."""
        await self._run(self._open.subscribe, *topics)

    async def messages(self, seconds: float | None = None, address: str = "") -> AsyncIterator[osc.Message]:
        """What the board tells, as it comes."""
        renew_s = time.monotonic() + RENEW_S
        link = self._open.link
        async for message in _arriving(lambda: link.heard(0.0, address, 1), link.messages, seconds):
            if message is not None:
                renew_s = time.monotonic() + RENEW_S
                yield message
            elif time.monotonic() > renew_s:
                renew_s = time.monotonic() + RENEW_S
                await self._run(self._open.renew)

    def notes(self, seconds: float | None = None) -> AsyncIterator[Note]:
        """The notes that the board plays, as they sound."""
        return self._told("notes", seconds)

    def beats(self, seconds: float | None = None) -> AsyncIterator[Beat]:
        """Beats, as they sound."""
        return self._told("beat", seconds)

    def levels(self, seconds: float | None = None) -> AsyncIterator[Levels]:
        """How loud it is, ten times a second."""
        return self._told("levels", seconds)

    def health(self, seconds: float | None = None) -> AsyncIterator[Health]:
        """How the board is doing, once a second."""
        return self._told("health", seconds)

    async def events(self, seconds: float | None = None) -> AsyncIterator[Event]:
        """What happens to the connection: lost, back, gone."""
        events = self._open.link.events
        async for event in _arriving(lambda: events.take(most=1), events, seconds):
            if event is not None:
                yield event

    async def _told(self, topic: str, seconds: float | None) -> AsyncIterator[Any]:
        await self.subscribe(topic)
        async for message in self.messages(seconds, TOPICS[topic].address):
            for meaning in told([message], topic):
                yield meaning

    @property
    def _open(self) -> Device:
        if self.device is None:
            raise RuntimeError("the board is not open; write `async with AsyncDevice() as board`")
        return self.device

    async def _run(self, call: Callable[..., T], *args: Any, **how: Any) -> T:
        return await asyncio.wrap_future(self._threads.submit(functools.partial(call, *args, **how)))


async def _arriving(
    take: Callable[[], list[T]], mailbox: Mailbox[T], seconds: float | None
) -> AsyncIterator[T | None]:
    """Items one by one as they arrive, None when nothing comes for a while."""
    loop, arrived = asyncio.get_running_loop(), asyncio.Event()
    ends_s = float("inf") if seconds is None else time.monotonic() + seconds

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended before its iterator
            loop.call_soon_threadsafe(arrived.set)

    end = mailbox.listen(wake)
    try:
        while (left_s := ends_s - time.monotonic()) > 0:
            arrived.clear()
            for item in (taken := take()):
                yield item
            if not taken:
                yield None
                await _wait_briefly(arrived, min(left_s, LISTEN_S))
    finally:
        end()


async def _wait_briefly(arrived: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await arrived.wait()


def _close_opened(opening: Future[Device]) -> None:
    with contextlib.suppress(LimonaireError, CancelledError):
        opening.result().close()
