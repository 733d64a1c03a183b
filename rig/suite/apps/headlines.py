"""Headlines: news that a server posts to the machine's push service, with no connection of the app's own.

The app asks for a push channel at each launch and gives its URI to its server. While the user looks at the app a headline is
shown at once; otherwise the task in headlines_tasks.py keeps it, in a process of its own, and the app finds it later.
"""

from __future__ import annotations

import time

from rig.standby.api import (
    App,
    ApplicationData,
    BackgroundExecutionManager,
    BackgroundTaskBuilder,
    BackgroundTaskRegistration,
    CoreApplication,
    HostError,
    PushNotificationTrigger,
)
from rig.standby.api.push import PushNotificationChannel, PushNotificationChannelManager, PushNotificationReceivedEventArgs
from rig.suite.apps.headlines_tasks import kept

TASK, KEEP = "keep", "rig.suite.apps.headlines_tasks.Keep"
"""headlines.toml declares the class for push notifications."""
RETRIES, RETRY_S = 3, 10.0
"""Without connectivity a request raises; the machine may be online in a moment."""


class Headlines:
    """The system makes one in each process of the app."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._channel: PushNotificationChannel | None = None

    # -- what the user does --------------------------------------------------------------------------------------------

    def subscribe(self) -> str:
        """The URI that the server is to post to; "": the user allows nothing in the background. Raises HostError when the machine
        stays offline."""
        if not BackgroundExecutionManager.request_access().allowed:
            return ""
        names = {task.name for task in BackgroundTaskRegistration.all_tasks().values()}
        if TASK not in names:  # registered twice runs twice
            BackgroundTaskBuilder(TASK, KEEP, PushNotificationTrigger()).register()
        self._channel = self._requested()
        self._channel.add_push_notification_received(self._received)
        return self._channel.uri

    def unread(self) -> list[str]:
        """What came while nobody looked; read with that."""
        settings = ApplicationData.local_settings()
        found = kept(settings)
        for name in found:
            del settings[name]
        return list(found.values())

    def unsubscribe(self) -> None:
        """The server's posts are refused from now on."""
        if self._channel is not None:
            self._channel.close()
        for task in BackgroundTaskRegistration.all_tasks().values():
            task.unregister(cancel_task=True)

    # -- its channel ---------------------------------------------------------------------------------------------------

    def _requested(self) -> PushNotificationChannel:
        for _ in range(RETRIES):
            try:
                return PushNotificationChannelManager.create_push_notification_channel_for_application_async()
            except HostError as error:
                self.app.timeline.add("Headlines wait", why=str(error))
                time.sleep(RETRY_S)
        return PushNotificationChannelManager.create_push_notification_channel_for_application_async()

    def _received(self, channel: PushNotificationChannel, args: PushNotificationReceivedEventArgs) -> None:
        """The user sees it: the task has nothing to keep."""
        CoreApplication.get_current_view().title = args.raw_notification.content.decode(errors="replace")
        args.cancel = True
        self.app.timeline.add("Headline shown", text=CoreApplication.get_current_view().title)
