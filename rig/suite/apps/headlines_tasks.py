"""The task of the headlines app, in a process of its own: it keeps what came while nobody looked."""

from __future__ import annotations

from typing import final

from rig.standby.api import ApplicationData, BackgroundTaskInstance, LocalSettings, RawNotification

PREFIX = "headline "


@final
class Keep:
    """The class of a push task is sealed. The system makes one for a run, and calls `run`; those of one app run one at a time."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        notification = instance.trigger_details
        assert isinstance(notification, RawNotification)
        settings = ApplicationData.local_settings()
        settings[f"{PREFIX}{len(kept(settings)):06}"] = notification.content.decode(errors="replace")


def kept(settings: LocalSettings) -> dict[str, str]:
    """Headlines by the names of their settings, oldest first."""
    return {name: str(settings[name]) for name in sorted(settings) if name.startswith(PREFIX)}
