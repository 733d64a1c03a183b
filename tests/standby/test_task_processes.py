"""What becomes of tasks while their app ends, and when the machine has started anew."""

from __future__ import annotations

import asyncio

from rig.config import StandbyConfig
from rig.standby.wire.task_enums import SystemConditionType as Condition
from rig.standby.wire.triggers import Time
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.tasks_at import AWAY, MINUTE_S, ONCE, TASK, fire, register, turn
from tests.standby.virtual_time import virtual


@virtual
async def test_a_trigger_that_fires_while_the_app_ends_is_not_lost_in_it() -> None:
    """Its process is there until all that was its own is given back, and hears nothing any more."""
    async with fake_host() as host:
        app = await host.app()
        task = await register(app)
        [process] = host.system.processes
        app.kill()
        process.end()
        await fire(host, task)
        await host.settle()
        again = await host.app()
        await host.settle()
        assert [order.task_id for order in again.tasks] == [task]


@virtual
async def test_registrations_and_what_waits_outlive_the_machine() -> None:
    """All processes are gone; what has fired runs when it may, once, and timers go on."""
    async with fake_host() as host:
        app = await host.app()
        app.on_task = lambda task: None
        await turn(host, internet=False)
        for trigger in (ONCE, Time(15, one_shot=True)):
            await register(app, trigger, TASK, conditions=(Condition.INTERNET_AVAILABLE,))
        lasting = await register(app)
        [once, _, _] = host.system.tasks.registry
        await fire(host, once.task_id)
        await fire(host, lasting)
        assert len(app.tasks) == 1, "it runs when the power goes"
        host.system._ledger.now()
        again = FakeHost(StandbyConfig(), host.store)
        await again.system.start()
        await again.timeline.wait("TASK_END", reason="its process ended")
        assert [r.trigger for r in again.system.tasks.registry] == [Time(15, one_shot=True), AWAY]
        await turn(again, internet=True)
        assert len(again.supervisor.task_hosts) == 1
        await asyncio.sleep(31 * MINUTE_S)
        assert again.supervisor.everybody[0].tasks[0].task_id == once.task_id
        assert len(again.supervisor.everybody) == 2
        assert [r.task_id for r in again.system.tasks.registry] == [lasting]
        await again.close()
