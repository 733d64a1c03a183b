"""What apps ask for their background tasks, and what processes say of those that they run."""

from __future__ import annotations

from rig.standby.system.app_process import AppProcess
from rig.standby.system.processes import Processes
from rig.standby.system.requests.dispatch import Handlers
from rig.standby.system.tasks.parts import TaskParts
from rig.standby.wire import app_tasks
from rig.standby.wire.descriptors import Descriptors
from rig.standby.wire.task_enums import ApplicationTriggerResult, BackgroundWorkCostValue, DeviceTriggerResult


class TaskCalls:
    def __init__(self, tasks: TaskParts, processes: Processes) -> None:
        self._tasks = tasks
        self._processes = processes

    def handlers(self) -> Handlers:
        return {
            app_tasks.RequestAccess: self._request_access,
            app_tasks.RemoveAccess: self._remove_access,
            app_tasks.GetAccess: self._get_access,
            app_tasks.RegisterTask: self._register,
            app_tasks.UnregisterTask: self._unregister,
            app_tasks.ListTasks: self._list,
            app_tasks.ListTaskGroups: self._list_groups,
            app_tasks.RequestApplicationTrigger: self._request_application_trigger,
            app_tasks.RequestDeviceTrigger: self._request_device_trigger,
            app_tasks.GetWorkCost: self._get_work_cost,
            app_tasks.GetTaskUsage: self._get_usage,
            app_tasks.TaskProgress: self._progress,
            app_tasks.FollowTasks: self._follow,
            app_tasks.CancelHandled: self._cancel_handled,
            app_tasks.TaskReturned: self._returned,
            app_tasks.TaskDone: self._done,
            app_tasks.OutOfMemory: self._out_of_memory,
        }

    # -- access --------------------------------------------------------------------------------------------------------

    def _request_access(self, app: AppProcess, message: app_tasks.RequestAccess, descriptors: Descriptors) -> int:
        status = self._tasks.access.request(app.package, message.kind)
        self._tasks.scheduler.consider_all()
        return int(status)

    def _remove_access(self, app: AppProcess, message: app_tasks.RemoveAccess, descriptors: Descriptors) -> None:
        self._tasks.access.remove(app.package)

    def _get_access(self, app: AppProcess, message: app_tasks.GetAccess, descriptors: Descriptors) -> int:
        return int(app.package.access_status)

    # -- registrations -------------------------------------------------------------------------------------------------

    def _register(self, app: AppProcess, message: app_tasks.RegisterTask, descriptors: Descriptors) -> str:
        return self._tasks.registry.register(app, message)

    def _unregister(self, app: AppProcess, message: app_tasks.UnregisterTask, descriptors: Descriptors) -> None:
        registration = self._tasks.registry.find(app, message.task_id)
        self._tasks.scheduler.unregister(registration, cancel=message.cancel)

    def _list(self, app: AppProcess, message: app_tasks.ListTasks, descriptors: Descriptors) -> list[app_tasks.TaskInfo]:
        return self._tasks.registry.infos(app, message.group)

    def _list_groups(self, app: AppProcess, message: app_tasks.ListTaskGroups, descriptors: Descriptors) -> list[str]:
        return self._tasks.registry.groups(app)

    # -- triggers that the app fires -----------------------------------------------------------------------------------

    def _request_application_trigger(
        self, app: AppProcess, message: app_tasks.RequestApplicationTrigger, descriptors: Descriptors
    ) -> ApplicationTriggerResult:
        return self._tasks.application.request(app, message)

    def _request_device_trigger(
        self, app: AppProcess, message: app_tasks.RequestDeviceTrigger, descriptors: Descriptors
    ) -> DeviceTriggerResult:
        if self._tasks.device_servicing.registration(app, message.trigger) is not None:
            return self._tasks.device_servicing.request(app, message)
        return self._tasks.device_use.request(app, message)

    def _get_work_cost(
        self, app: AppProcess, message: app_tasks.GetWorkCost, descriptors: Descriptors
    ) -> BackgroundWorkCostValue:
        return self._tasks.policy.work_cost

    # -- runs ----------------------------------------------------------------------------------------------------------

    async def _get_usage(self, app: AppProcess, message: app_tasks.GetTaskUsage, descriptors: Descriptors) -> app_tasks.TaskUsage:
        return await self._tasks.usage.of(app, message.instance)

    def _progress(self, app: AppProcess, message: app_tasks.TaskProgress, descriptors: Descriptors) -> None:
        self._tasks.scheduler.progress(app, message.instance, message.value)

    def _follow(self, app: AppProcess, message: app_tasks.FollowTasks, descriptors: Descriptors) -> None:
        app.follows_tasks = True

    def _cancel_handled(self, app: AppProcess, message: app_tasks.CancelHandled, descriptors: Descriptors) -> None:
        self._tasks.scheduler.cancel_handled(app, message.instance)

    def _returned(self, app: AppProcess, message: app_tasks.TaskReturned, descriptors: Descriptors) -> None:
        self._tasks.scheduler.returned(app, message.instance)

    def _out_of_memory(self, app: AppProcess, message: app_tasks.OutOfMemory, descriptors: Descriptors) -> None:
        self._tasks.scheduler.out_of_memory(app, message.instance)

    def _done(self, app: AppProcess, message: app_tasks.TaskDone, descriptors: Descriptors) -> None:
        self._tasks.scheduler.done(app, message.instance, message.fault)
        self._processes.suspend_if_idle(app)
