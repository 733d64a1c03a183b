"""What a run has used, and may, as the kernel accounts for it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rig.standby.system.app_process import AppProcess
from rig.standby.system.tasks.hosts import Hosts
from rig.standby.system.tasks.instances import Instances
from rig.standby.system.tasks.quota import Quotas
from rig.standby.wire.app_tasks import TaskUsage
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.task_enums import BackgroundTaskThrottleCounter as Counter

KIB = 1024
LOOKS, AGAIN_S = 100, 0.001
"""At a limit that is lifted."""


class Usage:
    def __init__(self, instances: Instances, hosts: Hosts, quotas: Quotas) -> None:
        self._instances = instances
        self._hosts = hosts
        self._quotas = quotas

    async def of(self, app: AppProcess, number: int) -> TaskUsage:
        """Of a run in that process. Raises HostError when there is none, or no more."""
        instance = self._instances.ordered(app, number)
        if instance is None:
            raise HostError(HResult.ELEMENT_NOT_FOUND, f"app {app.name} runs no instance {number}")
        pid = await app.child.known()
        limit_bytes = self._hosts.memory_bytes if app.is_task_host else 0
        try:
            used_bytes = await _allocated(pid, limit_bytes) if limit_bytes else resident_bytes(pid)
        except OSError:
            raise HostError(HResult.ELEMENT_NOT_FOUND, f"the process of instance {number} has ended") from None
        cpu, network = (self._quotas.held_up(instance, what) for what in (Counter.CPU, Counter.NETWORK))
        return TaskUsage(used_bytes, limit_bytes, suspended_count=cpu + network, throttled_cpu=cpu, throttled_network=network)


async def _allocated(pid: int, limit_bytes: int) -> int:
    """A process lifts its limit while it takes a message: that is over in a moment. One that leaves it so has met it. Raises
    OSError."""
    for _ in range(LOOKS):
        used_bytes = allocated_bytes(pid, limit_bytes)
        if used_bytes is not None:
            return used_bytes
        await asyncio.sleep(AGAIN_S)
    return limit_bytes


def allocated_bytes(pid: int, limit_bytes: int) -> int | None:
    """By the code of a task under that limit. The kernel's own limit stands above what the process had before by just that much
    (rig/standby/app/limits.py); None: it is lifted. Raises OSError."""
    limits = Path(f"/proc/{pid}/limits").read_text()
    soft = next(line for line in limits.splitlines() if line.startswith("Max data size")).split()[3]
    return _status_bytes(pid, "VmData") - (int(soft) - limit_bytes) if soft.isdecimal() else None


def resident_bytes(pid: int) -> int:
    """All of the process. Raises OSError."""
    return _status_bytes(pid, "VmRSS")


def _status_bytes(pid: int, key: str) -> int:
    """0 of one that has ended and was not waited for."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) * KIB for line in lines if line.startswith(f"{key}:")), 0)
