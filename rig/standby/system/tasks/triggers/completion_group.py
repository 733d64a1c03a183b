"""Completion groups: who knows when all their transfers have ended fires the tasks (BTR-025)."""

from __future__ import annotations

from rig.standby.system.tasks.triggers.fired import FiredTriggers
from rig.standby.wire.triggers import CompletionGroup


class CompletionGroupTasks(FiredTriggers):
    kinds = (CompletionGroup,)
