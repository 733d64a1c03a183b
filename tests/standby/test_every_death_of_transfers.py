"""The system dies at every step that outlives it, or the process of transfers does at any moment, while an app has transfers: no
call of the app is refused for it, nothing is lost or done twice, and a completion group's task runs exactly once."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import pytest

from rig.standby.wire import bench
from rig.standby.wire.app_tasks import ListTasks, RegisterTask
from rig.standby.wire.app_transfers import (
    CancelTransfer,
    CreateTransfer,
    EnableCompletionGroup,
    PauseTransfer,
    ResumeTransfer,
    StartTransfer,
)
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.to_app import RunTask
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status
from rig.standby.wire.triggers import CompletionGroup, CompletionGroupDetails
from tests.standby.every_step import lived
from tests.standby.fake_app import FakeApp
from tests.standby.loader import Watcher, attach_all, create, download, forget, listed, start, turn, upload
from tests.standby.mortal_host import MortalHost

PROMPT_S = 60.0
"""Far more than anything takes that does not wait for the user."""


async def _life(host: MortalHost) -> None:
    """Pauses, a group, a sleep on battery, an app that ends and another one that attaches."""
    orders: list[RunTask] = []
    host.supervisor.host_task = lambda process, order: _ran(process, order, orders)
    app = await host.app()
    group = str(uuid.uuid4())
    await app.call(RegisterTask("sort", "mail.Sorts", CompletionGroup(group)))
    one, two = await start(app, completion_group=group), await start(app, completion_group=group)
    put, never = await start(app, upload(method="PUT")), await create(app, download())
    await app.call(EnableCompletionGroup(group))
    with pytest.raises(HostError) as refused:
        await app.call(CreateTransfer(download(completion_group=group)))
    assert refused.value.hresult is HResult.ILLEGAL_METHOD_CALL
    await _until(host, one, Status.RUNNING)
    await app.call(PauseTransfer(one))
    assert host.transfers.operations[one].status is Status.PAUSED_BY_APPLICATION
    await app.call(ResumeTransfer(one))
    await _until(host, one, Status.RUNNING)
    watcher = Watcher(app, one, two)
    await _heard(watcher, one, Status.RUNNING)
    host.transfers.end(one)
    await _heard(watcher, one, Status.COMPLETED)
    await forget(app, one)
    assert [state.spec.id for state in await listed(app)] == sorted([two, put, never])
    await turn(host, ac=False)
    await host.bench(bench.EnterStandby())
    async with asyncio.timeout(PROMPT_S):
        while host.driver.asleep_with is None:
            await asyncio.sleep(0.01)
    assert not host.transfers.running
    await asyncio.sleep(PROMPT_S)
    assert not host.transfers.running
    await host.bench(bench.ExitStandby())
    await _until(host, two, Status.RUNNING)
    app.kill()
    await _until(host, two, Status.PAUSED_SYSTEM_POLICY)
    await _until(host, put, Status.PAUSED_SYSTEM_POLICY)
    await _gone(host, never)
    again = await host.app()
    assert sorted(state.spec.id for state in await attach_all(again)) == sorted([two, put])
    await _until(host, two, Status.RUNNING)
    host.transfers.end(two, Status.ERROR)
    await again.call(CancelTransfer(put))
    await _once(orders)
    (order,) = orders
    assert isinstance(order.details, CompletionGroupDetails)
    assert (set(order.details.downloads), order.details.uploads) == ({one, two}, ())
    await _gone(host, one)
    assert await again.call(ListTasks()) == []
    await forget(again, two, put)
    assert not host.transfers.operations
    assert await listed(again) == []
    again.kill()
    await asyncio.sleep(5)
    assert not list(host.system.transfers.table)
    assert not host.timeline.find("SERVICE_FAULT")


def _ran(process: FakeApp, order: RunTask, orders: list[RunTask]) -> None:
    orders.append(order)
    process.end_task(order.instance)


async def _until(host: MortalHost, transfer_id: str, status: Status) -> None:
    async with asyncio.timeout(PROMPT_S):
        while host.transfers.operations[transfer_id].status is not status:
            await asyncio.sleep(0.01)


async def _gone(host: MortalHost, transfer_id: str) -> None:
    async with asyncio.timeout(PROMPT_S):
        while transfer_id in host.transfers.operations:
            await asyncio.sleep(0.01)


async def _heard(watcher: Watcher, transfer_id: str, status: Status) -> None:
    async with asyncio.timeout(PROMPT_S):
        while not any((state.spec.id, state.status) == (transfer_id, status) for state in await watcher.next()):
            pass


async def _once(orders: list[RunTask]) -> None:
    async with asyncio.timeout(PROMPT_S):
        while not orders:
            await asyncio.sleep(0.01)
    await asyncio.sleep(5)
    assert len(orders) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_nothing_is_lost_or_done_twice_wherever_the_system_dies(tmp_path: Path, after: bool) -> None:
    steps = lived(_life, tmp_path / "undisturbed.db")
    assert steps > 80
    for dies_at in range(steps - 8):
        lived(_life, tmp_path / f"{dies_at}.db", dies_at, after=after)


def test_nor_when_the_next_one_dies_too_while_it_takes_up_what_there_was(tmp_path: Path) -> None:
    for number, dies_at in enumerate(range(20, 90, 4)):
        for second in range(0, 8, 2):
            lived(_life, tmp_path / f"{number} {second}.db", dies_at, second, after=bool(number % 2))


def test_nor_when_the_process_of_transfers_dies_again_and_again(tmp_path: Path) -> None:
    """Each time a little later, so that it dies over every call."""

    async def life(host: MortalHost) -> None:
        dying = asyncio.ensure_future(_die_again_and_again(host))
        try:
            await _life(host)
        finally:
            dying.cancel()

    lived(life, tmp_path / "it.db")


async def _die_again_and_again(host: MortalHost) -> None:
    lives_s = 0.0005
    while True:
        await asyncio.sleep(lives_s)
        host.transfers.die()
        await asyncio.sleep(0.0007)
        host.transfers.start_anew()
        lives_s += 0.0003


def test_a_call_that_an_app_makes_twice_is_refused_although_a_system_has_died(tmp_path: Path) -> None:
    """That it was said again is no excuse for a second call."""

    async def life(host: MortalHost) -> None:
        app = await host.app()
        id_ = await start(app)
        await _until(host, id_, Status.RUNNING)
        await app.call(PauseTransfer(id_))
        for call in (PauseTransfer(id_), StartTransfer(id_)):
            with pytest.raises(HostError) as refused:
                await app.call(call)
            assert refused.value.hresult is HResult.ILLEGAL_METHOD_CALL

    steps = lived(life, tmp_path / "undisturbed.db")
    for dies_at in range(steps - 2):
        for after in (False, True):
            lived(life, tmp_path / f"{dies_at} {after}.db", dies_at, after=after)
