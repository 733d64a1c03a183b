"""What a push service has sent to an app, as it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RawNotification:
    """RAW-001, RAW-016."""

    content: bytes
    channel_id: str
    """"" for the app's own channel, else that of the alternate one."""
    headers: dict[str, str]
