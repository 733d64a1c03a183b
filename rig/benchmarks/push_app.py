"""The app of `rig bench --transports`: a channel over any kind of transport, whose messages it keeps and does nothing with."""

from __future__ import annotations

from rig.standby.api import (
    App,
    BackgroundExecutionManager,
    BackgroundTaskBuilder,
    BackgroundTaskInstance,
    ControlChannelTrigger,
    ControlChannelTriggerResourceType,
    ReadOperation,
    SocketProtectionLevel,
    StreamSocket,
)
from rig.standby.api.websockets import MessageWebSocket, MessageWebSocketMessageReceivedEventArgs

READ_BYTES = 65536
PUSH, KEEP_ALIVE = "PushApp.Push", "PushApp.KeepAlive"
LONGEST_MINUTES = 1439
"""Of the server's interval: its keep-alives would only be in the way."""


class PushApp:
    """One channel."""

    def __init__(self, app: App) -> None:
        self.messages = bytearray()
        self._stream = StreamSocket()
        app.entry_points[PUSH] = app.entry_points[KEEP_ALIVE] = self._nothing

    # -- called by the benchmark ---------------------------------------------------------------------------------------

    def open(self, channel: str, host: str, port: int, websocket: bool, tls: bool) -> bool:
        """Whether it has a hardware slot."""
        BackgroundExecutionManager.request_access()
        trigger = ControlChannelTrigger(channel, LONGEST_MINUTES, ControlChannelTriggerResourceType.REQUEST_HARDWARE_SLOT)
        BackgroundTaskBuilder(f"{channel}-keepalive", KEEP_ALIVE, trigger.keep_alive_trigger).register()
        BackgroundTaskBuilder(f"{channel}-push", PUSH, trigger.push_notification_trigger).register()
        if websocket:
            sock = MessageWebSocket()
            sock.add_message_received(self._message_received)
            trigger.using_transport(sock)
            sock.connect(f"{'wss' if tls else 'ws'}://{host}:{port}/")
        else:
            trigger.using_transport(self._stream)
            protection = SocketProtectionLevel.TLS if tls else SocketProtectionLevel.PLAIN_SOCKET
            self._stream.connect(host, port, protection=protection)
        allocated = trigger.wait_for_push_enabled().allocated
        if not websocket:
            self._stream.read_async(READ_BYTES, self._read_completed)
        return allocated

    def received(self) -> bytes:
        """All that has come, as one."""
        return bytes(self.messages)

    # -- what comes ----------------------------------------------------------------------------------------------------

    def _read_completed(self, operation: ReadOperation) -> None:
        if not operation.cancelled:
            self.messages += operation.get_results()
            self._stream.read_async(READ_BYTES, self._read_completed)

    def _message_received(self, _socket: MessageWebSocket, args: MessageWebSocketMessageReceivedEventArgs) -> None:
        reader = args.get_data_reader()
        self.messages += reader.read_bytes(reader.unconsumed_buffer_length)

    def _nothing(self, instance: BackgroundTaskInstance) -> None:
        pass
