"""What a background task can be registered for."""

from __future__ import annotations

from dataclasses import dataclass

from rig.standby.wire.from_app import TriggerKind


@dataclass(frozen=True)
class ChannelTaskTrigger:
    """One of the two triggers of a control channel (CCT-009): kind "push" or "keepalive"."""

    kind: TriggerKind
    channel_id: str
