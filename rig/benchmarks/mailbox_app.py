"""The app of `rig bench --hours`: mailboxes, one a control channel, that get every message once whatever their connections do.

On each connection it says which mailbox it is and how many messages it has; the server sends the others. A connection that ends
is made anew by the push task that tells of its end, on the same channel object (CCT-039).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from rig.standby.api import (
    App,
    BackgroundExecutionManager,
    BackgroundTaskBuilder,
    BackgroundTaskInstance,
    ControlChannelTrigger,
    ControlChannelTriggerResourceType,
    HostError,
    ReadOperation,
    StreamSocket,
)

READ_BYTES = 65536
PUSH, KEEP_ALIVE = "MailboxApp.Push", "MailboxApp.KeepAlive"


@dataclass
class Mailbox:
    """One channel. `messages`: whole lines; `rest`: of one that has not come whole."""

    trigger: ControlChannelTrigger
    socket: StreamSocket
    messages: list[bytes] = field(default_factory=list)
    rest: bytes = b""
    closed: bool = False
    news: int = 0
    """Read completions that no run of the push task has answered for yet."""
    runs_for_nothing: int = 0
    connecting: threading.Lock = field(default_factory=threading.Lock)
    """The push task and the benchmark may both want to."""


class MailboxApp:
    """One mailbox a channel, by its id."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._boxes: dict[str, Mailbox] = {}
        self._server = ("", 0)
        self._lock = threading.Lock()
        app.entry_points[PUSH] = self._push
        app.entry_points[KEEP_ALIVE] = self._keep_alive

    # -- called by the benchmark ---------------------------------------------------------------------------------------

    def open(self, box: str, host: str, port: int, minutes: int) -> None:
        """Raises what the host API raises."""
        self._server = host, port
        BackgroundExecutionManager.request_access()
        trigger = ControlChannelTrigger(box, minutes, ControlChannelTriggerResourceType.REQUEST_HARDWARE_SLOT)
        BackgroundTaskBuilder(f"{box}-push", PUSH, trigger.push_notification_trigger).register()
        BackgroundTaskBuilder(f"{box}-keepalive", KEEP_ALIVE, trigger.keep_alive_trigger).register()
        self._boxes[box] = Mailbox(trigger, StreamSocket())
        self._connect(box)

    def counts(self) -> dict[str, int]:
        """Messages by mailbox."""
        with self._lock:
            return {name: len(box.messages) for name, box in self._boxes.items()}

    def messages(self, box: str) -> list[bytes]:
        with self._lock:
            return list(self._boxes[box].messages)

    def runs_for_nothing(self) -> int:
        with self._lock:
            return sum(box.runs_for_nothing for box in self._boxes.values())

    def reconnect_closed(self) -> None:
        """At the end of the day: those whose last try to connect failed."""
        for name in self._boxes:
            self._reconnect(name)

    # -- the app itself ------------------------------------------------------------------------------------------------

    def _connect(self, name: str) -> None:
        box = self._boxes[name]
        box.socket = StreamSocket()
        box.trigger.using_transport(box.socket)
        box.socket.connect(*self._server)
        if not box.trigger.wait_for_push_enabled().allocated:
            raise OSError("the connection ended before its slot was there")
        with self._lock:
            box.rest, box.closed = b"", False
        box.socket.write(b"HAVE %s %d\n" % (name.encode(), len(box.messages)))
        box.socket.read_async(READ_BYTES, self._read)

    def _read(self, operation: ReadOperation) -> None:
        box = self._boxes[operation.channel_id or ""]
        if operation.cancelled or operation.socket_id != box.socket.socket_id:
            return
        try:
            data = operation.get_results()
        except OSError:
            data = b""
        with self._lock:
            box.news += 1
            *whole, box.rest = (box.rest + data).split(b"\n")
            box.messages += whole
            box.closed = not data
        if data:
            box.socket.read_async(READ_BYTES, self._read)

    def _push(self, instance: BackgroundTaskInstance) -> None:
        name = instance.channel_id or ""
        box = self._boxes[name]
        with self._lock:
            box.runs_for_nothing += box.news == 0
            box.news = max(0, box.news - 1)
        self._reconnect(name)

    def _keep_alive(self, instance: BackgroundTaskInstance) -> None:
        name = instance.channel_id or ""
        box = self._boxes[name]
        if box.closed:
            self._reconnect(name)
            return
        box.socket.write(b"ALIVE\n")
        box.trigger.flush_transport()

    def _reconnect(self, name: str) -> None:
        """If its connection has ended. One that fails is tried again by the next keep-alive task."""
        box = self._boxes[name]
        with box.connecting:
            if not box.closed:
                return
            box.socket.close()
            try:
                self._connect(name)
            except (HostError, OSError):
                with self._lock:
                    box.closed = True
