"""Background task registrations and the instances that run.

A push task runs after the app's read completion has returned, a keep-alive task when the channel's server interval ends.
Apps run their tasks one after another (the runtime has one task thread), in the order ordered here.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from rig.standby.system.app_process import AppProcess
from rig.standby.system.numbers import Numbers
from rig.standby.system.registration import Registration
from rig.standby.wire.from_app import RegisterTask
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.to_app import RunTask
from rig.standby.wire.triggers import AnyTrigger
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

    def register(self, app: AppProcess, wanted: RegisterTask) -> str:
        """Returns the TaskId. Raises HostError."""
        if not app.package.access:
            raise HostError(HResult.UNAUTHORIZED_ACCESS, "request background access before registering a task")
        if sum(r.instance == app.instance for r in app.package.registrations.values()) >= REGISTRATIONS_PER_APP:
            raise HostError(
                HResult.OUT_OF_MEMORY, f"app {app.name} has registered {REGISTRATIONS_PER_APP} tasks, and may no more"
            )
        made = Registration(
            task_id=str(uuid.uuid4()),
            instance=app.instance,
            name=wanted.name,
            entry_point=wanted.entry_point,
            trigger=wanted.trigger,
            conditions=wanted.conditions,
            cancel_on_condition_loss=wanted.cancel_on_condition_loss,
            is_network_requested=wanted.is_network_requested,
            group=wanted.group,
        )
        app.package.registrations[made.task_id] = made
        self._timeline.add(
            "REGISTER", app=app.name, task=made.name, kind=made.kind, channel=made.channel_id, task_id=made.task_id
        )
        return made.task_id

    def fire(self, app: AppProcess, trigger: AnyTrigger) -> int:
        """Order a run of every registration for that trigger; returns how many (twice registered, twice run: BGT-008)."""
        wanted = [r for r in self._of_app(app) if r.trigger == trigger]
        for registration in wanted:
            self._order(app, registration)
        return len(wanted)

    def forget_channel(self, app: AppProcess, channel_id: str) -> None:
        """A closed channel's triggers are gone; runs already ordered see no channel (CCT-043)."""
        for registration in [r for r in self._of_app(app) if r.channel_id == channel_id]:
            del app.package.registrations[registration.task_id]

    def _of_app(self, app: AppProcess) -> Iterator[Registration]:
        return (r for r in app.package.registrations.values() if r.instance == app.instance)

    def _order(self, app: AppProcess, registration: Registration) -> None:
        if app.runs_under_way >= RUNS_PER_APP:
            what = f"{RUNS_PER_APP} runs of its tasks are not done"
            self._timeline.add("USAGE_FAULT", app=app.name, channel=registration.channel_id, what=what)
            return
        order = RunTask(
            instance=self._numbers.next_run(),
            task_id=registration.task_id,
            name=registration.name,
            entry_point=registration.entry_point,
            trigger=registration.trigger,
        )
        app.run(order)
