"""StreamWebSocket: a stream of bytes over binary messages, read by explicit posted reads, which see no borders of messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rig.standby.api import session
from rig.standby.api.posted_read import PostedRead
from rig.standby.api.read_operation import BytesRead
from rig.standby.api.websockets.control import StreamWebSocketControl
from rig.standby.api.websockets.conversation import Closed
from rig.standby.api.websockets.dialogue import Dialogue
from rig.standby.api.websockets.errors import WebSocketError
from rig.standby.api.websockets.web_socket import WebSocket


class StreamWebSocket(WebSocket):
    """Zero bytes with status COMPLETED mean that the server closed (CWS-007). Any thread may call."""

    control: StreamWebSocketControl

    def __init__(self, control: StreamWebSocketControl | None = None) -> None:
        super().__init__(control or StreamWebSocketControl())
        self._unread = bytearray()
        """Bytes of a message that was longer than the last read."""

    def read_async(self, count: int, completed: Callable[[StreamWebSocketRead], None]) -> StreamWebSocketRead:
        """Post a read of up to `count` bytes (partial reads); `completed` runs on a thread of the app's crew, one at a time. On a
        channel a push task follows it (CWS-003)."""
        bytes_in = StreamBytes(self._talking("read_async"), self._unread)

        def over(operation: StreamWebSocketRead) -> None:
            if bytes_in.closed is not None and not operation.cancelled and operation.over:
                self._tell_closed(bytes_in.closed)
            completed(operation)

        operation = StreamWebSocketRead(bytes_in, count, over, self._release, self.socket_id, self.channel_id)
        self._post(operation)
        return operation

    async def read(self, count: int) -> bytes:
        """The awaited form. Whoever awaits goes on when its loop comes to it: on a channel the push task may have run by then,
        which is what the platform does not support; it is told on the timeline (CWS-002). Raises as `get_results`."""
        app = session.current()
        if self.channel_id is not None:
            wrong = "an awaited read on a channel: its push task does not wait for who awaits"
            app.timeline.add("USAGE_FAULT", app=app.name, instance=app.instance, channel=self.channel_id, what=wrong)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[StreamWebSocketRead] = loop.create_future()
        operation = self.read_async(count, lambda read: _tell(loop, future, read))
        try:
            return (await future).get_results()
        except asyncio.CancelledError:
            app.withdraw(operation)
            raise

    def write(self, data: bytes) -> None:
        """One binary message. Raises WebSocketError on a connection that is over, OSError of the kernel."""
        self._talking("write").say(lambda conversation: conversation.send(data))

    @property
    def _accepts_text(self) -> bool:
        return False


class StreamBytes:
    """Of a dialogue, for one reader after another."""

    def __init__(self, dialogue: Dialogue, unread: bytearray) -> None:
        """`unread`: what the reader before left, and this one may leave."""
        self.dialogue = dialogue
        self._unread = unread

    @property
    def ready(self) -> bool:
        return bool(self._unread) or self.dialogue.ready

    @property
    def closed(self) -> Closed | None:
        """The server's close frame, once all before it has been read."""
        end = self.dialogue.conversation.end
        return end if isinstance(end, Closed) and not self._unread and not self.dialogue.conversation.parts else None

    def take(self, count: int) -> bytes | None:
        """Up to `count` bytes, b"" for the server's close; None: nothing for the app yet. Raises WebSocketError."""
        conversation = self.dialogue.conversation
        while not self._unread:
            if not self.dialogue.fetch():
                return None
            if conversation.parts:  # an empty message has no bytes, and is no end
                self._gather(count)
            elif isinstance(conversation.end, WebSocketError):
                raise conversation.end
            else:
                return b""
        self._gather(count)
        taken = bytes(self._unread[:count])
        del self._unread[:count]
        return taken

    def _gather(self, count: int) -> None:
        """Of the messages that are there, as many as a read of `count` bytes takes."""
        parts = self.dialogue.conversation.parts
        while parts and len(self._unread) < count:
            self._unread += parts.popleft().data


class StreamWebSocketRead(BytesRead):
    """`get_results` raises WebSocketError on ERROR."""

    def __init__(
        self,
        bytes_in: StreamBytes,
        count: int,
        handler: Callable[[StreamWebSocketRead], None],
        release: Callable[[PostedRead], None],
        socket_id: int,
        channel_id: str | None,
    ) -> None:
        """Raises as BytesRead."""
        super().__init__(bytes_in.dialogue.stream.sock, count, handler, release, socket_id=socket_id, channel_id=channel_id)
        self._bytes_in = bytes_in

    @property
    def ready(self) -> bool:
        return self._bytes_in.ready

    def _received(self) -> bytes | None:
        return self._bytes_in.take(self.count)


def _tell(loop: asyncio.AbstractEventLoop, future: asyncio.Future[StreamWebSocketRead], operation: StreamWebSocketRead) -> None:
    """The loop may have ended, and nobody may wait any more."""

    def told() -> None:
        if not future.done():
            future.set_result(operation)

    try:
        loop.call_soon_threadsafe(told)
    except RuntimeError:
        pass
