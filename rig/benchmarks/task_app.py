"""The app of `rig bench --tasks`: tasks that do nothing, in its own process and in one of theirs."""

from __future__ import annotations

from rig.standby.api import (
    App,
    BackgroundExecutionManager,
    BackgroundTaskBuilder,
    BackgroundTaskInstance,
    SystemTrigger,
    SystemTriggerType,
    TimeTrigger,
)

OUT_OF_PROCESS = "rig.benchmarks.task_app.Nothing"


class Nothing:
    """What a process of its own runs."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        pass


class TaskApp:
    """Registers what the benchmark asks for."""

    def __init__(self, app: App) -> None:
        self.app = app
        BackgroundExecutionManager.request_access()

    def on_background_activated(self, instance: BackgroundTaskInstance) -> None:
        pass

    # -- called by the benchmark ---------------------------------------------------------------------------------------

    def register(self, name: str, event: int, out_of_process: bool) -> None:
        """A task that a system event runs."""
        trigger = SystemTrigger(SystemTriggerType(event))
        BackgroundTaskBuilder(name, OUT_OF_PROCESS if out_of_process else None, trigger).register()

    def register_timers(self, count: int, minutes: int) -> None:
        for number in range(count):
            BackgroundTaskBuilder(f"timer-{number}", OUT_OF_PROCESS, TimeTrigger(minutes)).register()
