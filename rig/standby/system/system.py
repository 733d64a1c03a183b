"""The system: its parts, put together around a driver, a supervisor and a store.

It runs on one asyncio loop, whose time is all the time that it knows; nothing on the loop waits for the device.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from rig.clock import Clock
from rig.config import StandbyConfig
from rig.decoders import decoded
from rig.standby.system.admission import Admission
from rig.standby.system.app_process import AppProcess, SavedApp
from rig.standby.system.background import Background
from rig.standby.system.channels.parts import ChannelParts
from rig.standby.system.channels.table import ChannelTable
from rig.standby.system.core import Core
from rig.standby.system.driver import Driver, DriverNotice
from rig.standby.system.endings import Endings
from rig.standby.system.faults import Faults
from rig.standby.system.governor import Governor
from rig.standby.system.ledger import HOST, Ledger, SavedHost
from rig.standby.system.network import HostNetwork
from rig.standby.system.owners import Owners
from rig.standby.system.package import PACKAGES, Packages, SavedPackage
from rig.standby.system.power import PowerState, Screen, Sleep
from rig.standby.system.processes import Processes
from rig.standby.system.push.parts import PushParts
from rig.standby.system.requests.app_calls import AppCalls
from rig.standby.system.requests.bench_calls import BenchCalls
from rig.standby.system.requests.channel_calls import ChannelCalls
from rig.standby.system.requests.dispatch import AppMessages
from rig.standby.system.requests.lever_calls import LeverCalls
from rig.standby.system.requests.package_calls import PackageCalls
from rig.standby.system.requests.push_calls import PushCalls
from rig.standby.system.requests.socket_calls import SocketCalls
from rig.standby.system.requests.task_calls import TaskCalls
from rig.standby.system.requests.transfer_calls import TransferCalls
from rig.standby.system.restart import Outlived, Restart
from rig.standby.system.rows import Rows
from rig.standby.system.servicing import Servicing
from rig.standby.system.situation import HostSituation, Situation
from rig.standby.system.sleep_cycle import SleepCycle
from rig.standby.system.sockets.parts import SocketParts
from rig.standby.system.starting import Starting
from rig.standby.system.store import Store, saved_of
from rig.standby.system.supervising import Child, Supervising
from rig.standby.system.surroundings import HostSurroundings
from rig.standby.system.tasks.parts import TaskParts
from rig.standby.system.tasks.triggers.system_event import SystemEvents
from rig.standby.system.transfers.parts import TransferParts
from rig.standby.system.transfers.process import Transferring
from rig.standby.wire import bench
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.from_app import FromApp
from rig.standby.wire.line import Line
from rig.timeline import TimelineWriter


class System:
    """To be made on the running loop; it serves from `start` on."""

    def __init__(
        self,
        rules: StandbyConfig,
        clock: Clock,
        driver: Driver,
        supervisor: Supervising,
        store: Store,
        timeline: TimelineWriter,
        faults: Faults,
        network: HostNetwork,
        transfers: Transferring,
    ) -> None:
        things = store.things()
        host = decoded(SavedHost, things[HOST]) if HOST in things else SavedHost()
        self.power = PowerState(timeline, host.screen)
        self.governor = Governor(self.power, timeline, rules.linger_ms / 1000)
        self.rows = rows = Rows()
        self.numbers = host.numbers
        self.packages = Packages(rows, saved_of(things, PACKAGES, SavedPackage))
        self._timeline = timeline
        self._driver = driver
        self._faults = faults
        self._background = Background(faults.met, lambda: self._ledger.soon())
        self.owners = Owners()
        self.surroundings = HostSurroundings(rows, things, timeline)
        self._network = network
        self.situation = HostSituation(rows, things, self._read_situation)
        self.system_events = SystemEvents(lambda happened: self.tasks.system.fire(happened))
        self.situation.subscribe(self.system_events.situation_changed)
        self.situation.subscribe(lambda before, after: self.tasks.scheduler.situation_changed())
        self.surroundings.subscribe(lambda before, after: self.situation.look())
        self.situation.subscribe(self._tell_network)
        self.power.subscribe(self._look_soon)
        network.subscribe(self._look)
        self.processes = Processes(self.power, self.owners, rows, timeline, rules.suspend_deadline_s)
        self._sleep = SleepCycle(driver, self.power, self.governor, self.processes, self.owners, timeline, faults.met)
        core = Core(
            rules=rules,
            clock=clock,
            driver=driver,
            supervisor=supervisor,
            packages=self.packages,
            processes=self.processes,
            sleep=self._sleep,
            governor=self.governor,
            power=self.power,
            background=self._background,
            numbers=host.numbers,
            situation=self.situation,
            surroundings=self.surroundings,
            admission=Admission(rules.profile, self.situation),
            places=lambda: self.owners.places,
            rows=rows,
            timeline=timeline,
        )
        table = ChannelTable(rows)
        self.tasks = TaskParts(
            core,
            get_channel=table.get,
            start_task_host=lambda *arguments: self.starting.task_host(*arguments),
            activate=lambda *arguments: self.starting.activated(*arguments),
            changed=lambda: self._ledger.soon(),
        )
        self.channels = ChannelParts(core, table, self.tasks.channel, self.system_events.happens)
        self.owners.add(*self.channels.owners)
        self.sockets = SocketParts(core, self.tasks.socket_activity)
        self._ledger = Ledger(store, rows, host.numbers, self.power, faults.met)
        self.push = PushParts(core, things, network, self.tasks.raw_push, self._ledger.now)
        self.transfers = TransferParts(core, transfers, self.tasks, self._ledger.now)
        self.owners.add(self.tasks.owner, self.sockets.owner, self.push.owner, self.transfers.owner)
        self._endings = Endings(
            self.processes, self.owners, self.governor, timeline, lambda app: self._ledger.forget(app.instance)
        )
        self.starting = Starting(supervisor, self.processes, self._ledger, host.numbers, self._make_app)
        app_calls = AppCalls(self.processes, self.channels, self.tasks.scheduler, timeline)
        channel_calls = ChannelCalls(self.channels, driver, wake_supported=rules.aoac)
        task_calls = TaskCalls(self.tasks, self.processes)
        socket_calls = SocketCalls(self.sockets.broker)
        push_calls = PushCalls(self.push.client, self.push.delivery, core.power)
        transfer_calls = TransferCalls(self.transfers)
        groups = app_calls, channel_calls, task_calls, socket_calls, push_calls, transfer_calls
        self.app_messages = AppMessages(
            self.governor,
            self.processes,
            *(group.handlers() for group in groups),
            after_call=self.channels.standing.review,
        )
        lever_calls = LeverCalls(self.surroundings, self.system_events.happens, self.tasks.scheduler.cancel_package, timeline)
        servicing = Servicing(self.packages, self.processes, self.owners, self.system_events.happens, timeline)
        package_calls = PackageCalls(servicing, self.starting, self.processes, self.governor, self.power, self._sleep)
        self._bench_calls = BenchCalls(
            self._start_app,
            driver,
            self.power,
            self.governor,
            self._sleep,
            self.processes,
            self.owners,
            {**lever_calls.handlers(), **package_calls.handlers(), **push_calls.of_bench()},
            aoac=rules.aoac,
        )
        self._restart = Restart(things, self._make_app, driver, supervisor, self.processes, self.owners)

    async def start(self, outlived: Sequence[Outlived] = (), descriptors: Mapping[str, int] | None = None) -> None:
        """Begin, or go on where the system before ended. Raises what the driver does."""
        held = await self._driver.held()
        if held.asleep:
            for sleep in (Sleep.FALLING_ASLEEP, Sleep.ASLEEP):
                self.power.turn_sleep(sleep)
            if self.power.screen is Screen.ENTERING_STANDBY:  # the system before died before it could tell
                self.power.turn_screen(Screen.CONNECTED_STANDBY)
        self._restart.take_up(outlived, descriptors or {})
        self._driver.subscribe(self._hear)
        for app in self.processes:
            app.resume_line(awake=not held.asleep)
            if not held.asleep:
                self.processes.resume(app, "system_restarted")
        self.owners.network_is_back()
        self._ledger.taken_up()
        self.transfers.begin()
        self._background.start("the agreement with the driver", self._restart.agree_with_driver(held))
        self._background.start("what the system before had under way", self._sleep.wake_for_what_is_left())
        self._background.start("sleep", self._sleep.run())
        self.governor.touch()
        self.situation.look()
        self.channels.resets.catch_up()

    def serve_bench(self, call: bench.FromBench, descriptors: Descriptors) -> Any:
        """The answer to a call of the bench, or a coroutine that has it; by then it is written down. Raises HostError."""
        answer = self._bench_calls.serve(call, descriptors)
        if inspect.iscoroutine(answer):
            return self._written_down(answer)
        self._ledger.now()
        return answer

    async def close(self) -> None:
        """Every app ends with it."""
        self.sockets.watch.stop()
        self.push.client.stop()
        for app in self.processes:
            app.child.kill()
        await self._background.stop()

    def _look_soon(self) -> None:
        """Not in the middle of what the change belongs to."""
        asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self.situation.look()
        self._ledger.soon()

    def _read_situation(self) -> Situation:
        """What its network does while the host sleeps is the device's affair, and seen after it."""
        network = self._network.now() if self.power.awake else self.situation.now.network
        return Situation(self.surroundings.now, network, self.power.screen is Screen.ACTIVE)

    def _tell_network(self, before: Situation, after: Situation) -> None:
        if before.network != after.network:
            network = after.network
            self._timeline.add("NETWORK_CHANGED", link=network.link, addresses=network.addresses)

    async def _written_down(self, work: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await work
        finally:
            self._ledger.now()

    def _hear(self, notice: DriverNotice) -> None:
        self._sleep.hear(notice)
        self._ledger.soon()

    async def _start_app(self, call: bench.StartApp, test_fd: int) -> int:
        package = self.packages.of(call.name)
        package.user_grants, package.path = call.access, call.path
        return (await self.starting.app(package, call.entry, test_fd)).instance

    def _make_app(self, saved: SavedApp, child: Child, line: Line[FromApp]) -> AppProcess:
        return AppProcess(
            self.packages[saved.package],
            saved,
            child,
            line,
            self.governor,
            self._timeline,
            inbox=self._ledger.inbox(saved.instance),
            serve=self.app_messages.serve,
            on_gone=self._app_gone,
            on_fault=self._faults.met,
            on_tell=self._ledger.tell,
            on_heard=self.processes.suspend_if_idle,
        )

    def _app_gone(self, app: AppProcess) -> None:
        self._background.start(f"the end of {app.label}", self._endings.end_app(app))
