"""Background task registrations and the instances that run.

A push task runs after the app's read completion has returned, a keep-alive task when the channel's server interval ends.
Apps run their tasks one after another (the runtime has one task thread), in the order ordered here.
"""

from __future__ import annotations

from collections.abc import Iterator

from rig.standby.system.app_process import AppProcess
from rig.standby.system.numbers import Numbers
from rig.standby.system.package import Registration
from rig.standby.wire.from_app import TriggerKind
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.to_app import RunTask
from rig.timeline import TimelineWriter

REGISTRATIONS_PER_APP = 256
"""Four for each channel that it may have. What one app holds is written down with each change of any: it must stay small."""
RUNS_PER_APP = 256
"""Ordered and not yet done: an app that lets so many wait does not come to them."""


class Tasks:
    """Numbers of registrations and instances are the whole host's."""

    def __init__(self, numbers: Numbers, timeline: TimelineWriter) -> None:
        self._timeline = timeline
        self._numbers = numbers

    def register(self, app: AppProcess, name: str, entry_point: str, kind: TriggerKind, channel_id: str) -> int:
        if not app.package.access:
            raise HostError(HResult.UNAUTHORIZED_ACCESS, "request background access before registering a task")
        if sum(r.instance == app.instance for r in app.package.registrations.values()) >= REGISTRATIONS_PER_APP:
            raise HostError(
                HResult.OUT_OF_MEMORY, f"app {app.name} has registered {REGISTRATIONS_PER_APP} tasks, and may no more"
            )
        task_id = self._numbers.next_task_id()
        app.package.registrations[task_id] = Registration(task_id, app.instance, name, entry_point, kind, channel_id)
        self._timeline.add("REGISTER", app=app.name, task=name, kind=kind, channel=channel_id, task_id=task_id)
        return task_id

    def fire(self, app: AppProcess, kind: TriggerKind, channel_id: str) -> int:
        """Order a run of every registration for that trigger; returns how many (twice registered, twice run: BGT-008)."""
        wanted = [r for r in self._of_channel(app, channel_id) if r.kind == kind]
        for registration in wanted:
            self._order(app, registration)
        return len(wanted)

    def forget_channel(self, app: AppProcess, channel_id: str) -> None:
        """A closed channel's triggers are gone; runs already ordered see no channel (CCT-043)."""
        for registration in list(self._of_channel(app, channel_id)):
            del app.package.registrations[registration.task_id]

    def _of_channel(self, app: AppProcess, channel_id: str) -> Iterator[Registration]:
        return (r for r in app.package.registrations.values() if (r.instance, r.channel_id) == (app.instance, channel_id))

    def _order(self, app: AppProcess, registration: Registration) -> None:
        if app.runs_under_way >= RUNS_PER_APP:
            what = f"{RUNS_PER_APP} runs of its tasks are not done"
            self._timeline.add("USAGE_FAULT", app=app.name, channel=registration.channel_id, what=what)
            return
        order = RunTask(
            instance=self._numbers.next_run(),
            name=registration.name,
            entry_point=registration.entry_point,
            kind=registration.kind,
            channel=registration.channel_id,
        )
        app.run(order)
