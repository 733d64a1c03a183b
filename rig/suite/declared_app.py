"""An app that was installed from a manifest, and registers what its test wants, declared or not.

Class `Task` is what the manifests of the tests declare: its module is imported in whichever process runs it.
"""

from __future__ import annotations

from collections.abc import Callable

from rig.standby.api import (
    App,
    BackgroundExecutionManager,
    BackgroundTaskBuilder,
    BackgroundTaskInstance,
    BackgroundTaskRegistration,
    ControlChannelTrigger,
    ControlChannelTriggerResourceType,
    DeviceServicingTrigger,
    DeviceUseTrigger,
    SystemTrigger,
    SystemTriggerType,
)

OWN = "DeclaredApp.Own"
"""In the app's entry points."""
TASK = "rig.suite.declared_app.Task"

TRIGGERS: dict[str, Callable[[], SystemTrigger | DeviceUseTrigger | DeviceServicingTrigger]] = {
    "away": lambda: SystemTrigger(SystemTriggerType.USER_AWAY, one_shot=False),
    "device_use": DeviceUseTrigger,
    "device_servicing": DeviceServicingTrigger,
}
"""The first one fires whenever the user leaves."""


class Task:
    def run(self, instance: BackgroundTaskInstance) -> None:
        """That it ran is on the timeline."""


class DeclaredApp:
    def __init__(self, app: App) -> None:
        app.entry_points[OWN] = lambda instance: None
        BackgroundExecutionManager.request_access()

    def on_background_activated(self, instance: BackgroundTaskInstance) -> None:
        """Of a task without an entry point."""

    def renew_access(self) -> int:
        """As an app does when it finds itself updated (BGT-002)."""
        BackgroundExecutionManager.remove_access()
        return int(BackgroundExecutionManager.request_access())

    def register(self, entry_point: str | None, trigger: str = "away") -> str:
        """A task of one of TRIGGERS, or of none; returns its id."""
        made = TRIGGERS[trigger]() if trigger else None
        return BackgroundTaskBuilder(trigger, entry_point, made).register().task_id

    def register_push(self, channel: str, entry_point: str) -> None:
        """On a channel of its own."""
        made = ControlChannelTrigger.by_id(channel) or ControlChannelTrigger(
            channel, 30, ControlChannelTriggerResourceType.REQUEST_HARDWARE_SLOT
        )
        BackgroundTaskBuilder(f"{channel}-push", entry_point, made.push_notification_trigger).register()

    def registered(self) -> list[str]:
        return list(BackgroundTaskRegistration.all_tasks())
