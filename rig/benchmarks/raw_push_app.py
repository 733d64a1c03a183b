"""The app of `rig bench --push`: each raw notification is written down by its task, and nothing else is done with it."""

from __future__ import annotations

from typing import final

from rig.standby.api import (
    App,
    BackgroundExecutionManager,
    BackgroundTaskBuilder,
    BackgroundTaskInstance,
    PushNotificationTrigger,
)
from rig.standby.api.push import PushNotificationChannelManager
from rig.standby.api.raw_notification import RawNotification
from rig.standby.api.session import current

GOT = "push-got"
"""Its record: app, content."""


@final
class Writes:
    """What a process of its own runs."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        notification = instance.trigger_details
        assert isinstance(notification, RawNotification)
        app = current()
        app.timeline.add(GOT, app=app.name, content=notification.content.decode())


class RawPushApp:
    def __init__(self, app: App) -> None:
        BackgroundExecutionManager.request_access()

    def on_background_activated(self, instance: BackgroundTaskInstance) -> None:
        Writes().run(instance)

    # -- called by the benchmark ---------------------------------------------------------------------------------------

    def register(self, out_of_process: bool) -> None:
        BackgroundTaskBuilder("writes", f"{__name__}.Writes" if out_of_process else None, PushNotificationTrigger()).register()

    def channel(self) -> str:
        """Its URI."""
        return PushNotificationChannelManager.create_push_notification_channel_for_application_async().uri
