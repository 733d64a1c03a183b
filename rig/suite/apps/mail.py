"""Mail: letters are fetched every half hour, and at once when the server says so.

Fetching is a task in a process of its own (mail_tasks.py): it runs whether or not the app does. The app and the task share a
folder. What the server says comes as a raw notification, for a task in the app's own process.
"""

from __future__ import annotations

import json

from rig.standby.api import (
    App,
    ApplicationData,
    BackgroundExecutionManager,
    BackgroundTaskBuilder,
    BackgroundTaskCompletedEventArgs,
    BackgroundTaskInstance,
    BackgroundTaskRegistration,
    HostError,
    PushNotificationTrigger,
    SystemCondition,
    SystemConditionType,
    SystemTrigger,
    SystemTriggerType,
    TimeTrigger,
)
from rig.suite.apps.mail_tasks import fetch, letters

FETCH = "rig.suite.apps.mail_tasks.Fetch"
"""module.Class: mail.toml declares it, without an executable, so it has a process of its own."""
FETCH_MINUTES = 30


class Mail:
    """The system makes one in each process of the app."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._failures: list[str] = []
        for task in BackgroundTaskRegistration.all_tasks().values():
            task.add_completed(self._completed)  # of launches before

    # -- what the user does --------------------------------------------------------------------------------------------

    def sign_in(self, host: str, port: int) -> bool:
        """Whether letters will come by themselves."""
        settings = {"host": host, "port": port}
        (ApplicationData.local_folder() / "settings.json").write_text(json.dumps(settings))
        if not BackgroundExecutionManager.request_access().allowed:
            return False
        self._register_missing()
        return True

    def updated(self) -> bool:
        """First start after an update: access is given back and asked for again, else no trigger does anything."""
        BackgroundExecutionManager.remove_access()
        return BackgroundExecutionManager.request_access().allowed

    def letters(self) -> list[str]:
        return letters()

    def failures(self) -> list[str]:
        """Why fetching failed, as the app has heard of it."""
        return list(self._failures)

    def sign_out(self) -> None:
        """A fetch that is under way is cancelled."""
        for task in BackgroundTaskRegistration.all_tasks().values():
            task.unregister(cancel_task=True)

    # -- registration: at each launch, what is missing -----------------------------------------------------------------

    def _register_missing(self) -> None:
        wanted = [self._fetch_now_and_then(), self._told_by_the_server(), self._back_on_the_network()]
        there = {task.name for task in BackgroundTaskRegistration.all_tasks().values()}
        for builder in wanted:
            if builder.name not in there:
                builder.register().add_completed(self._completed)

    def _fetch_now_and_then(self) -> BackgroundTaskBuilder:
        """It waits until the network is there, and gives up when that goes. In connected standby it has one for its run."""
        builder = BackgroundTaskBuilder("fetch", FETCH, TimeTrigger(FETCH_MINUTES))
        builder.add_condition(SystemCondition(SystemConditionType.INTERNET_AVAILABLE))
        builder.cancel_on_condition_loss = True
        builder.is_network_requested = True
        return builder

    def _told_by_the_server(self) -> BackgroundTaskBuilder:
        """Without an entry point: `on_background_activated`, in this process."""
        builder = BackgroundTaskBuilder("told", None, PushNotificationTrigger())
        builder.is_network_requested = True
        return builder

    def _back_on_the_network(self) -> BackgroundTaskBuilder:
        return BackgroundTaskBuilder("back", None, SystemTrigger(SystemTriggerType.INTERNET_AVAILABLE))

    # -- tasks, and what becomes of them -------------------------------------------------------------------------------

    def on_background_activated(self, instance: BackgroundTaskInstance) -> None:
        """All in-process tasks of the app come here."""
        self.app.timeline.add("Mail activated", task=instance.task.name)
        fetch()

    def _completed(self, task: BackgroundTaskRegistration, args: BackgroundTaskCompletedEventArgs) -> None:
        """The app hears of it in the foreground, or when it goes on."""
        try:
            args.check_result()
        except HostError as error:
            self._failures.append(error.text)
        self.app.timeline.add("Mail heard", task=task.name, letters=len(letters()), failures=len(self._failures))
