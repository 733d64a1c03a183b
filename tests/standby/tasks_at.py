"""Scenes of tests of background tasks: a host, an app with access, a registration."""

from __future__ import annotations

from typing import Any

import msgspec

from rig.standby.system.registration import Registration
from rig.standby.wire import bench
from rig.standby.wire.app_tasks import RegisterTask
from rig.standby.wire.task_enums import SystemTriggerType
from rig.standby.wire.triggers import AnyDetails, AnyTrigger, Application, Maintenance, SystemEvent, Time
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import FakeHost

MINUTE_S = 60.0
TIMER = Time(15)
UPKEEP = Maintenance(15)
TRIGGER = "11111111-0000-4000-8000-000000000000"
APPLICATION = Application(TRIGGER)
AWAY = SystemEvent(SystemTriggerType.USER_AWAY)
ONCE = SystemEvent(SystemTriggerType.USER_AWAY, one_shot=True)
TASK = "mail.Sync"
"""A class: its runs have a process of their own."""


async def turn(host: FakeHost, **changes: Any) -> None:
    """A change of the surroundings."""
    now = host.system.surroundings.now
    await host.bench(bench.SetSurroundings(msgspec.structs.replace(now, **changes)))
    await host.settle()


async def register(app: FakeApp, trigger: AnyTrigger = AWAY, entry_point: str | None = None, **more: Any) -> str:
    """Returns the TaskId; in-process unless there is an entry point."""
    return await app.call(RegisterTask("sync", entry_point, trigger, **more))


def registered(host: FakeHost, task_id: str) -> Registration:
    return next(r for r in host.system.tasks.registry if r.task_id == task_id)


async def fire(host: FakeHost, task_id: str, details: AnyDetails | None = None) -> None:
    host.system.tasks.scheduler.fire(registered(host, task_id), details)
    await host.settle()


def ran(host: FakeHost) -> int:
    return len(host.timeline.find("TASK_START"))
