"""An app with handlers of raw notifications that do what a handler must not."""

from __future__ import annotations

import sys
from typing import Any

from rig.standby.api.push import PushNotificationChannel, PushNotificationChannelManager, PushNotificationReceivedEventArgs


class Undecided:
    def __bool__(self) -> bool:
        raise ValueError("neither yes nor no")


class PushSmallApp:
    def __init__(self, app: Any) -> None:
        self._heard: list[str] = []

    def follow(self, kind: str, channel_id: str) -> None:
        """Its handler keeps `kind` of what it hears."""
        self._channel(kind, channel_id).add_push_notification_received(lambda _channel, _args: self._heard.append(kind))

    def misbehave(self, how: str) -> None:
        self._channel("primary", "").add_push_notification_received(getattr(self, f"_{how}"))

    def heard(self) -> list[str]:
        return self._heard

    def _channel(self, kind: str, channel_id: str) -> PushNotificationChannel:
        manager = PushNotificationChannelManager
        match kind:
            case "primary":
                return manager.create_push_notification_channel_for_application_async()
            case "alternate":
                return manager.create_raw_push_notification_channel_with_alternate_key_for_application_async(channel_id)
            case _:
                return manager.create_push_notification_channel_for_secondary_tile_async(channel_id)

    def _raise(self, channel: PushNotificationChannel, args: PushNotificationReceivedEventArgs) -> None:
        raise RuntimeError("no mailbox")

    def _exit(self, channel: PushNotificationChannel, args: PushNotificationReceivedEventArgs) -> None:
        sys.exit(3)

    def _cannot_say(self, channel: PushNotificationChannel, args: PushNotificationReceivedEventArgs) -> None:
        args.cancel = Undecided()  # type: ignore[assignment]

    def _cancel_and_raise(self, channel: PushNotificationChannel, args: PushNotificationReceivedEventArgs) -> None:
        args.cancel = True
        raise RuntimeError("no mailbox")

    def _close_it(self, channel: PushNotificationChannel, args: PushNotificationReceivedEventArgs) -> None:
        channel.close()
        channel.close()
