"""Uploader: a file goes up although the user closes the app.

The app asks for the run by itself (application trigger), with arguments; the task tells how far it is, can be cancelled, and
goes on where it was the next time.
"""

from __future__ import annotations

from rig.standby.api import (
    App,
    ApplicationTrigger,
    ApplicationTriggerResult,
    BackgroundExecutionManager,
    BackgroundTaskBuilder,
    BackgroundTaskCompletedEventArgs,
    BackgroundTaskProgressEventArgs,
    BackgroundTaskRegistration,
    HostError,
    SystemCondition,
    SystemConditionType,
)

UPLOAD = "rig.suite.apps.uploader_tasks.Upload"


class Uploader:
    """The system makes one in each process of the app."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.percent = 0
        self.outcome = ""
        self._follow()

    # -- what the user does --------------------------------------------------------------------------------------------

    def upload(self, path: str, host: str, port: int) -> ApplicationTriggerResult:
        """CURRENTLY_RUNNING while one is under way: one at a time."""
        if not BackgroundExecutionManager.request_access().allowed:
            return ApplicationTriggerResult.DISABLED_BY_POLICY
        if self._task() is None:
            self._register()
        self.percent, self.outcome = 0, ""
        return ApplicationTrigger().request_async({"path": path, "host": host, "port": str(port)})

    def cancel(self) -> None:
        """Without the registration there is no run; what was sent so far is remembered."""
        task = self._task()
        if task is not None:
            task.unregister(cancel_task=True)

    def state(self) -> tuple[int, str]:
        """Per cent sent, and how it ended: "", "done", or why not."""
        return self.percent, self.outcome

    # -- the task ------------------------------------------------------------------------------------------------------

    def _register(self) -> None:
        builder = BackgroundTaskBuilder("upload", UPLOAD, ApplicationTrigger())
        builder.add_condition(SystemCondition(SystemConditionType.INTERNET_AVAILABLE))
        builder.is_network_requested = True
        builder.register()
        self._follow()

    def _task(self) -> BackgroundTaskRegistration | None:
        tasks = BackgroundTaskRegistration.all_tasks().values()
        return next((task for task in tasks if task.name == "upload"), None)

    def _follow(self) -> None:
        """Also a run that was begun before this process: the user has started the app again."""
        task = self._task()
        if task is not None:
            task.add_progress(self._progressed)
            task.add_completed(self._completed)

    def _progressed(self, _: BackgroundTaskRegistration, args: BackgroundTaskProgressEventArgs) -> None:
        """Only while the app is in the foreground."""
        self.percent = args.progress

    def _completed(self, _: BackgroundTaskRegistration, args: BackgroundTaskCompletedEventArgs) -> None:
        try:
            args.check_result()
            self.outcome = "done"
        except HostError as error:
            self.outcome = error.text
        self.app.timeline.add("Upload over", outcome=self.outcome)
