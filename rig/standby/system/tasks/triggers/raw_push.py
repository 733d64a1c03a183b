"""Raw notifications: who receives them fires the tasks (RAW-001)."""

from __future__ import annotations

from rig.standby.system.tasks.triggers.fired import FiredTriggers
from rig.standby.wire.triggers import RawPush


class RawPushTasks(FiredTriggers):
    kinds = (RawPush,)
