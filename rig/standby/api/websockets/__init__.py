"""WebSockets as transports of channels (RFC 6455): all that an app imports of them. Apart, as their library takes a moment."""

from rig.standby.api.websockets.control import MessageWebSocketControl, StreamWebSocketControl
from rig.standby.api.websockets.conversation import Closed
from rig.standby.api.websockets.enums import KeepAliveFrame, MessageWebSocketReceiveMode, SocketMessageType
from rig.standby.api.websockets.errors import HandshakeError, WebSocketError
from rig.standby.api.websockets.keep_alive import ENTRY_POINT as WEB_SOCKET_KEEP_ALIVE
from rig.standby.api.websockets.message_web_socket import MessageWebSocket, MessageWebSocketMessageReceivedEventArgs
from rig.standby.api.websockets.stream_web_socket import StreamWebSocket, StreamWebSocketRead
from rig.standby.api.websockets.web_socket import WebSocket

__all__ = [
    "WEB_SOCKET_KEEP_ALIVE",
    "Closed",
    "HandshakeError",
    "KeepAliveFrame",
    "MessageWebSocket",
    "MessageWebSocketControl",
    "MessageWebSocketMessageReceivedEventArgs",
    "MessageWebSocketReceiveMode",
    "SocketMessageType",
    "StreamWebSocket",
    "StreamWebSocketControl",
    "StreamWebSocketRead",
    "WebSocket",
    "WebSocketError",
]
