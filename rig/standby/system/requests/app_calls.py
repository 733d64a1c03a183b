"""An app's own life: it is ready, it asks for access, its tasks and the completions of its reads."""

from __future__ import annotations

from rig.standby.system.app_process import AppProcess
from rig.standby.system.channels.table import ChannelTable
from rig.standby.system.channels.triggers import ChannelTriggers
from rig.standby.system.processes import Processes
from rig.standby.system.requests.dispatch import Handlers
from rig.standby.system.tasks.runs import Tasks
from rig.standby.wire import from_app
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.statuses import BackgroundAccessStatus
from rig.standby.wire.triggers import channel_of, kind_of
from rig.timeline import TimelineWriter


class AppCalls:
    def __init__(
        self, processes: Processes, table: ChannelTable, tasks: Tasks, triggers: ChannelTriggers, timeline: TimelineWriter
    ) -> None:
        self._processes = processes
        self._table = table
        self._tasks = tasks
        self._triggers = triggers
        self._timeline = timeline

    def handlers(self) -> Handlers:
        return {
            from_app.AppReady: self._app_ready,
            from_app.RequestAccess: self._request_access,
            from_app.RegisterTask: self._register_task,
            from_app.TaskDone: self._task_done,
            from_app.ReadBegin: self._read_begin,
            from_app.ReadCompleted: self._read_completed,
        }

    async def _app_ready(self, app: AppProcess, message: from_app.AppReady, descriptors: Descriptors) -> None:
        pid = await app.child.known()
        if not app.is_ready:
            event = "TASK_HOST_START" if app.is_task_host else "APP_READY"
            self._timeline.add(event, app=app.name, pid=pid, instance=app.instance)
            app.ready()

    def _request_access(self, app: AppProcess, message: from_app.RequestAccess, descriptors: Descriptors) -> int:
        app.package.access = app.package.user_grants
        granted = BackgroundAccessStatus.ALWAYS_ALLOWED if app.package.access else BackgroundAccessStatus.DENIED_BY_USER
        return int(granted)

    def _register_task(self, app: AppProcess, message: from_app.RegisterTask, descriptors: Descriptors) -> str:
        channel = channel_of(message.trigger)
        if channel is None:
            raise HostError(HResult.INVALID_ARG, f"no task is registered for a trigger of kind {kind_of(message.trigger)}")
        self._table.get(app, channel)
        return self._tasks.register(app, message)

    def _task_done(self, app: AppProcess, message: from_app.TaskDone, descriptors: Descriptors) -> None:
        app.run_done(message.instance)
        self._processes.suspend_if_idle(app)

    def _read_begin(self, app: AppProcess, message: from_app.ReadBegin, descriptors: Descriptors) -> None:
        app.read_begins()

    def _read_completed(self, app: AppProcess, message: from_app.ReadCompleted, descriptors: Descriptors) -> None:
        if not app.read_completed():
            return
        channel = self._table.find(app, message.channel)
        if channel is not None:
            if channel.transport is not None and channel.transport.socket_id == message.socket:
                channel.transport.over |= message.over
            self._triggers.push(channel)
        self._processes.suspend_if_idle(app)
