"""The system dies at every step that outlives it while sockets go from an app to the broker and back: no byte of them is lost or
read twice, no run is missed, and nothing stays with the supervisor or the driver."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rig.standby.wire import bench
from rig.standby.wire.app_tasks import RegisterTask
from rig.standby.wire.socket_enums import SocketActivityTriggerReason as Reason
from rig.standby.wire.triggers import SocketActivity
from tests.standby.every_step import lived
from tests.standby.giver import Served, give, infos, register, take, transfer
from tests.standby.mortal_host import MortalHost

SERVES = RegisterTask("serves", "mail.Serves", SocketActivity())
INSIDE = RegisterTask("inside", None, SocketActivity())
MINUTE_MS = 60_000


async def _life(host: MortalHost) -> None:
    """Data on one socket in the app and on one asleep, a timer, an end, and both taken at last by the app itself."""
    served = Served()
    host.supervisor.host_task = served.run
    app = await host.app()
    app.on_task = lambda order: served.run(app, order)
    outside, inside = await register(app, SERVES), await register(app, INSIDE)
    plain = await give(app, "plain", inside, context=b"p")
    loud = await give(app, "loud", outside, wakes=True, context=b"l", keep_alive_ms=30 * MINUTE_MS)
    plain.send(b"one ")
    loud.send(b"one ")
    await served.until_read("plain", b"one ")
    await served.until_read("loud", b"one ")
    await host.bench(bench.EnterStandby())
    await _until_asleep(host)
    plain.send(b"two ")
    loud.send(b"two ")
    (key,) = host.driver.connections
    host.driver.device_wakes("TCP_DATA", key)
    await served.until_read("loud", b"one two ", limit_s=60)
    await _until_asleep(host)
    await asyncio.sleep(31 * 60)
    assert ("loud", Reason.KEEP_ALIVE_TIMER_EXPIRED) in served.reasons
    await host.bench(bench.ExitStandby())
    await served.until_read("plain", b"one two ", limit_s=60)
    await asyncio.sleep(5)
    plain.close()
    await asyncio.sleep(5)
    assert served.reasons.count(("plain", Reason.SOCKET_CLOSED)) == 1
    sock, taken = await take(app, "loud")
    loud.send(b"three")
    assert sock.recv(5) == b"three"
    await transfer(app, sock, "loud", taken.task_id, wakes=True)
    assert sorted(info.id for info in await infos(app)) == ["loud", "plain"]
    for name in ("plain", "loud"):
        sock, _ = await take(app, name)
        sock.close()
    await asyncio.sleep(5)
    assert served.read == {"plain": b"one two ", "loud": b"one two "}
    assert served.contexts == {b"p", b"l"}
    assert not await infos(app)
    assert not host.supervisor.stored
    assert not host.driver.connections
    assert not list(host.system.tasks.instances)
    app.kill()
    await asyncio.sleep(5)
    assert not host.timeline.find("SERVICE_FAULT")


async def _until_asleep(host: MortalHost) -> None:
    async with asyncio.timeout(60):
        while host.driver.asleep_with is None:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_no_byte_and_no_run_is_lost_wherever_the_system_dies(tmp_path: Path, after: bool) -> None:
    steps = lived(_life, tmp_path / "undisturbed.db", limit_s=3 * 3600)
    assert steps > 80
    for dies_at in range(steps - 8):
        lived(_life, tmp_path / f"{dies_at}.db", dies_at, after=after, limit_s=3 * 3600)


def test_nor_when_the_next_one_dies_too_while_it_takes_up_what_there_was(tmp_path: Path) -> None:
    for number, dies_at in enumerate(range(20, 90, 4)):
        for second in range(0, 8, 2):
            lived(_life, tmp_path / f"{number} {second}.db", dies_at, second, after=bool(number % 2), limit_s=3 * 3600)
