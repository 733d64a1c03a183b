"""What the system makes of transports that connect by themselves and push by themselves: only the one that is bound counts."""

from __future__ import annotations

import pytest

from rig.standby.wire.app_channels import ConnectBegin, ConnectEnd, ConstructChannel, UsingTransport, WaitForPushEnabled
from rig.standby.wire.app_tasks import RegisterTask
from rig.standby.wire.from_app import DataDispatched, ReadBegin, ReadCompleted, ReadWithoutEffect
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.statuses import ControlChannelTriggerStatus as Status
from rig.standby.wire.triggers import ChannelPush
from tests.standby.fake_app import FakeApp, tcp_pair
from tests.standby.fake_host import fake_host
from tests.standby.virtual_time import virtual

SERVER = ("192.0.2.9", 80)


async def replaced_while_it_connects(app: FakeApp) -> None:
    """Transport 1 is about to connect; transport 2 is bound in its place."""
    await app.call(ConstructChannel("inbox", 30, True))
    await app.call(RegisterTask("inbox", "Inbox", ChannelPush("inbox")))
    await app.call(UsingTransport("inbox", 1))
    await app.call(ConnectBegin("inbox", 1, *SERVER))
    await app.call(UsingTransport("inbox", 2))
    await app.call(ConnectBegin("inbox", 2, *SERVER))


@virtual
async def test_a_connection_that_comes_too_late_is_not_that_of_the_transport_bound_since() -> None:
    async with fake_host() as host:
        app = await host.app()
        await replaced_while_it_connects(app)
        ours, theirs = tcp_pair()
        with ours, theirs, pytest.raises(HostError) as refused:
            await app.call(ConnectEnd("inbox", 1), [ours.fileno()])
        assert refused.value.hresult is HResult.ILLEGAL_METHOD_CALL
        ours, theirs = tcp_pair()
        with ours, theirs:
            await app.call(ConnectEnd("inbox", 2), [ours.fileno()])
            assert await app.call(WaitForPushEnabled("inbox")) == Status.HARDWARE_SLOT_ALLOCATED


@virtual
async def test_a_connect_that_fails_too_late_takes_no_slot_from_the_transport_bound_since() -> None:
    async with fake_host(hw_slots_total=1) as host:
        app = await host.app()
        await replaced_while_it_connects(app)
        with pytest.raises(HostError, match="not bound"):
            await app.call(ConnectEnd("inbox", 1, "timed out"))
        other = await host.app("other")
        with pytest.raises(HostError, match="NO_SLOT"):
            await other.open("inbox")


@virtual
async def test_who_is_not_bound_any_more_does_not_begin_to_connect() -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.call(ConstructChannel("inbox", 30, True))
        await app.call(UsingTransport("inbox", 1))
        await app.call(UsingTransport("inbox", 2))
        with pytest.raises(HostError, match="socket 1 is not bound"):
            await app.call(ConnectBegin("inbox", 1, *SERVER))


@virtual
async def test_what_is_dispatched_runs_the_task_at_once_and_its_completion_runs_none() -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox")
        app.notify(ReadBegin("inbox"))
        app.notify(DataDispatched("inbox", 1))
        app.notify(ReadWithoutEffect("inbox"))
        await host.settle()
        assert [task.kind for task in app.tasks] == ["push"]
        app.notify(ReadBegin("inbox"))
        app.notify(ReadCompleted("inbox", 1, over=True, push=False))
        await host.settle()
        assert len(app.tasks) == 1


@virtual
async def test_what_a_transport_dispatches_that_was_bound_before_runs_nothing() -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox")
        app.notify(DataDispatched("inbox", 7))
        app.notify(DataDispatched("another", 1))
        await host.settle()
        assert not app.tasks


@virtual
async def test_what_is_dispatched_in_standby_keeps_the_host_awake_until_its_task_is_done() -> None:
    async with fake_host() as host:
        app = await host.app()
        await app.open("inbox")
        await host.fall_asleep()
        [key] = host.driver.connections
        host.driver.device_wakes("PACKET", key)
        app.notify(ReadBegin("inbox"))
        app.notify(DataDispatched("inbox", 1))
        app.notify(ReadWithoutEffect("inbox"))
        await host.settle()
        [task] = app.tasks
        assert not host.timeline.find("SLEEP_ENTER")[1:]
        app.done(task)
        await host.timeline.wait("SLEEP_ENTER", after=len(host.timeline.told))
