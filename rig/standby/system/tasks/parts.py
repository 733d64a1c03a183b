"""The parts that background tasks are made of, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rig.clock import Clock
from rig.config import StandbyConfig
from rig.standby.system.app_process import AppProcess
from rig.standby.system.background import Background
from rig.standby.system.governor import Governor
from rig.standby.system.numbers import Numbers
from rig.standby.system.package import AppPackage
from rig.standby.system.power import PowerState
from rig.standby.system.processes import Processes
from rig.standby.system.situation import HostSituation
from rig.standby.system.sleep_cycle import SleepCycle
from rig.standby.system.surroundings import HostSurroundings
from rig.standby.system.tasks.access import Access
from rig.standby.system.tasks.admission import Admission
from rig.standby.system.tasks.cancellation import Cancellation
from rig.standby.system.tasks.delivery import Delivery
from rig.standby.system.tasks.hosts import ActivateApp, Hosts, StartTaskHost
from rig.standby.system.tasks.idle import IdleWatch
from rig.standby.system.tasks.instance import Instance
from rig.standby.system.tasks.instances import Instances
from rig.standby.system.tasks.limits import Limits
from rig.standby.system.tasks.owner import TaskOwner
from rig.standby.system.tasks.policy import Policy
from rig.standby.system.tasks.quota import Quotas
from rig.standby.system.tasks.registry import Registry
from rig.standby.system.tasks.scheduler import Scheduler
from rig.standby.system.tasks.triggers.application import ApplicationTriggers
from rig.standby.system.tasks.triggers.channel import ChannelTasks
from rig.standby.system.tasks.triggers.completion_group import CompletionGroupTasks
from rig.standby.system.tasks.triggers.device_servicing import DeviceServicingTriggers
from rig.standby.system.tasks.triggers.device_use import DeviceUseTriggers
from rig.standby.system.tasks.triggers.raw_push import RawPushTasks
from rig.standby.system.tasks.triggers.socket_activity import SocketActivityTasks
from rig.standby.system.tasks.triggers.system_tasks import SystemTasks
from rig.standby.system.tasks.triggers.time import TimeTriggers
from rig.standby.system.tasks.usage import Usage
from rig.standby.wire.task_enums import BackgroundTaskCancellationReason as Reason
from rig.timeline import TimelineWriter

MIB = 1 << 20


class TaskParts:
    """To be made on the running loop."""

    def __init__(
        self,
        rules: StandbyConfig,
        clock: Clock,
        packages: Mapping[str, AppPackage],
        processes: Processes,
        sleep: SleepCycle,
        governor: Governor,
        power: PowerState,
        background: Background,
        numbers: Numbers,
        timeline: TimelineWriter,
        situation: HostSituation,
        surroundings: HostSurroundings,
        admission: Admission,
        *,
        get_channel: Callable[[AppProcess, str], object],
        start_task_host: StartTaskHost,
        activate: ActivateApp,
        changed: Callable[[], None],
    ) -> None:
        self._win8 = rules.profile == "win8"
        self.access = Access(packages, surroundings, rules)
        self.registry = Registry(packages, admission, timeline)
        self.instances = Instances()
        hosts = Hosts(processes, self.registry, start_task_host, activate, rules.memory_limit_mb * MIB)
        limits = Limits(rules, self.instances, self._exceeded)
        delivery = Delivery(processes)
        self.quotas = Quotas(rules, clock, self.instances, processes, power, surroundings, lambda: self.scheduler.consider_all())
        self.policy = Policy(situation, admission, self.quotas)
        self.usage = Usage(self.instances, hosts, self.quotas)
        self.scheduler = Scheduler(
            self.registry,
            self.instances,
            hosts,
            self.policy,
            limits,
            Cancellation(processes, rules.cancel_grace_s),
            IdleWatch(self.instances, rules.idle_task_s, self._idle),
            self.quotas,
            delivery,
            processes,
            sleep,
            governor,
            power,
            background,
            numbers,
            timeline,
            changed,
        )
        self.channel = ChannelTasks(self.registry, self.scheduler, get_channel)
        self.system = SystemTasks(self.registry, self.scheduler)
        self.application = ApplicationTriggers(processes, self.instances, self.scheduler, self.policy, power)
        self.device_use = DeviceUseTriggers(processes, self.instances, self.scheduler, self.policy, power)
        self.device_servicing = DeviceServicingTriggers(
            self.instances, self.scheduler, self.policy, power, situation, is_pc=rules.family == "desktop"
        )
        sources = (
            self.channel,
            self.system,
            TimeTriggers(clock, lambda registration: self.scheduler.fire(registration, cause="timer")),
            self.application,
            self.device_use,
            self.device_servicing,
            RawPushTasks(),
            SocketActivityTasks(),
            CompletionGroupTasks(),
        )
        for source in sources:
            self.registry.add(source)
        self.owner = TaskOwner(self.registry, self.instances, self.scheduler, delivery, sources, processes)

    def _idle(self, instance: Instance) -> None:
        """ABORT on older systems (B-32)."""
        instance.idle |= instance.cancelled is None
        self.scheduler.cancel(instance, Reason.ABORT if self._win8 else Reason.IDLE_TASK)

    def _exceeded(self, instance: Instance) -> None:
        self.scheduler.cancel(instance, Reason.EXECUTION_TIME_EXCEEDED)
