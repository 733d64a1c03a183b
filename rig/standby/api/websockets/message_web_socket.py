"""MessageWebSocket: an event for each message. No reads are posted by the app: its socket does that, always one, from when it is
connected, or its channel has its slot, to the end (CWS-001, CWS-008).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rig.standby.api.data_reader import DataReader
from rig.standby.api.posted_read import PostedRead
from rig.standby.api.websockets.control import MessageWebSocketControl
from rig.standby.api.websockets.conversation import Closed, Part
from rig.standby.api.websockets.dialogue import Dialogue
from rig.standby.api.websockets.enums import MessageWebSocketReceiveMode, SocketMessageType
from rig.standby.api.websockets.errors import WebSocketError
from rig.standby.api.websockets.web_socket import WebSocket
from rig.standby.wire.hresult import HostError


@dataclass(frozen=True)
class MessageWebSocketMessageReceivedEventArgs:
    """A message, a part of one, or how the connection broke."""

    message_type: SocketMessageType
    is_message_complete: bool
    """False: more parts of it follow (PARTIAL_MESSAGE)."""
    _data: bytes = field(repr=False)
    _error: OSError | None = None

    def get_data_reader(self) -> DataReader:
        """Of the message; one of 0 bytes is a message and no end. Raises the error when the connection ended without the
        server's close frame (CWS-008)."""
        if self._error is not None:
            raise self._error
        return DataReader.from_buffer(self._data)


MessageHandler = Callable[["MessageWebSocket", MessageWebSocketMessageReceivedEventArgs], None]


class MessageWebSocket(WebSocket):
    """Handlers are called on a thread of the app's crew, one at a time; on a channel a push task follows each (CWS-003)."""

    control: MessageWebSocketControl

    def __init__(self, control: MessageWebSocketControl | None = None) -> None:
        super().__init__(control or MessageWebSocketControl())
        self._message_handlers: list[MessageHandler] = []
        self._parts: list[Part] = []
        """Of the message under way."""
        self._receiving = False

    def add_message_received(self, handler: MessageHandler) -> None:
        """`handler(socket, args)` for each message, or part of one, and for a broken connection. Raises HostError
        ILLEGAL_METHOD_CALL once the socket connects."""
        self._check_before_connect("add_message_received")
        self._message_handlers.append(handler)

    def send(self, data: bytes, *, last: bool = True) -> None:
        """A message of `control.message_type`, or with `last` False its next part. Raises WebSocketError on a connection that is
        over, OSError of the kernel."""
        text = self.control.message_type is SocketMessageType.UTF8
        self._talking("send").say(lambda conversation: conversation.send(data, text=text, last=last))

    @property
    def _accepts_text(self) -> bool:
        return True

    @property
    def _max_message_bytes(self) -> int | None:
        whole = self.control.receive_mode is MessageWebSocketReceiveMode.FULL_MESSAGE
        return self.control.max_message_size_bytes if whole else None

    # -- receiving -----------------------------------------------------------------------------------------------------

    def _opened_now(self) -> None:
        if self.channel_id is None:
            self._begin_to_receive()

    def push_enabled(self) -> None:
        super().push_enabled()
        self._begin_to_receive()

    def _begin_to_receive(self) -> None:
        with self._lock:
            first, self._receiving = not self._receiving, True
        if first:
            self._receive_next()

    def _receive_next(self) -> None:
        whole = self.control.receive_mode is MessageWebSocketReceiveMode.FULL_MESSAGE
        try:
            dialogue = self._talking("a receive")
            operation = _Receive(dialogue, self._parts, whole, self._received, self._release, self.socket_id, self.channel_id)
            self._post(operation)
        except HostError:
            pass  # it has been closed meanwhile

    def _received(self, operation: _Receive) -> None:
        """The next one is posted first, so that one is outstanding whatever the handlers do."""
        if operation.cancelled:
            return
        if operation.closed is not None:
            self._tell_closed(operation.closed)
            return
        if not operation.over:
            self._receive_next()
        kind = SocketMessageType.UTF8 if operation.text else SocketMessageType.BINARY
        args = MessageWebSocketMessageReceivedEventArgs(kind, operation.complete, operation.data, operation.error)
        for handler in self._message_handlers:
            handler(self, args)


class _Receive(PostedRead):
    """Of a message, of a part of one, or of the end."""

    def __init__(
        self,
        dialogue: Dialogue,
        parts: list[Part],
        whole: bool,
        handler: Callable[[_Receive], None],
        release: Callable[[PostedRead], None],
        socket_id: int,
        channel_id: str | None,
    ) -> None:
        super().__init__(dialogue.stream.sock, handler, release, socket_id=socket_id, channel_id=channel_id)
        self.data = b""
        self.text = False
        self.complete = True
        self.closed: Closed | None = None
        self._dialogue = dialogue
        self._parts = parts
        self._whole = whole

    @property
    def ready(self) -> bool:
        return self._dialogue.ready

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    @property
    def over(self) -> bool:
        return self.error is not None or self.closed is not None

    def take(self) -> bool:
        conversation = self._dialogue.conversation
        while self._dialogue.fetch():
            if conversation.parts:
                self._parts.append(conversation.parts.popleft())
                if self._parts[-1].last or not self._whole:
                    self._take_parts()
                    return True
            elif isinstance(conversation.end, WebSocketError):
                raise conversation.end
            else:
                self.closed = conversation.end
                return True
        return False

    def _take_parts(self) -> None:
        last = self._parts[-1]
        self.data, self.text, self.complete = b"".join(part.data for part in self._parts), last.text, last.last
        self._parts.clear()
