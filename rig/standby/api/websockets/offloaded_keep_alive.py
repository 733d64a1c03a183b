"""An extension of the rig's: the device keeps a channel's WebSocket alive while the host sleeps, and no task wakes the host for
that.

Plain: masked pings with a counter, whose pongs the device knows and keeps to itself. Over TLS the device could not read a pong,
and would wake the host for it: unsolicited pongs, which nobody answers, sealed ahead (sealed_keep_alive.py).
"""

from __future__ import annotations

from rig.device.payload import PayloadKeepAlive, fresh_masks
from rig.standby.api.control_channel import ControlChannelTrigger
from rig.standby.api.websockets.enums import KeepAliveFrame
from rig.standby.wire.hresult import HostError, HResult

MASKS = 1024
"""Ten days of frames every 15 minutes; a message of 4 KiB to the system."""
RENEWED_BELOW = MASKS // 2
COUNTER_BYTES = 4
"""So that each pong answers one ping. With header and mask 10 bytes, as many as a sealed record of the device's may hold."""


def offload(channel: ControlChannelTrigger, frame: KeepAliveFrame, *, protected: bool) -> None:
    """From the next standby entry on. In TLS older than 1.3 nothing can be sealed ahead: there the task goes on to do it."""
    try:
        _set(channel, frame, 0, protected)
    except HostError as error:
        if error.hresult is not HResult.INVALID_ARG:
            raise
    else:
        channel.keep_alive_by_device(True)


def renew(channel: ControlChannelTrigger, frame: KeepAliveFrame, *, protected: bool) -> None:
    """New masks, when there are few left. For the keep-alive task, which runs when there are none, and while the host is
    awake."""
    if channel.payload_keep_alive is None:
        return
    state = channel.payload_keep_alive_state
    if (state.tokens_left or 0) < RENEWED_BELOW:
        _set(channel, frame, state.next_counter or 0, protected)


def _set(channel: ControlChannelTrigger, frame: KeepAliveFrame, start: int, protected: bool) -> None:
    pings = frame is KeepAliveFrame.PING and not protected
    made = PayloadKeepAlive.websocket_ping if pings else PayloadKeepAlive.websocket_pong
    channel.payload_keep_alive = made(fresh_masks(MASKS), start=start, counter_bytes=COUNTER_BYTES)
