"""Background task registrations and the instances that run.

A push task runs after the app's read completion has returned, a keep-alive task when the channel's server interval ends.
Apps run their tasks one after another (the runtime has one task thread), in the order ordered here.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from rig.standby.system.apps import AppProcess
from rig.standby.wire.from_app import TriggerKind
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.to_app import RunTask
from rig.timeline import TimelineWriter


@dataclass(frozen=True)
class Registration:
    task_id: int
    app: AppProcess
    name: str
    entry_point: str
    kind: TriggerKind
    channel_id: str


class Tasks:
    """All registrations of the host and the instances under way."""

    def __init__(self, timeline: TimelineWriter) -> None:
        self._timeline = timeline
        self._registrations: dict[int, Registration] = {}
        self._ids = itertools.count(1)
        self._instances = itertools.count(1)

    def register(self, app: AppProcess, name: str, entry_point: str, kind: TriggerKind, channel_id: str) -> int:
        if not app.access:
            raise HostError(HResult.UNAUTHORIZED_ACCESS, "request background access before registering a task")
        task_id = next(self._ids)
        self._registrations[task_id] = Registration(task_id, app, name, entry_point, kind, channel_id)
        self._timeline.add("REGISTER", app=app.name, task=name, kind=kind, channel=channel_id, task_id=task_id)
        return task_id

    def fire(self, app: AppProcess, kind: TriggerKind, channel_id: str) -> int:
        """Order a run of every registration for that trigger; returns how many (twice registered, twice run: BGT-008)."""
        wanted = [r for r in self._registrations.values() if (r.app, r.kind, r.channel_id) == (app, kind, channel_id)]
        for registration in wanted:
            self._order(registration)
        return len(wanted)

    def done(self, app: AppProcess, instance: int) -> None:
        app.tasks.discard(instance)

    def forget_app(self, app: AppProcess) -> None:
        self._registrations = {i: r for i, r in self._registrations.items() if r.app is not app}

    def forget_channel(self, app: AppProcess, channel_id: str) -> None:
        """A closed channel's triggers are gone; runs already ordered see no channel (CCT-043)."""
        self._registrations = {i: r for i, r in self._registrations.items() if (r.app, r.channel_id) != (app, channel_id)}

    def _order(self, registration: Registration) -> None:
        number = next(self._instances)
        registration.app.tasks.add(number)
        order = RunTask(
            instance=number,
            name=registration.name,
            entry_point=registration.entry_point,
            kind=registration.kind,
            channel=registration.channel_id,
        )
        registration.app.tell(order)
