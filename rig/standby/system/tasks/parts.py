"""The parts that background tasks are made of, put together."""

from __future__ import annotations

from collections.abc import Callable

from rig.standby.system.app_process import AppProcess
from rig.standby.system.core import Core
from rig.standby.system.tasks.access import Access
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

MIB = 1 << 20


class TaskParts:
    """To be made on the running loop."""

    def __init__(
        self,
        core: Core,
        *,
        get_channel: Callable[[AppProcess, str], object],
        start_task_host: StartTaskHost,
        activate: ActivateApp,
        changed: Callable[[], None],
    ) -> None:
        rules, processes, power, situation = core.rules, core.processes, core.power, core.situation
        self._win8 = rules.profile == "win8"
        self.access = Access(core.packages, core.surroundings, rules)
        self.registry = Registry(core.packages, core.admission, core.timeline)
        self.instances = Instances(core.rows)
        hosts = Hosts(processes, self.registry, start_task_host, activate, rules.memory_limit_mb * MIB)
        limits = Limits(rules, self.instances, self._exceeded)
        delivery = Delivery(processes, core.rows)
        self.quotas = Quotas(
            rules, core.clock, self.instances, processes, power, core.surroundings, lambda: self.scheduler.consider_all()
        )
        self.policy = Policy(situation, core.admission, self.quotas)
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
            core.sleep,
            core.governor,
            power,
            core.background,
            core.numbers,
            core.timeline,
            changed,
        )
        self.channel = ChannelTasks(self.registry, self.scheduler, get_channel)
        self.system = SystemTasks(self.registry, self.scheduler)
        self.application = ApplicationTriggers(self.instances, self.scheduler, self.policy, power, processes)
        self.device_use = DeviceUseTriggers(self.instances, self.scheduler, self.policy, power, processes)
        self.device_servicing = DeviceServicingTriggers(
            self.instances, self.scheduler, self.policy, power, situation, is_pc=rules.family == "desktop"
        )
        self.socket_activity = SocketActivityTasks(self.scheduler)
        self.raw_push = RawPushTasks(self.scheduler)
        self.completion_group = CompletionGroupTasks(self.scheduler)
        self.time = TimeTriggers(core.clock, lambda registration: self.scheduler.fire(registration, cause="timer"), core.rows)
        sources = (
            self.channel,
            self.system,
            self.time,
            self.application,
            self.device_use,
            self.device_servicing,
            self.raw_push,
            self.socket_activity,
            self.completion_group,
        )
        for source in sources:
            self.registry.add(source)
        self.owner = TaskOwner(
            self.registry, self.instances, self.scheduler, delivery, sources, processes, self.access, self.quotas
        )

    def _idle(self, instance: Instance) -> None:
        """ABORT on older systems (B-32)."""
        instance.idle |= instance.cancelled is None
        self.scheduler.cancel(instance, Reason.ABORT if self._win8 else Reason.IDLE_TASK)

    def _exceeded(self, instance: Instance) -> None:
        self.scheduler.cancel(instance, Reason.EXECUTION_TIME_EXCEEDED)
