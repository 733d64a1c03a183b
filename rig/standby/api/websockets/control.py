"""Settings of a WebSocket before it connects: WinRT's `Control` objects, as far as there is something to set here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rig.standby.api.websockets.conversation import MAX_MESSAGE_BYTES
from rig.standby.api.websockets.enums import KeepAliveFrame, MessageWebSocketReceiveMode, SocketMessageType


@dataclass(kw_only=True)
class WebSocketControl:
    """Read when the socket connects; what is set later has no effect, but for `keep_alive_frame`."""

    supported_protocols: tuple[str, ...] = ()
    """Offered to the server, the best first; `socket.protocol` is the one that it chose."""
    request_headers: Mapping[str, str] = field(default_factory=dict)
    """More of the opening handshake's."""
    server_name: str | None = None
    """Whose certificate a wss server must show; None: the URI's host. The rig's own setting: a bench has no names of hosts."""
    client_certificate: Path | None = None
    """A file with a key and a certificate, PEM, for wss servers that ask for one."""
    keep_alive_frame: KeepAliveFrame = KeepAliveFrame.PING
    """What WebSocketKeepAlive sends on the channel that the socket is bound to (CWS-011). The rig's own setting."""
    offload_keep_alive: bool = False
    """An extension of the rig's, no part of the platform: in connected standby the device sends the channel's keep-alives, and
    WebSocketKeepAlive wakes the host for none. Over TLS they are unsolicited pongs, whatever `keep_alive_frame` says."""
    desired_unsolicited_pong_interval_s: float = 0.0
    """Of a socket that is bound to no channel; 0: none. A channel's keep-alives come at the channel's interval, whatever this
    says (CWS-012)."""


@dataclass(kw_only=True)
class StreamWebSocketControl(WebSocketControl):
    """Of a StreamWebSocket."""


@dataclass(kw_only=True)
class MessageWebSocketControl(WebSocketControl):
    """Of a MessageWebSocket."""

    message_type: SocketMessageType = SocketMessageType.UTF8
    """Of messages that the app sends; may be set between two of them."""
    receive_mode: MessageWebSocketReceiveMode = MessageWebSocketReceiveMode.FULL_MESSAGE
    max_message_size_bytes: int = MAX_MESSAGE_BYTES
    """A longer one from the server ends the connection with 1009. Holds in FULL_MESSAGE mode."""
