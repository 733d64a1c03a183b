"""The system dies at every step that outlives it while notifications come, awake and asleep: each is handled once and runs its
task once, in order, and what is acknowledged is never lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rig.standby.wire import bench
from rig.standby.wire.app_push import CreatePushChannel, FollowPush, NotificationHandled, NotificationReceived
from rig.standby.wire.app_tasks import RegisterTask
from rig.standby.wire.to_app import RunTask
from rig.standby.wire.triggers import RawNotificationDetails, RawPush
from tests.standby.every_step import lived
from tests.standby.fake_app import FakeApp
from tests.standby.fake_push_service import FakePushService
from tests.standby.mortal_host import MortalHost

INBOX = RegisterTask("inbox", "mail.Inbox", RawPush())


async def _life(host: MortalHost) -> None:
    """Notifications for a task, for a handler that cancels one of two, and for a host that sleeps; the line is lost and made
    again."""
    service = FakePushService()
    host.network.dial = service.dial
    ran: list[bytes] = []
    handled: dict[int, bytes] = {}

    def run(process: FakeApp, order: RunTask) -> None:
        assert isinstance(order.details, RawNotificationDetails)
        ran.append(order.details.content)
        asyncio.get_running_loop().call_later(0.01, _done, process, order)

    host.supervisor.host_task = run
    await host.bench(bench.UsePushService("192.0.2.20", 5230))
    app = await host.app()
    await app.call(INBOX)
    await app.call(CreatePushChannel())
    for content in (b"1", b"2"):
        service.post("mail", content)
    await _until(lambda: ran == [b"1", b"2"])

    def handle(event: NotificationReceived) -> None:
        if event.number not in handled:
            handled[event.number] = event.content
            app.notify(NotificationHandled(event.number, event.content == b"cancelled"))

    app.on_notification = handle
    app.notify(FollowPush(True))
    await asyncio.sleep(1)
    for content in (b"cancelled", b"3"):
        service.post("mail", content)
    await _until(lambda: ran == [b"1", b"2", b"3"])
    await host.bench(bench.EnterStandby())
    await _until_asleep(host)
    service.post("mail", b"4")
    await _until(lambda: ran[3:] == [b"4"], host)
    await _until_asleep(host)
    service.hang_up(reset=True)
    await _until(lambda: service.lines[-1].fileno() >= 0, host)
    service.post("mail", b"5")
    await _until(lambda: ran[4:] == [b"5"], host)
    await host.bench(bench.ExitStandby())
    await _until(lambda: not service.kept)
    await asyncio.sleep(100)
    assert ran == [b"1", b"2", b"3", b"4", b"5"]
    assert list(handled.values()) == [b"cancelled", b"3"]
    assert not list(host.system.push.delivery.waiting)
    assert not list(host.system.tasks.instances)
    assert len(host.driver.connections) == 1
    assert list(host.supervisor.stored) == ["push"]
    await host.bench(bench.UsePushService("", 0))
    app.kill()
    await asyncio.sleep(5)
    assert not host.supervisor.stored
    assert not host.timeline.find("SERVICE_FAULT")
    service.close()


def _done(process: FakeApp, order: RunTask) -> None:
    if not process.killed:
        process.done(order)


async def _wake(host: MortalHost) -> None:
    """The frame has come: the device does what it is for."""
    if host.driver.asleep_with is not None:
        key = next(iter(host.driver.asleep_with), None)
        host.driver.device_wakes("TCP_DATA", key)


async def _until(holds: object, host: MortalHost | None = None) -> None:
    """`host`: one that may fall asleep meanwhile, and is woken by what is there."""
    assert callable(holds)
    async with asyncio.timeout(600):
        while not holds():
            await asyncio.sleep(0.05)
            if host is not None:
                await _wake(host)


async def _until_asleep(host: MortalHost) -> None:
    async with asyncio.timeout(60):
        while host.driver.asleep_with is None:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_no_notification_is_lost_or_doubled_wherever_the_system_dies(tmp_path: Path, after: bool) -> None:
    steps = lived(_life, tmp_path / "undisturbed.db")
    assert steps > 60
    for dies_at in range(steps - 8):
        lived(_life, tmp_path / f"{dies_at}.db", dies_at, after=after)


def test_nor_when_the_next_one_dies_too_while_it_takes_up_what_there_was(tmp_path: Path) -> None:
    for number, dies_at in enumerate(range(10, 70, 4)):
        for second in range(0, 8, 2):
            lived(_life, tmp_path / f"{number} {second}.db", dies_at, second, after=bool(number % 2))
