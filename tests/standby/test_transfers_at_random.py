"""Whatever an app does with its transfers, whatever turns around the host and whoever dies: what runs is what may run, nothing
runs while the host sleeps, and a completion group's task runs once."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rig.standby.system.power import Sleep
from rig.standby.system.transfers.policy import verdict
from rig.standby.wire import bench
from rig.standby.wire.app_tasks import RegisterTask
from rig.standby.wire.app_transfers import (
    CancelTransfer,
    CreateTransfer,
    EnableCompletionGroup,
    PauseTransfer,
    ResumeTransfer,
    SetTransferCostPolicy,
    StartTransfer,
)
from rig.standby.wire.hresult import HostError
from rig.standby.wire.surroundings import NetworkCostType as Cost
from rig.standby.wire.transfer_enums import BackgroundTransferCostPolicy as CostPolicy
from rig.standby.wire.transfer_enums import BackgroundTransferStatus as Status
from rig.standby.wire.triggers import CompletionGroup
from tests.standby.fake_app import FakeApp
from tests.standby.fake_host import FakeHost, fake_host
from tests.standby.fake_network import CONNECTED, NO_LINK
from tests.standby.loader import attach_all, download, forget, listed, turn, upload
from tests.standby.strategies import examples
from tests.standby.virtual_time import run

SAVES: dict[str, Any] = {"ac": False, "battery_percent": 10, "energy_saver": True}
FREE: dict[str, Any] = {
    "internet": True,
    "energy_saver": False,
    "background_data_restricted": False,
    "cost": Cost.UNRESTRICTED,
    "roaming": False,
    "over_data_limit": False,
    "ac": True,
}
TURNS: tuple[dict[str, Any], ...] = (
    {"ac": True},
    {"ac": False},
    SAVES,
    {"energy_saver": False},
    {"internet": False},
    {"internet": True},
    {"background_data_restricted": True},
    {"cost": Cost.FIXED},
    {"roaming": True},
    {"over_data_limit": True},
    FREE,
)
OF_ONE = ("start", "pause", "resume", "cancel", "end", "fail", "forget", "cost")
ALONE = ("attach", "suspend", "switch_to", "kill", "die", "sleep", "wake", "user", "link", "no_link", "enable", "wait")

created = st.tuples(
    st.just("create"), st.sampled_from(["GET", "PUT", "POST"]), st.sampled_from(list(CostPolicy)), st.booleans(), st.booleans()
)
actions = st.one_of(
    created,
    st.tuples(st.sampled_from(OF_ONE), st.integers(0, 5)),
    st.tuples(st.sampled_from(ALONE)),
    st.tuples(st.just("turn"), st.sampled_from(TURNS)),
)


class Life:
    def __init__(self, host: FakeHost, family: str) -> None:
        self.host = host
        self.family = family
        self.ids: list[str] = []
        self.held: set[str] = set()
        """Of whose process one lives."""
        self.groups: list[str] = []
        self.enabled: set[str] = set()
        self.runs = Counter[str]()
        self.app: FakeApp

    async def begin(self) -> None:
        self.host.supervisor.host_task = self._ran
        self.app = await self.host.app()
        await self._new_group()

    async def _new_group(self) -> None:
        self.groups.append(str(uuid.uuid4()))
        await self.app.call(RegisterTask("sort", "mail.Sorts", CompletionGroup(self.groups[-1])))

    def _ran(self, process: FakeApp, order: Any) -> None:
        self.runs[order.trigger.group] += 1
        process.end_task(order.instance)

    async def do(self, what: str, *how: Any) -> None:
        if what in OF_ONE:
            if self.ids:
                await self._do_with(what, self.ids[how[0] % len(self.ids)])
        else:
            await getattr(self, f"_{what}")(*how)

    async def _do_with(self, what: str, id_: str) -> None:
        operation = self.host.transfers.operations.get(id_)
        match what:
            case "start":
                if await self._asked(StartTransfer(id_)):
                    self.held.add(id_)
            case "pause":
                await self._asked(PauseTransfer(id_))
            case "resume":
                await self._asked(ResumeTransfer(id_))
            case "cancel":
                await self._asked(CancelTransfer(id_))
            case "cost":
                await self._asked(SetTransferCostPolicy(id_, CostPolicy.ALWAYS))
            case "forget":
                if not self.app.stopped:
                    await forget(self.app, id_)
            case "end" | "fail" if operation is not None and operation.runs:
                self.host.transfers.end(id_, Status.COMPLETED if what == "end" else Status.ERROR)

    async def _asked(self, call: Any) -> bool:
        """Whether it was done: a stopped app says nothing, and what may not be is refused."""
        if self.app.stopped:
            return False
        with contextlib.suppress(HostError):
            await self.app.call(call)
            return True
        return False

    async def _create(self, method: str, policy: CostPolicy, in_group: bool, starts: bool) -> None:
        fields = {"cost_policy": policy, "completion_group": self.groups[-1] if in_group else None}
        spec = download(**fields) if method == "GET" else upload(method=method, **fields)
        if await self._asked(CreateTransfer(spec)):
            self.ids.append(spec.id)
            if starts:
                await self._do_with("start", spec.id)

    async def _enable(self) -> None:
        if await self._asked(EnableCompletionGroup(self.groups[-1])):
            self.enabled.add(self.groups[-1])
            await self._new_group()

    async def _attach(self) -> None:
        if not self.app.stopped:
            self.held |= {state.spec.id for state in await attach_all(self.app)}

    async def _suspend(self) -> None:
        await self.host.bench(bench.Suspend(self.host.instance_of(self.app)))

    async def _switch_to(self) -> None:
        with contextlib.suppress(HostError):
            await self.host.bench(bench.Resume(self.host.instance_of(self.app)))

    async def _kill(self) -> None:
        """And the next one: the user comes back for it."""
        await self._user()
        self.app.kill()
        await self.host.timeline.wait("APP_TERMINATED", instance=self.host.instance_of(self.app))
        self.held.clear()
        self.groups = [group for group in self.groups if group in self.enabled]
        await self.begin()

    async def _die(self) -> None:
        self.host.transfers.die()
        await asyncio.sleep(0.01)
        self.host.transfers.start_anew()

    async def _sleep(self) -> None:
        await self.host.bench(bench.EnterStandby())

    async def _wake(self) -> None:
        if self.host.asleep:
            self.host.driver.device_wakes("TCP_DATA")

    async def _user(self) -> None:
        await self.host.bench(bench.ExitStandby())

    async def _link(self) -> None:
        self.host.network.become(CONNECTED)

    async def _no_link(self) -> None:
        self.host.network.become(NO_LINK)

    async def _turn(self, levers: dict[str, Any]) -> None:
        await turn(self.host, **levers)

    async def _wait(self) -> None:
        await asyncio.sleep(400)

    # -- what must be so -----------------------------------------------------------------------------------------------

    async def check(self) -> None:
        await asyncio.sleep(0.2)
        system, transfers = self.host.system, self.host.transfers
        in_standby, awake = system.power.in_standby, system.power.sleep is Sleep.AWAKE
        assert awake or not transfers.running, "behind the gate"
        if not in_standby:
            assert transfers.running == {id_ for id_ in transfers.operations if self._may_run(id_)}
        assert {transfer.id for transfer in system.transfers.table} == set(transfers.operations)
        for transfer in system.transfers.table:
            assert transfer.status is transfers.operations[transfer.id].status
        held = [hold for hold in system.governor._holds if hold.who == "transfer of mail"]
        assert len(held) <= bool(transfers.running and system.surroundings.now.ac)
        assert set(self.runs.values()) <= {1}
        assert set(self.runs) <= self.enabled

    def _may_run(self, id_: str) -> bool:
        operation = self.host.transfers.operations[id_]
        if not operation.started or operation.paused or operation.ended is not None or id_ not in self.held:
            return False
        transfer = self.host.system.transfers.table.find(id_)
        assert transfer is not None
        app = self.host.system.processes.get(self.host.instance_of(self.app))
        foreground = app is not None and app.foreground
        arguments = transfer.cost_policy, self.host.system.situation.now
        found = verdict(*arguments, family=self.family, package="mail", foreground=foreground)
        return found.status is Status.RUNNING

    async def end(self) -> None:
        """With a network and nobody's restrictions all that was begun can end, and every group that was enabled has run."""
        await self._user()
        await self._link()
        await turn(self.host, **FREE)
        await self._switch_to()
        await self._attach()
        await self.check()
        for state in await listed(self.app):
            if not state.status.ended:
                await self.app.call(CancelTransfer(state.spec.id))
        await self.check()
        assert set(self.runs) == self.enabled
        await forget(self.app, *(state.spec.id for state in await listed(self.app)))
        await self._kill()
        await self.check()
        assert not self.host.transfers.operations
        assert not list(self.host.system.transfers.groups)


@settings(max_examples=examples(150), deadline=None, suppress_health_check=list(HealthCheck))
@given(family=st.sampled_from(["desktop", "phone"]), doing=st.lists(actions, min_size=2, max_size=40))
def test_what_runs_is_what_may_run(family: str, doing: list[tuple[Any, ...]]) -> None:
    async def life() -> None:
        async with fake_host(family=family) as host:
            lived = Life(host, family)
            await lived.begin()
            await lived.do("create", "GET", CostPolicy.DEFAULT, True, True)
            for action in doing:
                await lived.do(*action)
                await lived.check()
            await lived.end()

    run(life)
