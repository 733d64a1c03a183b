"""An app is installed, updated, ended and removed in virtual time, and the system may die at every step of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from rig.manifest.manifest import BackgroundTasksExtension, Manifest, TaskType
from rig.standby.wire import bench
from rig.standby.wire.app_tasks import RemoveAccess, RequestAccess
from rig.standby.wire.hresult import HostError
from rig.standby.wire.statuses import ControlChannelTriggerStatus as Status
from tests.standby.every_step import lived
from tests.standby.fake_host import fake_host
from tests.standby.mortal_host import MortalHost
from tests.standby.virtual_time import run

CHANNEL = frozenset({TaskType.CONTROL_CHANNEL})
TASKS = tuple(BackgroundTasksExtension(entry, CHANNEL, "mail.exe") for entry in ("Inbox", "Alive"))
"""As FakeApp registers them."""
FIRST, SECOND = (Manifest("mail", version, "its:App", TASKS) for version in ("1.0.0.0", "1.1.0.0"))
HOUR_S = 3600.0


async def _asleep(host: MortalHost) -> None:
    async with asyncio.timeout(HOUR_S):
        while host.driver.asleep_with is None:
            await asyncio.sleep(0.05)


async def _life(host: MortalHost) -> None:
    await host.bench_or_done(bench.InstallPackage(FIRST, ["/code"]))
    first = await host.app()
    assert await first.open("inbox") is Status.HARDWARE_SLOT_ALLOCATED
    await host.bench(bench.EnterStandby())
    await _asleep(host)

    await host.bench_or_done(bench.UpdatePackage(SECOND, ["/newer"]))
    assert first.killed
    assert (host.driver.connections, host.supervisor.stored) == ({}, {})
    package = host.system.packages["mail"]
    assert (package.manifest, package.path, package.access_outdated) == (SECOND, ["/newer"], True)
    await host.bench(bench.ExitStandby())

    second = await host.app()
    await second.call(RemoveAccess())
    await second.call(RequestAccess())
    assert await second.open("inbox") is Status.HARDWARE_SLOT_ALLOCATED
    [running] = host.system.processes
    await host.bench_or_done(bench.EndApp(running.instance, by_user=False))
    assert second.killed
    assert host.driver.connections == {}

    third = await host.app()
    await host.bench_or_done(bench.UninstallPackage("mail"))
    assert third.killed
    assert "mail" not in host.system.packages
    assert list(host.system.processes) == []
    assert not host.timeline.find("SERVICE_FAULT")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_the_system_may_die_at_every_step(tmp_path: Path, after: bool) -> None:
    steps = lived(_life, tmp_path / "undisturbed.db")
    assert steps > 60
    for dies_at in range(steps - 6):
        lived(_life, tmp_path / f"{dies_at}.db", dies_at, after=after)


def test_processes_of_other_apps_go_on() -> None:
    async def life() -> None:
        async with fake_host() as host:
            await host.bench(bench.InstallPackage(FIRST, []))
            mail, other_mail, chat = await host.app("mail"), await host.app("mail"), await host.app("chat")
            await host.bench(bench.UpdatePackage(SECOND, []))
            assert (mail.killed, other_mail.killed, chat.killed) == (True, True, False)
            ends = [record.instance for record in host.timeline.find("APP_TERMINATED", app="mail")]
            assert sorted(ends) == sorted([host.instance_of(mail), host.instance_of(other_mail)])
            names = [told.event for told in host.timeline.told]
            assert names.index("PACKAGE_UPDATE") > max(at for at, name in enumerate(names) if name == "APP_TERMINATED")

    run(life)


CALLS: dict[str, Callable[[int], bench.FromBench]] = {
    "install": lambda instance: bench.InstallPackage(Manifest("other"), []),
    "update": lambda instance: bench.UpdatePackage(SECOND, []),
    "uninstall": lambda instance: bench.UninstallPackage("mail"),
    "resume": bench.Resume,
    "end": lambda instance: bench.EndApp(instance, by_user=True),
    "launch": lambda instance: bench.LaunchApp("mail"),
}


@pytest.mark.parametrize("call", CALLS)
def test_nothing_is_done_on_a_host_that_was_shut_down(call: str) -> None:
    async def life() -> None:
        async with fake_host() as host:
            await host.bench(bench.InstallPackage(FIRST, []))
            app = await host.app("mail")
            await host.bench(bench.Shutdown())
            with pytest.raises(HostError, match="shut down"):
                await host.bench(CALLS[call](host.instance_of(app)))

    run(life)
