"""What apps ask for their background tasks, and what processes say of those that they run."""

from __future__ import annotations

from rig.standby.system.app_process import AppProcess
from rig.standby.system.processes import Processes
from rig.standby.system.requests.dispatch import Handlers
from rig.standby.system.tasks.parts import TaskParts
from rig.standby.wire import from_app
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.task_enums import ApplicationTriggerResult, BackgroundWorkCostValue, DeviceTriggerResult


class TaskCalls:
    def __init__(self, tasks: TaskParts, processes: Processes) -> None:
        self._tasks = tasks
        self._processes = processes

    def handlers(self) -> Handlers:
        return {
            from_app.RequestAccess: self._request_access,
            from_app.RemoveAccess: self._remove_access,
            from_app.GetAccess: self._get_access,
            from_app.RegisterTask: self._register,
            from_app.UnregisterTask: self._unregister,
            from_app.ListTasks: self._list,
            from_app.ListTaskGroups: self._list_groups,
            from_app.RequestApplicationTrigger: self._request_application_trigger,
            from_app.RequestDeviceTrigger: self._request_device_trigger,
            from_app.GetWorkCost: self._get_work_cost,
            from_app.GetTaskUsage: self._get_usage,
            from_app.TaskProgress: self._progress,
            from_app.FollowTasks: self._follow,
            from_app.CancelHandled: self._cancel_handled,
            from_app.TaskReturned: self._returned,
            from_app.TaskDone: self._done,
            from_app.OutOfMemory: self._out_of_memory,
        }

    # -- access --------------------------------------------------------------------------------------------------------

    def _request_access(self, app: AppProcess, message: from_app.RequestAccess, descriptors: Descriptors) -> int:
        status = self._tasks.access.request(app.package, message.kind)
        self._tasks.scheduler.consider_all()
        return int(status)

    def _remove_access(self, app: AppProcess, message: from_app.RemoveAccess, descriptors: Descriptors) -> None:
        self._tasks.access.remove(app.package)

    def _get_access(self, app: AppProcess, message: from_app.GetAccess, descriptors: Descriptors) -> int:
        return int(app.package.access_status)

    # -- registrations -------------------------------------------------------------------------------------------------

    def _register(self, app: AppProcess, message: from_app.RegisterTask, descriptors: Descriptors) -> str:
        return self._tasks.registry.register(app, message)

    def _unregister(self, app: AppProcess, message: from_app.UnregisterTask, descriptors: Descriptors) -> None:
        registration = self._tasks.registry.find(app, message.task_id)
        self._tasks.scheduler.unregister(registration, cancel=message.cancel)

    def _list(self, app: AppProcess, message: from_app.ListTasks, descriptors: Descriptors) -> list[from_app.TaskInfo]:
        return self._tasks.registry.infos(app, message.group)

    def _list_groups(self, app: AppProcess, message: from_app.ListTaskGroups, descriptors: Descriptors) -> list[str]:
        return self._tasks.registry.groups(app)

    # -- triggers that the app fires -----------------------------------------------------------------------------------

    def _request_application_trigger(
        self, app: AppProcess, message: from_app.RequestApplicationTrigger, descriptors: Descriptors
    ) -> ApplicationTriggerResult:
        return self._tasks.application.request(app, message)

    def _request_device_trigger(
        self, app: AppProcess, message: from_app.RequestDeviceTrigger, descriptors: Descriptors
    ) -> DeviceTriggerResult:
        if self._tasks.device_servicing.registration(app, message.trigger) is not None:
            return self._tasks.device_servicing.request(app, message)
        return self._tasks.device_use.request(app, message)

    def _get_work_cost(self, app: AppProcess, message: from_app.GetWorkCost, descriptors: Descriptors) -> BackgroundWorkCostValue:
        return self._tasks.policy.work_cost

    # -- runs ----------------------------------------------------------------------------------------------------------

    async def _get_usage(self, app: AppProcess, message: from_app.GetTaskUsage, descriptors: Descriptors) -> from_app.TaskUsage:
        return await self._tasks.usage.of(app, message.instance)

    def _progress(self, app: AppProcess, message: from_app.TaskProgress, descriptors: Descriptors) -> None:
        self._tasks.scheduler.progress(app, message.instance, message.value)

    def _follow(self, app: AppProcess, message: from_app.FollowTasks, descriptors: Descriptors) -> None:
        app.follows_tasks = True

    def _cancel_handled(self, app: AppProcess, message: from_app.CancelHandled, descriptors: Descriptors) -> None:
        """It has until the end of its grace all the same: the handlers may only have told Run to stop."""

    def _returned(self, app: AppProcess, message: from_app.TaskReturned, descriptors: Descriptors) -> None:
        self._tasks.scheduler.returned(app, message.instance)

    def _out_of_memory(self, app: AppProcess, message: from_app.OutOfMemory, descriptors: Descriptors) -> None:
        self._tasks.scheduler.out_of_memory(app, message.instance)

    def _done(self, app: AppProcess, message: from_app.TaskDone, descriptors: Descriptors) -> None:
        self._tasks.scheduler.done(app, message.instance, message.fault)
        self._processes.suspend_if_idle(app)
