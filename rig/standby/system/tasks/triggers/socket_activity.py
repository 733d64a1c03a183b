"""Brokered sockets: their broker fires the tasks (SAT-001)."""

from __future__ import annotations

from rig.standby.system.tasks.triggers.fired import FiredTriggers
from rig.standby.wire.triggers import SocketActivity


class SocketActivityTasks(FiredTriggers):
    kinds = (SocketActivity,)
