"""An app's own life: it is ready, the completions of its reads, and what it does before it is stopped."""

from __future__ import annotations

from rig.standby.system.app_process import AppProcess
from rig.standby.system.channels.channel import Transport
from rig.standby.system.channels.parts import ChannelParts
from rig.standby.system.processes import Processes
from rig.standby.system.requests.dispatch import Handlers
from rig.standby.system.tasks.scheduler import Scheduler
from rig.standby.wire import from_app
from rig.standby.wire.descriptors import Descriptors
from rig.timeline import TimelineWriter


class AppCalls:
    def __init__(self, processes: Processes, channels: ChannelParts, tasks: Scheduler, timeline: TimelineWriter) -> None:
        self._processes = processes
        self._table = channels.table
        self._tasks = tasks
        self._triggers = channels.triggers
        self._standing = channels.standing
        self._timeline = timeline

    def handlers(self) -> Handlers:
        return {
            from_app.AppReady: self._app_ready,
            from_app.TaskHostReady: self._app_ready,
            from_app.ReadBegin: self._read_begin,
            from_app.ReadCompleted: self._read_completed,
            from_app.ReadWithoutEffect: self._read_without_effect,
            from_app.FollowSuspension: self._follow_suspension,
            from_app.Suspended: self._suspended,
            from_app.TransportClosed: self._transport_closed,
            from_app.DataDispatched: self._data_dispatched,
        }

    async def _app_ready(
        self, app: AppProcess, message: from_app.AppReady | from_app.TaskHostReady, descriptors: Descriptors
    ) -> None:
        pid = await app.child.known()
        if not app.is_ready:
            event = "TASK_HOST_START" if app.is_task_host else "APP_READY"
            self._timeline.add(event, app=app.name, pid=pid, instance=app.instance)
            self._processes.started(app)
            self._tasks.app_ready(app)
            if not app.foreground:  # the user has switched away meanwhile, or never to it
                self._processes.suspend_if_idle(app)

    def _read_begin(self, app: AppProcess, message: from_app.ReadBegin, descriptors: Descriptors) -> None:
        app.read_begins()

    def _read_completed(self, app: AppProcess, message: from_app.ReadCompleted, descriptors: Descriptors) -> None:
        if not app.read_completed():
            return
        channel = self._table.find(app, message.channel)
        if channel is not None:
            transport = self._bound(app, message.channel, message.socket)
            if transport is not None:
                transport.over |= message.over
            if message.run:
                self._standing.begun(channel, message.run)
            elif message.push:
                self._standing.settle(channel)  # first: behind its run the app may be stopped before it has heard of it
                self._triggers.push(channel)
        app.failure_heard(message.channel or "")
        self._processes.suspend_if_idle(app)

    def _read_without_effect(self, app: AppProcess, message: from_app.ReadWithoutEffect, descriptors: Descriptors) -> None:
        """No push for it: the app has nothing to do."""
        if app.read_completed():
            self._processes.suspend_if_idle(app)

    def _follow_suspension(self, app: AppProcess, message: from_app.FollowSuspension, descriptors: Descriptors) -> None:
        app.suspension.follow(message)

    def _suspended(self, app: AppProcess, message: from_app.Suspended, descriptors: Descriptors) -> None:
        self._processes.ready_to_stop(app, message.number)

    def _transport_closed(self, app: AppProcess, message: from_app.TransportClosed, descriptors: Descriptors) -> None:
        """Nothing comes on it any more, however long its peer leaves it half open: it must not keep the host awake."""
        transport = self._bound(app, message.channel, message.socket)
        if transport is not None:
            transport.over = True

    def _data_dispatched(self, app: AppProcess, message: from_app.DataDispatched, descriptors: Descriptors) -> None:
        """Not for what was bound before: its request was aborted."""
        channel = self._table.find(app, message.channel)
        if channel is not None and self._bound(app, message.channel, message.socket) is not None:
            self._triggers.push(channel)

    def _bound(self, app: AppProcess, channel_id: str | None, socket_id: int) -> Transport | None:
        """The channel's transport, if it is that one still."""
        channel = self._table.find(app, channel_id)
        transport = channel.transport if channel is not None else None
        return transport if transport is not None and transport.socket_id == socket_id else None
