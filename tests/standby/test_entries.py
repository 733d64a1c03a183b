"""The system's entries as they stand on the line to the driver: each says what the system had heard of the host's wakes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from rig.standby.system.nic_process import NicProcess
from rig.standby.wire import nic
from rig.standby.wire.line import Line, What, datagram, pair


def no_fault(*_: object) -> None:
    raise AssertionError("a fault")


async def until(wanted: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not wanted():
            await asyncio.sleep(0.001)


async def said(driver: Line[Any]) -> tuple[int, Any]:
    """The next call of the system's."""
    while True:
        try:
            received = driver.receive()
        except BlockingIOError:
            await asyncio.sleep(0.001)
            continue
        assert received is not None
        return received.number, received.body


def test_each_names_the_last_wake_that_this_system_or_one_before_has_heard_of() -> None:
    """The driver refuses one that was said before (RIG-R26): what came with the wake may keep the host awake now."""

    async def life(driver: Line[Any], system: NicProcess) -> None:
        heard = list[nic.FromDriver]()
        system.subscribe(heard.append)

        async def entry_said() -> int:
            entering = asyncio.ensure_future(system.enter([], 0))
            number, call = await said(driver)
            driver.sock.send(datagram(What.RESULT, number, nic.Entered()))
            assert await entering == nic.Entered()
            assert isinstance(call, nic.Enter)
            return call.woke_told_ns

        async def held(woke_told_ns: int) -> None:
            asking = asyncio.ensure_future(system.held())
            number, call = await said(driver)
            driver.sock.send(datagram(What.RESULT, number, nic.Held(False, {}, [], woke_told_ns)))
            assert (call, (await asking).woke_told_ns) == (nic.GetHeld(), woke_told_ns)

        assert await entry_said() == 0
        await held(5)
        assert await entry_said() == 5
        driver.sock.send(datagram(What.NOTICE, 0, nic.Woke("user", None, (), 9)))
        await until(lambda: heard)
        assert await entry_said() == 9
        await held(0)  # of a driver that is a new one
        assert await entry_said() == 9

    async def with_both() -> None:
        with ExitStack() as stack:
            ours, theirs = pair()
            driver: Line[Any] = Line(theirs, nic.ToDriver)
            driver.sock.setblocking(False)
            stack.callback(driver.close)
            system = NicProcess(Line(ours, nic.FromDriver), 1, on_gone=no_fault, on_fault=no_fault)
            stack.callback(system.close)
            await life(driver, system)

    asyncio.run(with_both())
