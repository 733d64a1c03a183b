"""The chat app, with a task beside its channel that uses up what processor time it has."""

from __future__ import annotations

from rig.standby.api import BackgroundTaskBuilder, SystemTrigger, SystemTriggerType
from rig.suite.chat_app import ChatApp


class BusyChatApp(ChatApp):
    def compute_in_background(self) -> None:
        """When a short message comes, in a process of its own."""
        trigger = SystemTrigger(SystemTriggerType.SMS_RECEIVED)
        BackgroundTaskBuilder("Computes", "rig.suite.task_app.Computes", trigger).register()
