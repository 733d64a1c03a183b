"""Brokered sockets: their broker fires the tasks (SAT-001)."""

from __future__ import annotations

from rig.standby.system.tasks.source import TriggerSource
from rig.standby.wire.triggers import SocketActivity


class SocketActivityTasks(TriggerSource):
    kinds = (SocketActivity,)
