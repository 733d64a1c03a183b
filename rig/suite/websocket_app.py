"""The app under test of the WebSockets: channels over StreamWebSocket or MessageWebSocket, set up by one blocking helper.

Records of its own: "helper-begin" and "helper-end" around the helper, "queued" in a completion, "worked-on" in the push task; the
push task records TASK_DATA as the chat app's does.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import Any

from rig.standby.api import (
    App,
    BackgroundExecutionManager,
    BackgroundTaskBuilder,
    BackgroundTaskInstance,
    ControlChannelTrigger,
    ControlChannelTriggerResourceType,
    HostError,
    SocketError,
    SystemTrigger,
    SystemTriggerType,
)
from rig.standby.api.data_reader import DataReader
from rig.standby.api.websockets import (
    WEB_SOCKET_KEEP_ALIVE,
    Closed,
    KeepAliveFrame,
    MessageWebSocket,
    MessageWebSocketMessageReceivedEventArgs,
    MessageWebSocketReceiveMode,
    SocketMessageType,
    StreamWebSocket,
    StreamWebSocketRead,
    WebSocket,
)

READ_BYTES = 65536
PUSH, NETWORK, OWN_KEEP_ALIVE = "WebSocketApp.Push", "WebSocketApp.Network", "WebSocketApp.KeepAlive"
COMPLETION_LIMIT_S = 10.0
SHOWN_BYTES = 64
"""Of a message on the timeline."""


@dataclass
class Context:
    """What the app keeps of a channel that was set up."""

    channel: ControlChannelTrigger
    socket: StreamWebSocket | MessageWebSocket
    inbox: list[bytes] = field(default_factory=list)
    seen: int = 0


class WebSocketApp:
    """Contexts by channel id."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.contexts: dict[str, Context] = {}
        self.sockets: dict[str, StreamWebSocket | MessageWebSocket] = {}
        """The newest of each channel, whatever became of it."""
        self._how: dict[str, dict[str, Any]] = {}
        self._in_handler = ""
        self._go_on = threading.Event()
        self._go_on.set()
        app.entry_points |= {PUSH: self._push, NETWORK: self._register_again, OWN_KEEP_ALIVE: self._register_again}

    # -- the helper ----------------------------------------------------------------------------------------------------

    def register(self, channel: str, uri: str, **how: Any) -> bool:
        """Tasks, bind, connect, wait, context, first read: whether all of it is done. False: nothing is left of it (CWS-013)."""
        self._how[channel] = {"uri": uri, **how}
        self.app.timeline.add("helper-begin", channel=channel)
        try:
            done = self._registered(channel, uri, **how)
        except (HostError, OSError) as error:
            self.app.timeline.add(
                "helper-failed",
                channel=channel,
                error=type(error).__name__,
                words=str(error),
                status=int(SocketError.get_status(error)),
            )
            done = False
        if not done:
            self._take_down(channel)
        self.app.timeline.add("helper-end", channel=channel, done=done)
        return done

    def _registered(
        self,
        channel: str,
        uri: str,
        *,
        kind: str = "stream",
        hardware: bool = True,
        minutes: int = 1439,
        keep_alive: str | None = WEB_SOCKET_KEEP_ALIVE,
        read: bool = True,
        limit_s: float = 10.0,
        **control: Any,
    ) -> bool:
        BackgroundExecutionManager.request_access()
        trigger = ControlChannelTrigger(channel, minutes, ControlChannelTriggerResourceType(int(hardware)))
        if keep_alive is not None:
            BackgroundTaskBuilder(f"{channel}-keepalive", keep_alive, trigger.keep_alive_trigger).register()
        BackgroundTaskBuilder(f"{channel}-push", PUSH, trigger.push_notification_trigger).register()
        sock = self._made(channel, kind, **control)
        trigger.using_transport(sock)
        sock.connect(uri, timeout_s=limit_s)
        context = Context(trigger, sock)
        self.contexts[channel] = context
        if not trigger.wait_for_push_enabled().allocated:
            return False
        if read and isinstance(sock, StreamWebSocket):
            sock.read_async(READ_BYTES, self._read_completed)
        return True

    def _made(self, channel: str, kind: str, **control: Any) -> StreamWebSocket | MessageWebSocket:
        sock = StreamWebSocket() if kind == "stream" else MessageWebSocket()
        for name, value in control.items():
            if name == "keep_alive_frame":
                value = KeepAliveFrame(value)
            if name == "receive_mode":
                value = MessageWebSocketReceiveMode(value)
            setattr(sock.control, name, value)
        if isinstance(sock, MessageWebSocket):
            sock.add_message_received(self._message_received)
        sock.add_closed(self._closed)
        self.sockets[channel] = sock
        return sock

    def _take_down(self, channel: str) -> None:
        self.contexts.pop(channel, None)
        trigger = ControlChannelTrigger.by_id(channel)
        if trigger is not None:
            trigger.close()

    # -- called by tests -----------------------------------------------------------------------------------------------

    def register_in_background(self, channel: str, uri: str, **how: Any) -> None:
        """For a helper that cannot return yet: its end is on the timeline."""
        threading.Thread(target=lambda: self.register(channel, uri, **how), daemon=True).start()

    def register_on_network_changes(self) -> None:
        """Each time, all channels are set up anew by the helper."""
        BackgroundExecutionManager.request_access()
        BackgroundTaskBuilder("network", NETWORK, SystemTrigger(SystemTriggerType.NETWORK_STATE_CHANGE)).register()

    def connect(self, name: str, uri: str, kind: str = "stream", limit_s: float = 10.0, **control: Any) -> str:
        """A socket that is bound to no channel; the sub-protocol that the server chose."""
        sock = self._made(name, kind, **control)
        sock.connect(uri, timeout_s=limit_s)
        return sock.protocol

    def add_handler_late(self, name: str, which: str) -> None:
        """After connect, which is too late."""
        getattr(self.sockets[name], f"add_{which}")(lambda socket, args: None)

    def has_context(self, channel: str) -> bool:
        return channel in self.contexts

    def inbox(self, channel: str) -> list[bytes]:
        return list(self.contexts[channel].inbox)

    def read(self, name: str) -> None:
        """Post a read on a StreamWebSocket."""
        self._stream(name).read_async(READ_BYTES, self._read_completed)

    def read_awaited(self, name: str) -> bytes:
        """As a coroutine does: the data."""
        return asyncio.run(self._stream(name).read(READ_BYTES))

    def load(self, name: str) -> bytes:
        """With a reader on the socket itself."""
        reader = DataReader(self._stream(name))
        return reader.read_bytes(reader.load(READ_BYTES))

    def send_big(self, name: str, size_bytes: int) -> None:
        """A message that is too big for a call of the test."""
        self.send(name, bytes(size_bytes))

    def begin_big(self, name: str, size_bytes: int) -> None:
        """As `send_big`, for a server that does not read it yet."""
        threading.Thread(target=self.send_big, args=(name, size_bytes), daemon=True).start()

    def send(self, name: str, data: bytes, text: bool = False) -> None:
        sock = self.sockets[name]
        if isinstance(sock, MessageWebSocket):
            sock.control.message_type = SocketMessageType(int(text))
            sock.send(data)
        else:
            sock.write(data)

    def close(self, name: str, code: int = 1000, reason: str = "") -> None:
        self.sockets[name].close(code, reason)

    def close_channel(self, channel: str) -> None:
        self._take_down(channel)

    def set_control(self, name: str, setting: str, value: Any) -> None:
        """After connect."""
        setattr(self.sockets[name].control, setting, value)

    def hold_completions(self, hold: bool) -> None:
        """Completions of reads do not return while it is set."""
        if hold:
            self._go_on.clear()
        else:
            self._go_on.set()

    def in_handler(self, what: str) -> None:
        """What the next completion does, once: "raise", "close"."""
        self._in_handler = what

    # -- what comes ----------------------------------------------------------------------------------------------------

    def _read_completed(self, operation: StreamWebSocketRead) -> None:
        """Queue and post the next read, the work is the push task's (CWS-004). Canceled is ignored (CWS-006)."""
        self._go_on.wait(COMPLETION_LIMIT_S)
        if operation.cancelled:
            return
        try:
            data = operation.get_results()
        except OSError as error:
            self.app.timeline.add("read-failed", channel=operation.channel_id, error=type(error).__name__, words=str(error))
            data = b""
        name = self._name_of(operation.socket_id)
        self._queue(name, DataReader.from_buffer(data).read_bytes(len(data)))
        if data and not self._taken_down(operation.socket_id):
            self.read(name)
        self._misbehave(name)

    def _message_received(self, socket: MessageWebSocket, args: MessageWebSocketMessageReceivedEventArgs) -> None:
        self._go_on.wait(COMPLETION_LIMIT_S)
        name = self._name_of(socket.socket_id)
        try:
            reader = args.get_data_reader()
        except OSError as error:
            self.app.timeline.add("reader-failed", channel=socket.channel_id, error=type(error).__name__, words=str(error))
            return
        data = reader.read_bytes(reader.unconsumed_buffer_length)
        self.app.timeline.add(
            "message", name=name, data=data[:SHOWN_BYTES].hex(), type=int(args.message_type), complete=args.is_message_complete
        )
        self._queue(name, data)
        self._misbehave(name)

    def _closed(self, socket: WebSocket, closed: Closed) -> None:
        self._go_on.wait(COMPLETION_LIMIT_S)
        name = self._name_of(socket.socket_id)
        self.app.timeline.add("closed", name=name, code=closed.code, reason=closed.reason)

    def _queue(self, name: str, data: bytes) -> None:
        context = self.contexts.get(name)
        if context is not None:
            context.inbox.append(data)
        self.app.timeline.add("queued", name=name, data=data[:SHOWN_BYTES].hex(), bytes=len(data))

    def _misbehave(self, name: str) -> None:
        what, self._in_handler = self._in_handler, ""
        if what == "raise":
            raise RuntimeError("a handler that raises")
        if what == "close":
            self.sockets[name].close()

    def _push(self, instance: BackgroundTaskInstance) -> None:
        channel = instance.channel_id or ""
        context = self.contexts.get(channel)
        if instance.trigger_details is None or context is None:
            return
        new = context.inbox[context.seen :]
        context.seen += len(new)
        for data in new:
            self.app.timeline.add("worked-on", name=channel, data=data.hex())
        self.app.timeline.add("TASK_DATA", app=self.app.name, channel=channel, data=b"".join(new).hex(), closed=b"" in new)

    def _register_again(self, instance: BackgroundTaskInstance) -> None:
        for channel, how in list(self._how.items()):
            self._take_down(channel)
            self.register(channel, **how)

    def _stream(self, name: str) -> StreamWebSocket:
        sock = self.sockets[name]
        assert isinstance(sock, StreamWebSocket)
        return sock

    def _taken_down(self, socket_id: int) -> bool:
        """A task has taken its channel down meanwhile."""
        return not any(sock.socket_id == socket_id and sock.connected for sock in self.sockets.values())

    def _name_of(self, socket_id: int) -> str:
        return next((name for name, sock in self.sockets.items() if sock.socket_id == socket_id), "")
