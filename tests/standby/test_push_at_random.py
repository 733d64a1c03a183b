"""Notifications under any sequence of what apps, the user and the service may do: each that was received was cancelled by a
handler, has run its task once, or was dropped with a reason; nothing waits for ever."""

from __future__ import annotations

import asyncio
import random

import pytest

from rig.push_line import Acknowledged
from rig.standby.wire import bench
from rig.standby.wire.app_push import FollowPush, NotificationHandled, NotificationReceived
from rig.standby.wire.app_tasks import UnregisterTask
from rig.standby.wire.surroundings import Surroundings
from tests.standby.fake_app import FakeApp
from tests.standby.push_scene import INBOX, SAVER, Scene, contents, scene
from tests.standby.virtual_time import virtual

SEEDS = 60
STEPS = 60


class Life:
    def __init__(self, s: Scene, seed: int) -> None:
        self.s = s
        self.stays_registered = seed % 2 == 0
        self.random = random.Random(seed)
        self.apps: list[FakeApp] = []
        self.task_id = ""
        self.events: list[tuple[FakeApp, NotificationReceived]] = []
        self.heard: set[int] = set()
        self.cancelled: set[int] = set()
        self.posted = 0

    @property
    def app(self) -> FakeApp:
        return self.apps[-1]

    async def launch(self) -> None:
        app = await self.s.host.app("mail")
        app.on_task = lambda order: None
        app.on_notification = lambda event: self._hear(app, event)
        self.apps.append(app)

    def _hear(self, app: FakeApp, event: NotificationReceived) -> None:
        self.events.append((app, event))
        self.heard.add(int(event.content))

    async def post(self) -> None:
        for _ in range(self.random.choice((1, 1, 3))):
            self.posted += 1
            self.s.service.post("mail", b"%d" % self.posted)
        self._wake_asleep_host()

    def _wake_asleep_host(self) -> None:
        driver = self.s.host.driver
        if driver.asleep_with:
            driver.device_wakes("TCP_DATA", driver.asleep_with[0])

    async def follow(self) -> None:
        if not self.app.stopped:
            self.app.notify(FollowPush(self.random.random() < 0.7))

    async def handled(self) -> None:
        if self.events:
            app, event = self.events.pop(self.random.choice((0, 0, -1)))
            if not app.killed and not app.stopped:
                cancel = self.random.random() < 0.5
                app.notify(NotificationHandled(event.number, cancel))
                if cancel:
                    self.cancelled.add(int(event.content))

    async def end_tasks(self) -> None:
        for order in list(self.app.tasks):
            if order.instance in self.running:
                self.app.end_task(order.instance)

    @property
    def running(self) -> set[int]:
        return {instance.number for instance in self.s.host.system.tasks.instances}

    async def kill(self) -> None:
        self.app.kill()
        await asyncio.sleep(0.5)
        await self.s.host.bench(bench.ExitStandby())
        await self.launch()

    async def live_on(self) -> None:
        """The user starts it again, whatever has ended it."""
        if self.app.killed:
            await self.s.host.bench(bench.ExitStandby())
            await self.launch()

    async def unregister(self) -> None:
        if not self.app.stopped and self.task_id:
            await self.app.call(UnregisterTask(self.task_id, cancel=self.random.random() < 0.5))
            self.task_id = ""

    async def register(self) -> None:
        if not self.app.stopped and not self.task_id:
            self.task_id = await self.app.call(INBOX)

    async def saver(self) -> None:
        await self.s.host.bench(bench.SetSurroundings(self.random.choice((SAVER, Surroundings()))))

    async def standby(self) -> None:
        await self.s.host.bench(bench.EnterStandby())

    async def back(self) -> None:
        await self.s.host.bench(bench.ExitStandby())

    async def hang_up(self) -> None:
        if self.s.service.lines[-1].fileno() >= 0:
            self.s.service.hang_up(reset=self.random.random() < 0.5)
            driver = self.s.host.driver
            if driver.asleep_with:
                driver.device_wakes("KA_TIMEOUT", driver.asleep_with[0])

    async def wait(self) -> None:
        await asyncio.sleep(self.random.choice((0.01, 1.0, 6.0, 70.0)))

    async def step(self) -> None:
        many = [self.post] * 5 + [self.handled] * 4 + [self.end_tasks] * 4 + [self.wait] * 3
        rare = [self.follow, self.kill, self.saver, self.standby, self.back, self.hang_up]
        if not self.stays_registered:
            rare += [self.unregister, self.register, self.register]
        await self.live_on()
        await self.random.choice(many + rare)()
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("seed", range(SEEDS))
@virtual
async def test_each_is_done_once(seed: int) -> None:
    async with scene() as s:
        life = Life(s, seed)
        await life.launch()
        await life.register()
        for _ in range(STEPS):
            await life.step()
        await life.back()
        await s.host.bench(bench.SetSurroundings(Surroundings()))
        for _ in range(life.posted + 5):
            await asyncio.sleep(10)
            await life.live_on()
            await life.end_tasks()
        await s.service.until_acknowledged()
        await asyncio.sleep(60)
        assert not s.host.system.push.delivery.waiting
        assert not life.running
        told = s.host.timeline
        received = [one.number for one in told.find("PUSH_RECEIVED")]
        dropped = [one.number for one in told.find("PUSH_DROPPED")]
        assert received == sorted(set(received))
        started = [int(content) for app in life.apps for content in contents(app)]
        assert sorted({*dropped, *started}) == sorted(dropped + started), "each at most once"
        missing = set(received) - {*dropped, *started}
        if life.stays_registered:
            assert missing <= life.cancelled, "else a task is to run for it"
        else:
            never_began = len(told.find("TASK_END")) - len(started)
            assert len(missing - life.heard) <= never_began, "it was heard, or its run was cancelled with its registration"
        assert s.service.all(Acknowledged)[-1].number == life.posted
