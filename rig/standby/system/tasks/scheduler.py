"""From a trigger that fires to the end of a run.

An instance waits until all its conditions hold and the policy lets it; then host and process are made awake for it and it is
ordered; or its process has begun it by a standing order. Whatever happens to it goes through here.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable

from rig.standby.system.app_process import AppProcess
from rig.standby.system.background import Background
from rig.standby.system.governor import Governor
from rig.standby.system.numbers import Numbers
from rig.standby.system.power import PowerState
from rig.standby.system.processes import Processes
from rig.standby.system.registration import Registration
from rig.standby.system.sleep_cycle import SleepCycle
from rig.standby.system.tasks.cancellation import Cancellation
from rig.standby.system.tasks.delivery import Delivery
from rig.standby.system.tasks.hosts import STARTS, Hosts
from rig.standby.system.tasks.idle import IdleWatch
from rig.standby.system.tasks.instance import Instance, SavedInstance, State
from rig.standby.system.tasks.instances import Instances
from rig.standby.system.tasks.limits import Limits
from rig.standby.system.tasks.policy import Policy
from rig.standby.system.tasks.quota import Quotas
from rig.standby.system.tasks.registry import Registry
from rig.standby.wire.faults import as_refusal, is_foreseen
from rig.standby.wire.hresult import HostError
from rig.standby.wire.task_enums import BackgroundTaskCancellationReason as Reason
from rig.standby.wire.triggers import AnyDetails, Maintenance, RawPush, SocketActivity, SystemEvent, Time
from rig.timeline import TimelineWriter

RUNS_PER_APP = 256
"""Fired and not yet done: an app that lets so many wait does not come to them."""
HOSTS_PER_APP = 16
"""Processes that run tasks of an app at a time; what else has fired waits."""
HAS_A_PROCESS = (State.STARTING, State.RUNNING, State.RETURNED)
LATCHED = (SystemEvent, Time, Maintenance)
"""One that fires again while an instance of the registration waits adds nothing: exactly one runs then (BGT-012)."""
AGAIN_S = 1.0
"""Until a task is tried again whose host could not be woken, or whose process may have been lost with the system."""


class Scheduler:
    def __init__(
        self,
        registry: Registry,
        instances: Instances,
        hosts: Hosts,
        policy: Policy,
        limits: Limits,
        cancellation: Cancellation,
        idle: IdleWatch,
        quotas: Quotas,
        delivery: Delivery,
        processes: Processes,
        sleep: SleepCycle,
        governor: Governor,
        power: PowerState,
        background: Background,
        numbers: Numbers,
        timeline: TimelineWriter,
        changed: Callable[[], None],
    ) -> None:
        """`changed`: something has to be written down."""
        self._registry = registry
        self._instances = instances
        self._hosts = hosts
        self._policy = policy
        self._limits = limits
        self._cancellation = cancellation
        self._idle = idle
        self._quotas = quotas
        self._delivery = delivery
        self._processes = processes
        self._sleep = sleep
        self._governor = governor
        self._power = power
        self._background = background
        self._numbers = numbers
        self._timeline = timeline
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._held_back = Counter[str]()
        """Names of packages whose processes are about to be ended; how often."""
        self._quiet = asyncio.Event()
        """Something has ended."""
        self._listeners: list[Callable[[], None]] = []

    def subscribe(self, heard: Callable[[], None]) -> None:
        """It is called, soon, when what `refuses` had something against may be fired."""
        self._listeners.append(heard)

    # -- a trigger fires -----------------------------------------------------------------------------------------------

    def fire(self, registration: Registration, details: AnyDetails | None = None, cause: str = "trigger") -> Instance | None:
        """`cause`: why a suspended app goes on. Returns the instance, which may wait since before; None: there is none."""
        inert = self.inert(registration)
        if inert is not None:
            self._timeline.add("TASK_INERT", **registration.names, reason=inert)
            return None
        waiting = self._waiting(registration)
        if waiting is not None:
            return waiting
        if len(self._instances.of_package(registration.package)) >= RUNS_PER_APP:
            self._timeline.add("USAGE_FAULT", **registration.names, what=f"{RUNS_PER_APP} runs of its tasks are not done")
            return None
        saved = SavedInstance(self._numbers.next_run(), registration, details, cause)
        instance = Instance(saved, self._timeline)
        self._instances.add(instance)
        if getattr(registration.trigger, "one_shot", False):
            self._registry.remove(registration, "it has fired")
        self.consider(instance)
        self._changed()
        return instance

    def inert(self, registration: Registration) -> str | None:
        """Why nothing would come of it if it fired, now or later."""
        return self._policy.inert(self._registry.package_of(registration), registration.trigger)

    def refuses(self, registration: Registration) -> str | None:
        """Why nothing would come of it if it fired now."""
        inert = self.inert(registration)
        crowd = len(self._instances.of_package(registration.package)) >= RUNS_PER_APP
        return inert or (f"{RUNS_PER_APP} runs of its tasks are not done" if crowd else None)

    def has(self, number: int) -> bool:
        """Whether that run waits or is under way."""
        return any(instance.number == number for instance in self._instances)

    def _waiting(self, registration: Registration) -> Instance | None:
        if not isinstance(registration.trigger, LATCHED):
            return None
        return next((instance for instance in self._instances.of(registration) if not instance.under_way), None)

    # -- what waits ----------------------------------------------------------------------------------------------------

    def consider(self, instance: Instance) -> None:
        """Start it if it may run now."""
        if instance.pending and not self._must_wait(instance):
            self._start(instance)

    def consider_all(self) -> None:
        for heard in self._listeners:
            self._loop.call_soon(heard)
        for instance in self._instances:
            self.consider(instance)

    def situation_changed(self) -> None:
        """What has to wait no more starts; what may not go on is cancelled."""
        for instance in self._instances:
            reason = self._policy.cancels(instance.registration) if instance.under_way else None
            if reason is not None:
                self._cancellation.cancel(instance, reason)
        self.consider_all()
        self._changed()

    def _must_wait(self, instance: Instance) -> bool:
        why = self._forbidden(instance.registration) or self._crowd(instance)
        if why is not None:
            instance.wait(why)
        return why is not None

    def _forbidden(self, registration: Registration) -> str | None:
        """Why no run of it could begin now."""
        serviced = "its app is updated or uninstalled" if self._held_back[registration.package] else None
        forbidden = serviced or self.inert(registration) or self._policy.why_not(registration)
        return forbidden or self._hosts.why_not(registration)

    def may_begin(self, registration: Registration) -> bool:
        """Whether it would run in its app's process, at once, whenever it fired: until something changes."""
        crowded = len(self._instances.of_package(registration.package)) >= RUNS_PER_APP
        return registration.in_app and not crowded and self._forbidden(registration) is None

    def _crowd(self, instance: Instance) -> str | None:
        """Of an app that fires much at once: each process costs the whole host memory."""
        if instance.registration.in_app:
            return None
        others = [other for other in self._instances.of_package(instance.registration.package) if other is not instance]
        there = sum(other.state in HAS_A_PROCESS and not other.registration.in_app for other in others)
        return f"{HOSTS_PER_APP} processes run tasks of its app" if there >= HOSTS_PER_APP else None

    # -- it starts -----------------------------------------------------------------------------------------------------

    def _start(self, instance: Instance) -> None:
        instance.turn(State.STARTING)
        app = self._hosts.app_of(instance.registration) if instance.registration.in_app else None
        if app is not None and self._power.awake:
            self._order(instance, app)
        else:
            self._background.start(f"the start of task {instance.registration.name}", self._bring_up(instance))

    async def _bring_up(self, instance: Instance) -> None:
        registration = instance.registration
        with self._governor.hold(f"app {registration.package}", f"task {registration.name} is about to run"):
            try:
                await self._sleep.wake(f"{registration.kind}_trigger")
            except Exception as error:
                self._try_again(instance, error)
                return
            if instance.state is not State.STARTING or self._must_wait(instance):
                return
            app = self._hosts.app_of(registration)
            if registration.in_app and app is not None:
                self._order(instance, app)
            elif registration.in_app:
                await self._activate(instance)
            else:
                await self._order_own(instance)

    def _try_again(self, instance: Instance, error: Exception) -> None:
        if not is_foreseen(error):
            raise error
        if instance.state is State.STARTING:
            instance.wait(f"the host could not be woken: {error}")
            self._loop.call_later(AGAIN_S, self.consider, instance)

    async def _activate(self, instance: Instance) -> None:
        """Its app's process takes it when it is ready."""
        instance.wait(STARTS)
        try:
            await self._hosts.activate(instance.registration)
        except Exception as error:
            self._no_process(instance, error)

    async def _order_own(self, instance: Instance) -> None:
        try:
            network = self._has_network(instance.registration)
            await self._hosts.own(instance.registration, lambda host: self._order(instance, host), network=network)
        except Exception as error:
            self._no_process(instance, error)

    def _no_process(self, instance: Instance, error: Exception) -> None:
        """Nothing that starts stays so: whoever waits until its app is quiet would wait for ever."""
        refusal = as_refusal(error)
        self._end(instance, "no process", refusal.text if isinstance(refusal, HostError) else str(refusal))
        if not is_foreseen(refusal):
            raise refusal

    def _order(self, instance: Instance, host: AppProcess) -> None:
        self._is_ordered(instance, host)
        host.run(instance.order(network=self._has_network(instance.registration)))
        self._follow(host)

    def _is_ordered(self, instance: Instance, host: AppProcess) -> None:
        instance.host = host
        instance.turn(State.RUNNING)
        instance.tell("TASK_START", process="task host" if host.is_task_host else "app", process_instance=host.instance)
        self._processes.resume(host, instance.cause)

    def _follow(self, host: AppProcess) -> None:
        """A run of it is under way."""
        self._idle.watch()
        self._quotas.watch()
        self._limits.look(host)

    def _has_network(self, registration: Registration) -> bool:
        """In connected standby only a run that was to have it (BGT-015, 016); a task of a connection has the connection's."""
        return not self._power.in_standby or registration.is_network_requested or _has_connection(registration)

    # -- what its process says -----------------------------------------------------------------------------------------

    def begun(self, registration: Registration, number: int, host: AppProcess) -> None:
        """By a standing order: it was ordered before. What has changed since ends it as any other run."""
        instance = Instance(SavedInstance(number, registration, None, "task"), self._timeline)
        self._instances.add(instance)
        instance.turn(State.STARTING)
        self._is_ordered(instance, host)
        host.takes(instance.order(network=self._has_network(registration)))
        self._follow(host)
        self._changed()
        ends = Reason.TERMINATING if host.leaving or self._held_back[registration.package] else self._policy.cancels(registration)
        if ends is not None:
            self.cancel(instance, ends)

    def progress(self, app: AppProcess, number: int, value: int) -> None:
        instance = self._instances.ordered(app, number)
        if instance is not None:
            self._delivery.progress(instance, value)

    def returned(self, app: AppProcess, number: int) -> None:
        """A deferral keeps it alive."""
        instance = self._instances.ordered(app, number)
        if instance is not None:
            instance.turn(State.RETURNED)

    def cancel_handled(self, app: AppProcess, number: int) -> None:
        """It has until the end of its grace all the same: the handlers may only have told Run to stop."""
        instance = self._instances.ordered(app, number)
        if instance is not None:
            instance.tell("CANCEL_HANDLED")

    def out_of_memory(self, app: AppProcess, number: int) -> None:
        """Ended at once, and not cancelled before (BGT-029)."""
        instance = self._instances.ordered(app, number)
        if instance is not None:
            self._cancellation.kill(instance)

    def done(self, app: AppProcess, number: int, fault: str | None) -> None:
        instance = self._instances.ordered(app, number)
        if instance is not None:
            self._end(instance, "done" if instance.cancelled is None else "cancelled", fault)
        app.run_done(number)
        self._limits.look(app)

    def app_ready(self, app: AppProcess) -> None:
        """What waits for a process of the app may run in it; what a process of its own was made for begins."""
        self._limits.look(app)
        for instance in self._instances.of_package(app.name):
            self.consider(instance)

    def app_gone(self, app: AppProcess) -> None:
        """Its runs are over; those of task hosts go on (APT-007)."""
        for instance in self._instances.of_host(app):
            self._end(instance, "killed" if instance.killed else "its process ended", "its process ended")
        for instance in self._instances.of_package(app.name):
            if instance.pending and instance.waits_for == STARTS and self._hosts.app_of(instance.registration) in (None, app):
                self._not_started(instance, app)
        self._delivery.gone(app)

    def _not_started(self, instance: Instance, app: AppProcess) -> None:
        """An app that ends before it is ready would do so again; but it may not have been the app that ended."""
        if app.ended_unseen:
            self._loop.call_later(AGAIN_S, self.consider, instance)
        else:
            self._end(instance, "no process", "its app ended before it was ready")

    # -- it shall end --------------------------------------------------------------------------------------------------

    def cancel(self, instance: Instance, reason: Reason) -> None:
        """What has not been ordered is just over."""
        if instance.under_way:
            self._cancellation.cancel(instance, reason)
        else:
            self._end(instance, reason.name)
        self._changed()

    def unregister(self, registration: Registration, *, cancel: bool) -> None:
        """Either way it fires no more, and what waits never runs (BGT-010)."""
        self._registry.remove(registration, "the app")
        for instance in self._instances.of(registration):
            if cancel or not instance.under_way:
                self.cancel(instance, Reason.ABORT)

    def cancel_package(self, name: str, reason: Reason) -> None:
        """All that runs or waits, of an app that is updated, uninstalled, terminated ..."""
        for instance in self._instances.of_package(name):
            self.cancel(instance, reason)

    def hold_back(self, name: str) -> None:
        """Whatever fires for that app waits, until `let_go`: an app whose tasks fire again and again would never be quiet."""
        self._held_back[name] += 1

    def let_go(self, name: str) -> None:
        """Of a package that is gone nothing waits any more."""
        self._held_back[name] -= 1
        self.consider_all()

    async def until_quiet(self, those: Callable[[], Iterable[Instance]]) -> None:
        """Return when none of them runs or is about to; what stays too long is killed meanwhile."""
        while any(not instance.pending for instance in those()):
            self._quiet.clear()
            await self._quiet.wait()

    def _end(self, instance: Instance, reason: str, fault: str | None = None) -> None:
        """Safe to call twice."""
        if instance.state is State.ENDED:
            return
        ran = instance.under_way
        self._limits.stop(instance)
        self._cancellation.stop(instance)
        self._instances.remove(instance)
        instance.turn(State.ENDED)
        instance.tell("TASK_END", reason=reason, fault=fault)
        self._registry.source(instance.registration.trigger).over(instance)
        if ran:
            self._delivery.completed(instance, fault)
            self._loop.call_soon(self.consider_all)  # what waited for its process to be gone
        self._quiet.set()
        self._changed()

    # -- after a restart -----------------------------------------------------------------------------------------------

    def take_up(self, saved: SavedInstance, host: AppProcess | None) -> None:
        """`host`: the process that has been told of it."""
        instance = Instance(saved, self._timeline)
        self._instances.add(instance)
        if host is not None:
            instance.went_on(host, returned=saved.returned)
            self._limits.look(host)
            self._idle.watch()
            self._quotas.watch()
            if instance.cancelled is not None:
                self._cancellation.go_on(instance)


def _has_connection(registration: Registration) -> bool:
    """A control channel's, a brokered socket, or the one that a notification came on: what it makes the app say is to be sent
    before the app is suspended (RAW-005)."""
    return registration.channel_id is not None or isinstance(registration.trigger, (SocketActivity, RawPush))
