"""What an app says of push notifications, and what it is told."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from rig.standby.wire.app_types import Name
from rig.standby.wire.message import Call, Notice

NotificationNumber = Annotated[int, Meta(ge=1, le=2**63 - 1)]


class PushChannelInfo(msgspec.Struct, frozen=True):
    uri: str
    expires_ms: int
    """In specification milliseconds from now (RAW-015: 30 days)."""


class CreatePushChannel(Call[PushChannelInfo], frozen=True):
    """Asks the service. Refused: FAIL without connectivity (RAW-015), OUT_OF_MEMORY for the 1001st alternate one (RAW-016)."""

    kind: Literal["primary", "alternate", "tile"] = "primary"
    id: Name = ""
    """Of an alternate channel or a tile."""


class ClosePushChannel(Call[None], frozen=True):
    """That URI and those before it are of no use any more (RAW-015)."""

    kind: Literal["primary", "alternate", "tile"] = "primary"
    id: Name = ""


class FollowPush(Notice, frozen=True):
    """Whether this process has handlers of notifications from now on (RAW-007)."""

    follows: bool


class NotificationHandled(Notice, frozen=True):
    """Its handlers have returned. `cancel`: no task is to run for it."""

    number: NotificationNumber
    cancel: bool


class NotificationReceived(Notice, frozen=True):
    """To an app in the foreground that follows them. The task waits for `NotificationHandled` of this number."""

    number: int
    content: bytes
    channel_id: str
    headers: dict[str, str]
