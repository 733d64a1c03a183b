"""Raw notifications: what receives them fires the tasks (RAW-001)."""

from __future__ import annotations

from rig.standby.system.tasks.source import TriggerSource
from rig.standby.wire.triggers import RawPush


class RawPushTasks(TriggerSource):
    kinds = (RawPush,)
