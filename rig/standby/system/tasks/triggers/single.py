"""Triggers of which an instance of an app registers one at most (BGT-011)."""

from __future__ import annotations

from typing import Any

from rig.standby.system.app_process import AppProcess
from rig.standby.system.processes import Processes
from rig.standby.system.registration import Registration
from rig.standby.wire.app_tasks import RegisterTask
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.triggers import kind_of


def own_registration(app: AppProcess, kind: type[Any], processes: Processes) -> Registration | None:
    """The process's own, or the one that a process of its package that has ended has left it."""
    for registration in app.package.registrations.values():
        mine = registration.instance == app.instance or processes.get(registration.instance) is None
        if mine and isinstance(registration.trigger, kind):
            return registration
    return None


def check_single(app: AppProcess, wanted: RegisterTask, processes: Processes) -> None:
    """Raises HostError."""
    if own_registration(app, type(wanted.trigger), processes) is not None:
        kind = kind_of(wanted.trigger)
        raise HostError(HResult.INVALID_ARG, f"a trigger of kind {kind} is registered already; an app registers one (BGT-011)")
