"""The system dies at every step of long polls: each response has its push task once, and the next request the channel's slot."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from rig.config import StandbyConfig
from rig.standby.wire import bench
from rig.standby.wire.app_channels import ConnectBegin, ConnectEnd, ConstructChannel, UsingTransport, WaitForPushEnabled
from rig.standby.wire.app_tasks import RegisterTask
from rig.standby.wire.from_app import DataDispatched, ReadBegin, ReadCompleted
from rig.standby.wire.statuses import ControlChannelTriggerStatus as Status
from rig.standby.wire.to_app import RunTask
from rig.standby.wire.triggers import ChannelPush
from tests.standby.every_step import lived
from tests.standby.fake_app import FakeApp
from tests.standby.mortal_host import MortalHost

RESPONSES = 3
RULES = StandbyConfig(hw_slots_total=1, hw_slots_per_app=1)


class Polls:
    """What an app with an HTTP client does on its channel: a transport a request, one after another."""

    def __init__(self, app: FakeApp) -> None:
        self.app = app
        self.requests = 0
        self._working: set[asyncio.Task[None]] = set()
        app._data = self._response  # type: ignore[method-assign]
        app.on_task = self._run

    async def send(self) -> Status:
        app, number = self.app, self.requests + 1
        if self.requests:
            app.drop_transport("inbox")
        await app.call(UsingTransport("inbox", number))
        await app.call(ConnectBegin("inbox", number, "192.0.2.9", 80))
        ours = app.new_transport("inbox")
        await app.call(ConnectEnd("inbox", number), [ours.fileno()])
        status = Status(await app.call(WaitForPushEnabled("inbox")))
        self.requests = number
        app.reads_from("inbox")
        return status

    def _response(self, channel: str, transport: socket.socket) -> None:
        """The whole of it in one piece: the task is due before the completion has returned."""
        self.app.notify(ReadBegin(channel))
        transport.recv(65536)
        self.app.notify(DataDispatched(channel, self.requests))
        self.app.notify(ReadCompleted(channel, self.requests, over=True, push=False))

    def _run(self, task: RunTask) -> None:
        working = asyncio.ensure_future(self._renew(task))
        self._working.add(working)
        working.add_done_callback(self._working.discard)

    async def _renew(self, task: RunTask) -> None:
        assert await self.send() is Status.HARDWARE_SLOT_ALLOCATED
        self.app.done(task)


async def _until(what: str, wanted: Callable[[], bool]) -> None:
    async with asyncio.timeout(3.0):
        while not wanted():
            await asyncio.sleep(0.05)
    assert wanted(), what


async def _life(host: MortalHost) -> None:
    app = await host.app()
    polls = Polls(app)
    await app.call(ConstructChannel("inbox", 30, True))
    await app.call(RegisterTask("inbox", "Inbox", ChannelPush("inbox")))
    assert await polls.send() is Status.HARDWARE_SLOT_ALLOCATED
    await host.bench(bench.EnterStandby())
    for number in range(1, RESPONSES + 1):
        await _until("the host sleeps", lambda: host.driver.asleep_with is not None)
        [key] = host.driver.connections
        host.driver.device_wakes("PACKET", key)
        app.peers["inbox"].send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await _until("the next request is there", lambda: polls.requests == number + 1)  # noqa: B023
    await _until("the host sleeps", lambda: host.driver.asleep_with is not None)
    assert len(host.driver.connections) == 1
    await host.bench(bench.ExitStandby())
    await asyncio.sleep(1.0)
    assert [task.kind for task in app.tasks] == ["push"] * RESPONSES
    await app.close("inbox")
    assert not host.driver.connections
    assert not host.timeline.find("SERVICE_FAULT")
    assert not host.timeline.find("USAGE_FAULT")
    app.kill()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_the_system_may_die_at_every_step_of_long_polls(tmp_path: Path, after: bool) -> None:
    steps = lived(_life, tmp_path / "undisturbed.db", rules=RULES)
    assert steps > 60
    for dies_at in range(steps - 6):
        lived(_life, tmp_path / f"{dies_at}.db", dies_at, after=after, rules=RULES)
