"""An app with background tasks of every kind, and the tasks that it registers: for a real bench."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

from rig.standby.api import (
    App,
    ApplicationTrigger,
    BackgroundExecutionManager,
    BackgroundTaskBuilder,
    BackgroundTaskCompletedEventArgs,
    BackgroundTaskInstance,
    BackgroundTaskRegistration,
    DeviceUseTrigger,
    HostError,
    MaintenanceTrigger,
    SystemCondition,
    SystemConditionType,
    SystemTrigger,
    SystemTriggerType,
    TimeTrigger,
)

HERE = "tests.standby.sync_app"


class Quick:
    def run(self, instance: BackgroundTaskInstance) -> None:
        instance.progress = 50


class Crash:
    def run(self, instance: BackgroundTaskInstance) -> None:
        signal.raise_signal(signal.SIGSEGV)


class Wrong:
    def run(self, instance: BackgroundTaskInstance) -> None:
        raise ValueError("no mail today")


class Obedient:
    """Ends when it is told to."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        over = threading.Event()
        instance.add_canceled(lambda sender, reason: over.set())
        over.wait(60)


class Busy:
    """Computes until it is told to end."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        over = threading.Event()
        instance.add_canceled(lambda sender, reason: over.set())
        while not over.is_set():
            sum(range(100_000))


class Stubborn:
    def run(self, instance: BackgroundTaskInstance) -> None:
        time.sleep(60)


TASKS: dict[str, Any] = {task.__name__: task for task in (Quick, Crash, Wrong, Obedient, Busy, Stubborn)}


class Sync:
    """`runs`: what its own activation handler does, by the name of the task."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.application = ApplicationTrigger()
        self.device_use = DeviceUseTrigger()
        self.triggers: dict[str, Any] = {
            "away": SystemTrigger(SystemTriggerType.USER_AWAY, False),
            "sms": SystemTrigger(SystemTriggerType.SMS_RECEIVED, True),
            "time": TimeTrigger(15, False),
            "upkeep": MaintenanceTrigger(15, False),
            "application": self.application,
            "device_use": self.device_use,
        }
        BackgroundExecutionManager.request_access()

    def on_background_activated(self, instance: BackgroundTaskInstance) -> None:
        TASKS[instance.task.name]().run(instance)

    def register(self, task: str, trigger: str, *, own_process: bool, condition: str | None = None) -> str:
        builder = BackgroundTaskBuilder(task, f"{HERE}.{task}" if own_process else None, self.triggers[trigger])
        if condition is not None:
            builder.add_condition(SystemCondition(SystemConditionType[condition]))
        registration = builder.register()
        registration.add_progress(lambda sender, args: self._tell("sync-progress", value=args.progress))
        registration.add_completed(lambda sender, args: self._tell("sync-result", fault=self._fault(args)))
        return registration.task_id

    def _tell(self, event: str, **detail: Any) -> None:
        self.app.timeline.add(event, app=self.app.name, **detail)

    def _fault(self, args: BackgroundTaskCompletedEventArgs) -> str | None:
        try:
            args.check_result()
        except HostError as error:
            return error.text
        return None

    def request(self, arguments: dict[str, str] | None = None) -> int:
        return int(self.application.request_async(arguments))

    def request_device(self) -> int:
        return int(self.device_use.request_async("watch"))

    def registered(self) -> list[str]:
        return list(BackgroundTaskRegistration.all_tasks())

    def unregister(self, task_id: str, cancel: bool) -> None:
        BackgroundTaskRegistration.all_tasks()[task_id].unregister(cancel)
