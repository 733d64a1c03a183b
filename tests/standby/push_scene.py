"""A host in virtual time with its line to a push service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from rig.standby.wire import bench
from rig.standby.wire.app_push import FollowPush, NotificationReceived
from rig.standby.wire.app_tasks import RegisterTask
from rig.standby.wire.surroundings import Surroundings
from rig.standby.wire.to_app import RunTask
from rig.standby.wire.triggers import RawNotificationDetails, RawPush
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.fake_push_service import FakePushService

INBOX = RegisterTask("inbox", None, RawPush())
SAVER = Surroundings(ac=False, battery_percent=5, energy_saver=True)


class Scene:
    def __init__(self, host: FakeHost, service: FakePushService) -> None:
        self.host = host
        self.service = service

    async def app(self, name: str = "mail", task: RegisterTask | None = INBOX) -> FakeApp:
        app = await self.host.app(name)
        self.task_id = await app.call(task) if task is not None else ""
        return app

    async def post(self, content: bytes, app: str = "mail", **options: Any) -> int:
        """Returns when what comes of it is written down."""
        number = self.service.post(app, content, **options)
        await self.service.until_acknowledged()
        await self.host.settle()
        return number

    async def followed(self) -> tuple[FakeApp, list[NotificationReceived]]:
        """An app with a handler, and what its handler is called for."""
        app = await self.app()
        app.notify(FollowPush(True))
        events: list[NotificationReceived] = []
        app.on_notification = events.append
        await self.host.settle()
        return app, events

    async def wakes(self, content: bytes) -> None:
        """The sleeping host, by a notification."""
        self.service.post("mail", content)
        (key,) = self.host.driver.connections
        assert self.host.driver.asleep_with == [key]
        self.host.driver.device_wakes("TCP_DATA", key)
        await self.service.until_acknowledged()
        await self.host.settle()

    def dropped(self) -> list[str]:
        return [told.why for told in self.host.timeline.find("PUSH_DROPPED")]


@asynccontextmanager
async def scene(**rules: Any) -> AsyncIterator[Scene]:
    async with fake_host(**rules) as host:
        service = FakePushService()
        host.network.dial = service.dial
        await host.bench(bench.UsePushService("192.0.2.20", 5230))
        await host.timeline.wait("PUSH_CONNECTED")
        await host.settle()
        yield Scene(host, service)
        service.close()


def contents(app: FakeApp) -> list[bytes]:
    return [details(order).content for order in app.tasks]


def details(order: RunTask) -> RawNotificationDetails:
    assert isinstance(order.details, RawNotificationDetails)
    return order.details
