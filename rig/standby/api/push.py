"""Push notification channels: a URI that the app's server posts to, and what comes of it in the app (RAW-007, 015, 016).

    channel = PushNotificationChannelManager.create_push_notification_channel_for_application_async()
    send_to_my_server(channel.uri)
    channel.add_push_notification_received(handler)     # in the foreground; a PushNotificationTrigger's task otherwise

A channel is asked for at each launch: the same URI may come again, and one that is too old is of no use. Without connectivity the
request raises; apps try again, three times at most, ten seconds apart.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, TypeAlias

from rig.standby.api import session
from rig.standby.api.raw_notification import RawNotification
from rig.standby.wire.app_push import ClosePushChannel, CreatePushChannel, FollowPush, NotificationReceived
from rig.standby.wire.hresult import HostError, HResult

ChannelKind: TypeAlias = Literal["primary", "alternate", "tile"]
Key: TypeAlias = tuple[ChannelKind, str]


class PushNotificationType(IntEnum):
    """Values from the WinRT reference; this rig's service sends raw ones alone."""

    TOAST = 0
    TILE = 1
    BADGE = 2
    RAW = 3
    TILE_FLYOUT = 4


@dataclass
class PushNotificationReceivedEventArgs:
    raw_notification: RawNotification
    notification_type: PushNotificationType = PushNotificationType.RAW
    cancel: bool = False
    """Set by a handler: the app's push task does not run for it (RAW-007)."""


OnReceived: TypeAlias = "Callable[[PushNotificationChannel, PushNotificationReceivedEventArgs], None]"


class PushNotificationChannel:
    """`uri` is the app's own secret: who has it can send to the app."""

    def __init__(self, key: Key, uri: str, expires_ms: int) -> None:
        self.uri = uri
        self.expires_ms = expires_ms
        """How long the URI lives from its making on, in specification milliseconds (RAW-015: 30 days)."""
        self._key = key
        self._closed = False

    @property
    def channel_id(self) -> str:
        """Of an alternate channel or a tile; "" for the app's own."""
        return self._key[1]

    @property
    def takes_raw(self) -> bool:
        """Not one of a tile (RAW-016)."""
        return self._key[0] != "tile"

    def add_push_notification_received(self, handler: OnReceived) -> None:
        """Called with this channel and the arguments for each of its notifications while the app is in the foreground, one after
        another, before the app's push task; the task of an app that takes more than a few seconds runs meanwhile. Raises
        HostError of a closed channel."""
        if self._closed:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, "the channel is closed")
        handlers.add(self, handler)

    def remove_push_notification_received(self, handler: OnReceived) -> None:
        """One that was not added: nothing."""
        handlers.remove(self, handler)

    def close(self) -> None:
        """Its URI, and those that the channel had before, are refused from now on (RAW-015). Safe to call twice. Raises HostError
        without connectivity."""
        if not self._closed:
            session.current().call(ClosePushChannel(*self._key))
            self._closed = True
            handlers.forget(self)


class _Handlers:
    """Of this process. Any thread may call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._added: list[tuple[PushNotificationChannel, OnReceived]] = []
        self._told = False

    def add(self, channel: PushNotificationChannel, handler: OnReceived) -> None:
        with self._lock:
            self._added.append((channel, handler))
            self._tell()

    def remove(self, channel: PushNotificationChannel, handler: OnReceived) -> None:
        with self._lock:
            self._added = [known for known in self._added if known != (channel, handler)]
            self._tell()

    def forget(self, channel: PushNotificationChannel) -> None:
        with self._lock:
            self._added = [known for known in self._added if known[0] is not channel]
            self._tell()

    def of(self, channel_id: str) -> list[tuple[PushNotificationChannel, OnReceived]]:
        """In the order in which they were added. None of a tile, whose id may be the same (RAW-016)."""
        with self._lock:
            return [known for known in self._added if known[0].takes_raw and known[0].channel_id == channel_id]

    def _tell(self) -> None:
        wanted = bool(self._added)
        if wanted != self._told:
            self._told = wanted
            session.current().notify(FollowPush(wanted))


handlers = _Handlers()


def args_of(notice: NotificationReceived) -> PushNotificationReceivedEventArgs:
    """Those of all handlers of one notification."""
    return PushNotificationReceivedEventArgs(RawNotification(notice.content, notice.channel_id, notice.headers))


class PushNotificationChannelManager:
    """Each call asks the push service, through the host's one line to it. Raises HostError FAIL without connectivity."""

    @staticmethod
    def create_push_notification_channel_for_application_async() -> PushNotificationChannel:
        """The app's own."""
        return _create(("primary", ""))

    @staticmethod
    def create_raw_push_notification_channel_with_alternate_key_for_application_async(channel_id: str) -> PushNotificationChannel:
        """One more, for raw notifications, that the app tells apart by `channel_id` (RAW-016). Raises HostError OUT_OF_MEMORY for
        one more than an app may have."""
        return _create(("alternate", channel_id))

    @staticmethod
    def create_push_notification_channel_for_secondary_tile_async(tile_id: str) -> PushNotificationChannel:
        """Of a tile: the service refuses raw notifications there (RAW-016)."""
        return _create(("tile", tile_id))


def _create(key: Key) -> PushNotificationChannel:
    kind, channel_id = key
    info = session.current().call(CreatePushChannel(kind, channel_id))
    return PushNotificationChannel(key, info.uri, info.expires_ms)
