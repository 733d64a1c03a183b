"""Completion groups: who knows when all their transfers have ended fires the tasks (BTR-025)."""

from __future__ import annotations

from rig.standby.system.app_process import AppProcess
from rig.standby.system.tasks.triggers.fired import FiredTriggers
from rig.standby.wire.app_tasks import RegisterTask
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.triggers import CompletionGroup


class CompletionGroupTasks(FiredTriggers):
    kinds = (CompletionGroup,)

    def check(self, app: AppProcess, wanted: RegisterTask) -> None:
        """A group has one registration, as a registration has one group (BTR-026). Raises HostError."""
        if any(registration.trigger == wanted.trigger for registration in app.package.registrations.values()):
            raise HostError(HResult.INVALID_ARG, "a task is registered for that completion group already (BTR-026)")
