"""An app with one WebSocket, which its test drives, and which is closed at any moment."""

from __future__ import annotations

import threading
from typing import Any

from rig.standby.api import App, BackgroundExecutionManager, HostError
from rig.standby.api.websockets import (
    MessageWebSocket,
    MessageWebSocketMessageReceivedEventArgs,
    StreamWebSocket,
    StreamWebSocketRead,
)
from tests.standby.messages import STRANGE

READ_BYTES = 1000
REFUSALS = (HostError, TypeError, ValueError, AttributeError, OverflowError, OSError)
"""What an app may get to hear. Anything else is ours."""


class WebSocketSmallApp:
    def __init__(self, app: App) -> None:
        self.app = app
        self.socket: StreamWebSocket | MessageWebSocket = StreamWebSocket()
        self._received = 0

    def connect(self, uri: str, kind: str, channel: str | None = None) -> None:
        """`channel`: it is bound to that one, whatever there is of it."""
        if kind == "stream":
            self.socket = StreamWebSocket()
        else:
            self.socket = MessageWebSocket()
            self.socket.add_message_received(self._message)
        self.socket.channel_id = channel
        self.socket.connect(uri)
        if isinstance(self.socket, StreamWebSocket):
            self._read(self.socket)
        else:
            self.socket.push_enabled()

    def received_bytes(self) -> int:
        return self._received

    def close_beside(self, delay_s: float) -> None:
        """By two threads at once, while messages come."""
        threads = [threading.Timer(delay_s, self.socket.close) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def strange(self, call: str) -> list[str]:
        """Call it with everything that is no argument of it; what is wrong."""
        wrong = []
        for value in STRANGE:
            for arguments in ((value,), (value, value)):
                try:
                    getattr(self.socket, call)(*arguments)
                except REFUSALS:
                    continue
                except BaseException as error:
                    wrong.append(f"{call}{arguments!r:.60}: {type(error).__name__} {error}")
        return wrong

    def say(self, data: bytes) -> None:
        if isinstance(self.socket, MessageWebSocket):
            self.socket.send(data)
        else:
            self.socket.write(data)

    def say_something(self) -> None:
        """To the system."""
        BackgroundExecutionManager.get_access_status()

    def _read(self, socket: StreamWebSocket) -> None:
        try:
            socket.read_async(READ_BYTES, lambda operation: self._completed(socket, operation))
        except HostError:
            pass  # closed meanwhile

    def _completed(self, socket: StreamWebSocket, operation: StreamWebSocketRead) -> None:
        if operation.cancelled:
            return
        try:
            data = operation.get_results()
        except OSError:
            return
        self._received += len(data)
        if data:
            self._read(socket)

    def _message(self, socket: Any, args: MessageWebSocketMessageReceivedEventArgs) -> None:
        try:
            self._received += args.get_data_reader().unconsumed_buffer_length
        except OSError:
            pass
