"""What background transfers outlive, and what they end with: apps, their packages, the system, and the process that does them."""

from __future__ import annotations

import asyncio
import os
import uuid
from typing import Any

import pytest

from rig.config import StandbyConfig
from rig.manifest.manifest import Manifest
from rig.standby.system.machine_start import lose_what_ended
from rig.standby.wire import bench
from rig.standby.wire.app_tasks import RegisterTask
from rig.standby.wire.app_transfers import CreateTransfer, EnableCompletionGroup, PauseTransfer, StartTransfer
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.surroundings import NetworkCostType as Cost
from rig.standby.wire.transfer_enums import BackgroundTransferCostPolicy as CostPolicy
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status
from rig.standby.wire.transfers import Discard
from rig.standby.wire.triggers import CompletionGroup
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.fake_network import CONNECTED, NO_LINK
from tests.standby.loader import attach_all, create, download, forget, listed, start, status, to_background, turn, upload
from tests.standby.virtual_time import virtual

SYSTEM = Status.PAUSED_SYSTEM_POLICY
SAVES: dict[str, Any] = {"ac": False, "battery_percent": 10, "energy_saver": True}


async def kill(host: FakeHost, app: FakeApp) -> None:
    app.kill()
    await host.timeline.wait("APP_TERMINATED", instance=host.instance_of(app))
    await host.settle()


@virtual
async def test_an_app_that_is_suspended_has_its_transfers_go_on() -> None:
    """BTR-001."""
    async with fake_host() as host:
        app = await host.app()
        id_ = await start(app)
        await to_background(host, app)
        assert app.stopped
        assert host.transfers.running == {id_}


@virtual
async def test_an_app_that_ends_leaves_its_transfers_paused_until_another_attaches() -> None:
    """BTR-002."""
    async with fake_host() as host:
        app, other = await host.app("mail"), await host.app("chat")
        id_, of_other = await start(app), await start(other)
        await host.settle()
        await kill(host, app)
        assert host.transfers.running == {of_other}
        again = await host.app("mail")
        assert [state.status for state in await listed(again)] == [SYSTEM]
        await attach_all(again)
        await host.settle()
        assert host.transfers.running == {id_, of_other}


@virtual
async def test_another_process_of_the_app_that_is_there_answers_for_them() -> None:
    async with fake_host() as host:
        app, other = await host.app(), await host.app()
        id_ = await start(app)
        await create(app, download())
        await host.settle()
        await kill(host, app)
        assert host.transfers.running == {id_}
        assert [state.spec.id for state in await listed(other)] == [id_]
        await kill(host, other)
        assert not host.transfers.running


@virtual
async def test_what_was_created_and_never_started_ends_with_its_app() -> None:
    async with fake_host() as host:
        app = await host.app()
        await create(app, download())
        id_ = await start(app)
        await host.settle()
        await kill(host, app)
        assert set(host.transfers.operations) == {id_}
        assert [state.spec.id for state in await listed(await host.app())] == [id_]


@virtual
async def test_nothing_is_left_of_what_an_app_was_about_to_create_when_it_ended() -> None:
    async with fake_host() as host:
        app = await host.app()
        host.transfers.takes_s = 0.5
        app.submit(CreateTransfer(download()))
        await asyncio.sleep(0.1)
        await kill(host, app)
        await asyncio.sleep(2)
        assert not host.transfers.operations


@virtual
async def test_an_upload_that_is_interrupted_by_the_end_of_its_app() -> None:
    """BTR-020: a PUT begins anew, a POST has ended."""
    async with fake_host() as host:
        app = await host.app()
        put, post = await start(app, upload(method="PUT")), await start(app, upload())
        await host.settle()
        await kill(host, app)
        again = await host.app()
        assert {state.spec.id: state.status for state in await attach_all(again)} == {put: SYSTEM, post: Status.ERROR}
        await host.settle()
        assert host.transfers.running == {put}
        assert host.transfers.operations[put].restarts == 1


@virtual
async def test_the_link_and_the_price_pause_all_that_they_concern_at_once() -> None:
    """BTR-007, 008."""
    async with fake_host() as host:
        app = await host.app()
        cheap = [await start(app, cost_policy=CostPolicy.UNRESTRICTED_ONLY) for _ in range(3)]
        any_ = [await start(app) for _ in range(3)]
        await host.settle()
        host.transfers.permits.clear()
        host.network.become(NO_LINK)
        await host.settle()
        assert host.transfers.permits == [dict.fromkeys(cheap + any_, Status.PAUSED_NO_NETWORK)]
        assert await status(app, cheap[0]) is Status.PAUSED_NO_NETWORK
        await turn(host, cost=Cost.FIXED)
        host.network.become(CONNECTED)
        await host.settle()
        assert host.transfers.running == set(any_)
        assert await status(app, cheap[0]) is Status.PAUSED_COSTED_NETWORK
        await turn(host, cost=Cost.UNRESTRICTED)
        await host.settle()
        assert host.transfers.running == set(any_ + cheap)


@virtual
async def test_a_host_that_saves_energy_pauses_what_is_in_the_background() -> None:
    """BTR-014."""
    async with fake_host() as host:
        app = await host.app()
        id_ = await start(app, cost_policy=CostPolicy.ALWAYS)
        await turn(host, **SAVES)
        await host.settle()
        assert host.transfers.running == {id_}
        await to_background(host, app)
        assert host.transfers.operations[id_].status is SYSTEM
        await host.bench(bench.Resume(host.instance_of(app)))
        await host.settle()
        assert host.transfers.running == {id_}


# -- standby -----------------------------------------------------------------------------------------------------------


@virtual
async def test_a_process_that_does_not_close_its_connections_has_no_host_asleep_over_them() -> None:
    """At no attempt: the first says what may not run, and those behind it wait for the same answer."""
    async with fake_host() as host:
        await start(await host.app())
        await turn(host, ac=False)
        host.transfers.closes_s = 12.0
        began = host.now_s
        await host.fall_asleep()
        assert host.timeline.find("SLEEP_FAILED")
        assert host.now_s - began >= 12.0


@virtual
async def test_nor_over_those_of_an_app_that_is_uninstalled() -> None:
    async with fake_host() as host:
        await host.bench(bench.InstallPackage(manifest(), []))
        await start(await launch(host))
        await turn(host, ac=False)
        host.transfers.closes_s = 12.0
        began = host.now_s
        await host.bench(bench.UninstallPackage("mail"))
        await host.fall_asleep()
        assert host.now_s - began >= 12.0


@virtual
async def test_on_battery_all_is_paused_and_closed_before_the_host_sleeps() -> None:
    async with fake_host() as host:
        app = await host.app()
        id_ = await start(app)
        await turn(host, ac=False)
        host.transfers.closes_s = 0.5
        began = host.now_s
        await host.fall_asleep()
        assert host.now_s - began >= 0.5
        assert not host.timeline.find("SLEEP_REFUSED")
        assert host.transfers.operations[id_].status is SYSTEM
        host.driver.device_wakes("TCP_DATA")
        await host.settle()
        assert not host.transfers.running, "each short wake would begin its request anew"
        await host.timeline.wait("SLEEP_ENTER", after=len(host.timeline.told))
        await host.bench(bench.ExitStandby())
        await host.settle()
        assert host.transfers.running == {id_}


@virtual
async def test_on_external_power_what_runs_holds_the_host_awake_by_name() -> None:
    async with fake_host() as host:
        app = await host.app()
        id_ = await start(app)
        await host.settle()
        await host.bench(bench.EnterStandby())
        await host.timeline.wait("SLEEP_REFUSED", holder="transfer of mail")
        await asyncio.sleep(60)
        assert host.driver.entries == 0
        host.transfers.end(id_)
        await host.timeline.wait("SLEEP_ENTER")


@virtual
async def test_what_has_come_to_a_stand_holds_nothing_awake() -> None:
    """Bytes that come are no stand, however long all of it takes."""
    async with fake_host() as host:
        app = await host.app()
        id_ = await start(app)
        await host.settle()
        await host.bench(bench.EnterStandby())
        for received in range(10):
            await asyncio.sleep(4 * 60)
            host.transfers.progress(id_, received)
        assert host.driver.entries == 0
        await asyncio.sleep(4 * 60)
        assert host.driver.entries == 0
        await asyncio.sleep(61)
        assert host.asleep


@virtual
async def test_what_may_run_again_holds_the_host_awake_before_it_is_heard_of() -> None:
    """The user was there for a moment: its process has not come to go on with it."""
    async with fake_host() as host:
        app = await host.app()
        id_ = await start(app)
        await turn(host, ac=False)
        await host.fall_asleep()
        assert host.transfers.operations[id_].status is SYSTEM
        host.transfers.takes_s = 1.0
        await host.bench(bench.ExitStandby())
        await turn(host, ac=True)
        await host.bench(bench.EnterStandby())
        await host.timeline.wait("SLEEP_REFUSED", holder="transfer of mail")
        assert host.transfers.operations[id_].status is SYSTEM, "it is still to hear"
        await asyncio.sleep(2)
        assert host.transfers.running == {id_}


@virtual
async def test_what_may_not_run_holds_nothing_awake() -> None:
    async with fake_host() as host:
        app = await host.app()
        paused, costed = await start(app), await start(app, cost_policy=CostPolicy.UNRESTRICTED_ONLY)
        await turn(host, cost=Cost.FIXED)
        await host.settle()
        await app.call(PauseTransfer(paused))
        await host.fall_asleep()
        assert not host.timeline.find("SLEEP_REFUSED")
        assert host.transfers.operations[costed].status is Status.PAUSED_COSTED_NETWORK


@virtual
async def test_where_nothing_holds_a_wake_on_external_power_lets_it_go_on() -> None:
    async with fake_host(transfers_hold_awake=False, linger_ms=1000) as host:
        app = await host.app()
        id_ = await start(app)
        await host.fall_asleep()
        assert not host.transfers.running
        host.driver.device_wakes("TCP_DATA")
        await host.settle()
        assert host.transfers.running == {id_}


@virtual
async def test_power_that_goes_lets_the_host_sleep() -> None:
    async with fake_host() as host:
        await start(await host.app())
        await host.settle()
        await host.bench(bench.EnterStandby())
        await asyncio.sleep(1)
        assert not host.asleep
        await turn(host, ac=False)
        await host.timeline.wait("SLEEP_ENTER")
        assert not host.transfers.running


@virtual
async def test_a_sleep_that_does_not_come_about_lets_them_go_on() -> None:
    async with fake_host(transfers_hold_awake=False) as host:
        app = await host.app()
        id_ = await start(app)
        host.transfers.closes_s = 0.5
        await host.settle()
        await host.bench(bench.EnterStandby())
        await asyncio.sleep(0.1)
        assert not host.transfers.running
        hold = host.system.governor.hold("a test", "it wants the host awake")
        await asyncio.sleep(1)
        assert host.transfers.running == {id_}
        assert host.driver.entries == 0
        hold.release()


@virtual
async def test_a_host_without_transfers_asks_their_process_nothing_on_its_way_to_sleep() -> None:
    async with fake_host() as host:
        app = await host.app()
        host.transfers.end(await start(app))
        await host.settle()
        before = len(host.transfers.calls)
        await host.fall_asleep()
        assert len(host.transfers.calls) == before


@virtual
async def test_a_process_that_does_not_close_its_connections_keeps_the_host_awake_by_name() -> None:
    async with fake_host() as host:
        app = await host.app()
        id_ = await start(app)
        await turn(host, ac=False)
        host.transfers.die()
        await host.bench(bench.EnterStandby())
        failed = await host.timeline.wait("SLEEP_FAILED")
        assert "the process of background transfers does not close its connections" in failed.error
        host.transfers.start_anew()
        await host.timeline.wait("SLEEP_ENTER")
        assert host.transfers.operations[id_].status is SYSTEM


# -- the machine -------------------------------------------------------------------------------------------------------


@virtual
async def test_a_machine_that_starts_anew_has_them_paused_and_its_groups_over() -> None:
    """A run under way ends with the machine; nobody is left who would say so."""
    async with fake_host() as host:
        app = await host.app()
        group = str(uuid.uuid4())
        await app.call(RegisterTask("sort", None, CompletionGroup(group)))
        app.on_task = lambda order: None
        id_, of_group = await start(app), await start(app, completion_group=group)
        await app.call(EnableCompletionGroup(group))
        host.transfers.end(of_group)
        await host.timeline.wait("TASK_START")
        await forget(app, of_group)
        await host.settle()
        host.transfers.die()
        store, transfers = host.store, host.transfers
    lose_what_ended(store, 2)
    transfers.start_anew()
    again = FakeHost(StandbyConfig(), store, transfers)
    await again.system.start()
    await again.settle()
    assert not transfers.running
    assert set(transfers.operations) == {id_}
    app = await again.app()
    await attach_all(app)
    await again.settle()
    assert transfers.running == {id_}
    assert not list(again.system.transfers.groups)
    await again.close()


# -- servicing ---------------------------------------------------------------------------------------------------------


def manifest(version: str = "1.0.0.0") -> Manifest:
    return Manifest(name="mail", version=version, entry="its:App")


async def launch(host: FakeHost) -> FakeApp:
    instance = await host.bench(bench.LaunchApp("mail"), os.open(os.devnull, os.O_RDONLY))
    host.apps[instance] = app = host.supervisor.apps[-1].child
    await app.begin()
    return app


@virtual
async def test_with_its_package_all_goes_and_nothing_flows_when_it_is_gone() -> None:
    """BTR-030."""
    async with fake_host() as host:
        await host.bench(bench.InstallPackage(manifest(), []))
        other = await host.app("chat")
        app = await launch(host)
        ids = {await start(app) for _ in range(3)}
        host.transfers.end(min(ids))
        of_other = await start(other)
        await host.bench(bench.UninstallPackage("mail"))
        assert host.transfers.running == {of_other}
        await host.settle()
        assert set(host.transfers.operations) == {of_other}
        await host.bench(bench.InstallPackage(manifest(), []))
        again = await launch(host)
        assert await listed(again) == []
        await start(again)


@virtual
async def test_what_a_process_that_died_could_not_discard_the_next_one_does() -> None:
    async with fake_host() as host:
        await host.bench(bench.InstallPackage(manifest(), []))
        app = await launch(host)
        await start(app)
        await host.settle()
        host.transfers.die()
        await host.bench(bench.UninstallPackage("mail"))
        await host.bench(bench.InstallPackage(manifest(), []))
        again = await launch(host)
        asyncio.get_running_loop().call_later(1, host.transfers.start_anew)
        id_ = await start(again)
        await host.settle()
        assert set(host.transfers.operations) == {id_}


@virtual
async def test_what_could_not_be_discarded_keeps_nobody_waiting_and_is_tried_again() -> None:
    """As the disk was full."""
    async with fake_host() as host:
        await host.bench(bench.InstallPackage(manifest(), []))
        await start(await launch(host))
        await host.settle()
        host.transfers.refuses[Discard] = HostError(HResult.FAIL, "the disk is full")
        await host.bench(bench.UninstallPackage("mail"))
        await host.settle()
        await host.bench(bench.InstallPackage(manifest(), []))
        again = await launch(host)
        async with asyncio.timeout(60):
            with pytest.raises(HostError, match="the disk is full"):
                await start(again)
        del host.transfers.refuses[Discard]
        id_ = await start(again)
        await host.settle()
        assert set(host.transfers.operations) == {id_}


@virtual
async def test_an_update_keeps_them_paused_until_the_new_version_attaches() -> None:
    """BTR-030."""
    async with fake_host() as host:
        await host.bench(bench.InstallPackage(manifest(), []))
        app = await launch(host)
        id_ = await start(app)
        await host.settle()
        await host.bench(bench.UpdatePackage(manifest("2.0.0.0"), []))
        await host.settle()
        assert not host.transfers.running
        again = await launch(host)
        await attach_all(again)
        await host.settle()
        assert host.transfers.running == {id_}


# -- the process of transfers ------------------------------------------------------------------------------------------


@virtual
async def test_a_process_that_is_new_is_told_anew_what_may_run() -> None:
    async with fake_host() as host:
        app = await host.app()
        id_, paused = await start(app), await start(app)
        await host.settle()
        await app.call(PauseTransfer(paused))
        host.transfers.die()
        await asyncio.sleep(1)
        host.transfers.start_anew()
        await host.settle()
        assert host.transfers.running == {id_}
        assert host.transfers.permits[-1] == dict.fromkeys((id_, paused), Status.RUNNING)


@virtual
async def test_a_call_over_which_the_process_dies_is_done_by_the_next_one() -> None:
    async with fake_host() as host:
        app = await host.app()
        spec = download()
        host.transfers.takes_s = 0.5
        created = app.submit(CreateTransfer(spec))
        await asyncio.sleep(0.1)
        host.transfers.die()
        await asyncio.sleep(1)
        assert not created.done()
        host.transfers.start_anew()
        await created
        assert set(host.transfers.operations) == {spec.id}


@virtual
async def test_what_a_process_that_has_died_too_often_is_asked_is_answered_with_a_fault_that_says_so() -> None:
    async with fake_host() as host:
        app = await host.app()
        id_ = await create(app, download())
        host.transfers.refuses[Any] = HostError(HResult.FAIL, "it died 5 times within 60 s")
        with pytest.raises(HostError, match="it died 5 times within 60 s") as refusal:
            await app.call(StartTransfer(id_))
        assert refusal.value.hresult is HResult.FAIL
        again = await host.app()
        with pytest.raises(HostError, match="it died 5 times within 60 s"):
            await create(again, download())


@virtual
async def test_a_process_that_has_died_too_often_keeps_no_host_awake() -> None:
    async with fake_host() as host:
        app = await host.app()
        await start(app)
        await host.settle()
        await host.bench(bench.EnterStandby())
        await host.timeline.wait("SLEEP_REFUSED", holder="transfer of mail")
        host.transfers.die()
        host.transfers.refuses[Any] = HostError(HResult.FAIL, "it died 5 times within 60 s")
        host.transfers.start_anew()
        await host.timeline.wait("SLEEP_ENTER")


@virtual
async def test_a_host_on_which_nobody_has_transfers_asks_their_process_nothing() -> None:
    async with fake_host() as host:
        app = await host.app()
        assert await listed(app) == []
        await turn(host, cost=Cost.FIXED)
        await host.fall_asleep()
        await host.bench(bench.ExitStandby())
        await kill(host, app)
        assert host.transfers.calls == []
