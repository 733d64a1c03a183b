"""The app of `rig bench --hours --websockets`: WebSocket channels that nothing comes on, kept alive by the system's own task, or
by the device.
"""

from __future__ import annotations

from rig.standby.api import (
    App,
    BackgroundExecutionManager,
    BackgroundTaskBuilder,
    ControlChannelTrigger,
    ControlChannelTriggerResourceType,
)
from rig.standby.api.websockets import WEB_SOCKET_KEEP_ALIVE, StreamWebSocket, StreamWebSocketRead

READ_BYTES = 65536


class WebSocketsApp:
    def __init__(self, app: App) -> None:
        self._sockets: dict[str, StreamWebSocket] = {}
        self._over: list[str] = []

    def open(self, channel: str, uri: str, minutes: int, offload: bool) -> bool:
        """Whether it has its slot. Raises what the host API raises."""
        BackgroundExecutionManager.request_access()
        trigger = ControlChannelTrigger(channel, minutes, ControlChannelTriggerResourceType.REQUEST_HARDWARE_SLOT)
        BackgroundTaskBuilder(f"{channel}-keepalive", WEB_SOCKET_KEEP_ALIVE, trigger.keep_alive_trigger).register()
        socket = self._sockets[channel] = StreamWebSocket()
        socket.control.offload_keep_alive = offload
        trigger.using_transport(socket)
        socket.connect(uri)
        allocated = trigger.wait_for_push_enabled().allocated
        socket.read_async(READ_BYTES, self._read)
        return allocated

    def say(self, channel: str, data: bytes) -> None:
        self._sockets[channel].write(data)

    def over(self) -> list[str]:
        """Channels whose read has ended."""
        return list(self._over)

    def _read(self, operation: StreamWebSocketRead) -> None:
        if not operation.cancelled:
            self._over.append(operation.channel_id or "")
