"""What the triggers that an app fires by itself have in common."""

from __future__ import annotations

from rig.standby.system.app_process import AppProcess
from rig.standby.system.power import PowerState
from rig.standby.system.tasks.instances import Instances
from rig.standby.system.tasks.policy import Policy
from rig.standby.system.tasks.scheduler import Scheduler
from rig.standby.system.tasks.source import TriggerSource


class RequestedTriggers(TriggerSource):
    """Each answers a `request` of an app: fired, or why not."""

    def __init__(self, instances: Instances, scheduler: Scheduler, policy: Policy, power: PowerState) -> None:
        self._instances = instances
        self._scheduler = scheduler
        self._policy = policy
        self._power = power

    def in_background(self, app: AppProcess) -> bool:
        """Whether no user sees who asks."""
        return app.is_task_host or not app.foreground or self._power.in_standby
