"""Completion groups of transfers: what transfers fires their tasks (BTR-024)."""

from __future__ import annotations

from rig.standby.system.tasks.source import TriggerSource
from rig.standby.wire.triggers import CompletionGroup


class CompletionGroupTasks(TriggerSource):
    kinds = (CompletionGroup,)
