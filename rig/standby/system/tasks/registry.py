"""What is registered: by whom, for which trigger, and what may be."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from rig.standby.system.admission import Admission
from rig.standby.system.app_process import AppProcess
from rig.standby.system.package import AppPackage
from rig.standby.system.registration import Registration
from rig.standby.system.tasks.rules import check_conditions, runs_in_app
from rig.standby.system.tasks.source import TriggerSource
from rig.standby.wire.app_tasks import RegisterTask, TaskInfo
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.triggers import AnyTrigger, kind_of
from rig.timeline import TimelineWriter

REGISTRATIONS_PER_APP = 256
"""Four for each channel that it may have. What one app holds is written down with each change of any: it must stay small."""


class Registry:
    """Registrations belong to the package, and outlive its processes; those for a channel are gone with it (channel.py)."""

    def __init__(self, packages: Mapping[str, AppPackage], admission: Admission, timeline: TimelineWriter) -> None:
        self._packages = packages
        self._admission = admission
        self._timeline = timeline
        self._sources: dict[type[Any], TriggerSource] = {}

    def add(self, source: TriggerSource) -> None:
        """Each kind has one."""
        for kind in source.kinds:
            self._sources[kind] = source

    def __iter__(self) -> Iterator[Registration]:
        for package in self._packages.values():
            yield from package.registrations.values()

    def of_kind(self, *kinds: type[Any]) -> list[Registration]:
        return [registration for registration in self if isinstance(registration.trigger, kinds)]

    def package_of(self, registration: Registration) -> AppPackage:
        return self._packages[registration.package]

    def source(self, trigger: AnyTrigger) -> TriggerSource:
        """Raises HostError."""
        source = self._sources.get(type(trigger))
        if source is None:
            raise HostError(HResult.INVALID_ARG, f"no task is registered for a trigger of kind {kind_of(trigger)}")
        return source

    def register(self, app: AppProcess, wanted: RegisterTask) -> str:
        """Returns the TaskId, a fresh one also for what is registered already: both run (BGT-008). Raises HostError."""
        package = app.package
        refused = self._admission.refuses(package, wanted.trigger)
        if refused is not None:
            raise HostError(HResult.UNAUTHORIZED_ACCESS, f"{refused}: request it before registering a task")
        source = self.source(wanted.trigger)
        check_conditions(wanted)
        in_app = runs_in_app(package, wanted)
        source.check(app, wanted)
        if len(package.registrations) >= REGISTRATIONS_PER_APP:
            raise HostError(
                HResult.OUT_OF_MEMORY, f"app {app.name} has registered {REGISTRATIONS_PER_APP} tasks, and may no more"
            )
        made = Registration(
            task_id=str(uuid.uuid4()),
            package=package.name,
            instance=app.instance,
            name=wanted.name,
            entry_point=wanted.entry_point,
            trigger=wanted.trigger,
            conditions=wanted.conditions,
            cancel_on_condition_loss=wanted.cancel_on_condition_loss,
            is_network_requested=wanted.is_network_requested,
            group=wanted.group,
            in_app=in_app,
        )
        package.register(made)
        self._tell("REGISTER", made)
        source.armed(made)
        return made.task_id

    def find(self, app: AppProcess, task_id: str) -> Registration:
        """Of the app's package. Raises HostError."""
        found = app.package.registrations.get(task_id)
        if found is None:
            raise HostError(HResult.ELEMENT_NOT_FOUND, f"app {app.name} has registered no task {task_id}")
        return found

    def remove(self, registration: Registration, why: str) -> None:
        """It fires no more. Safe to call twice."""
        package = self._packages[registration.package]
        if package.unregister(registration.task_id):
            self.source(registration.trigger).disarmed(registration)
            self._tell("UNREGISTER", registration, reason=why)

    def infos(self, app: AppProcess, group: str | None) -> list[TaskInfo]:
        """Of a group, or those of none (BGT-009)."""
        return [
            TaskInfo(registration.task_id, registration.name, registration.trigger, registration.group)
            for registration in app.package.registrations.values()
            if registration.group == group
        ]

    def groups(self, app: AppProcess) -> list[str]:
        """Those that have a registration of the app's package."""
        return sorted({r.group for r in app.package.registrations.values() if r.group is not None})

    def _tell(self, event: str, registration: Registration, **detail: Any) -> None:
        self._timeline.add(event, **registration.names, task_id=registration.task_id, **detail)
