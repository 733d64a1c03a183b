"""What a background task can be registered for."""

from __future__ import annotations

from rig.standby.wire.triggers import ChannelKeepAlive, ChannelPush

ChannelTaskTrigger = ChannelPush | ChannelKeepAlive
"""The two triggers of a control channel (CCT-009)."""
