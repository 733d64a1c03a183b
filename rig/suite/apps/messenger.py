"""Messenger: messages arrive while the machine sleeps.

It keeps one TCP connection to its server, on a control channel. In connected standby the device watches the connection; a
message wakes the machine, the posted read completes, and the push task runs. Lines of UTF-8 text are the whole protocol.
"""

from __future__ import annotations

import threading

from rig.standby.api import (
    App,
    BackgroundExecutionManager,
    BackgroundTaskBuilder,
    BackgroundTaskInstance,
    BackgroundTaskRegistration,
    ControlChannelTrigger,
    ControlChannelTriggerResourceType,
    HostError,
    ReadOperation,
    StreamSocket,
    SystemTrigger,
    SystemTriggerType,
)

CHANNEL, KEEP_ALIVE_MINUTES = "messages", 30
READ_BYTES = 4096


class Messenger:
    """The system makes one in each process of the app; the user's actions are its public methods."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._lock = threading.RLock()
        """Reads complete on one thread, tasks run on others, the user has a third."""
        self._server = ("", 0)
        self._channel: ControlChannelTrigger | None = None
        self._socket: StreamSocket | None = None
        self._received = b""
        self._closed = False
        self._messages: list[str] = []
        # Entry points of tasks that run in this process; messenger.xml declares them.
        app.entry_points["Messenger.Push"] = self._push
        app.entry_points["Messenger.KeepAlive"] = self._keep_alive
        app.entry_points["Messenger.Reset"] = self._reset

    # -- what the user does --------------------------------------------------------------------------------------------

    def sign_in(self, host: str, port: int) -> bool:
        """Whether messages will arrive from now on."""
        if not BackgroundExecutionManager.request_access().allowed:
            return False  # then an app asks its server when the user looks at it
        self._server = host, port
        self._register_once("reset", "Messenger.Reset", SystemTrigger(SystemTriggerType.CONTROL_CHANNEL_RESET))
        return self._set_up()

    def messages(self) -> list[str]:
        with self._lock:
            return list(self._messages)

    def send(self, text: str) -> None:
        with self._lock:
            if self._socket is not None:
                self._socket.write(text.encode() + b"\n")

    def sign_out(self) -> None:
        """Closing the channel gives the slot back, and its tasks are registered no more."""
        with self._lock:
            if self._channel is not None:
                self._channel.close()
            self._channel = self._socket = None

    # -- setting up: the order of the steps is the platform's ----------------------------------------------------------

    def _set_up(self) -> bool:
        """1: the channel. 2: its two tasks. 3 to 6: see `_connect`."""
        channel = ControlChannelTrigger(CHANNEL, KEEP_ALIVE_MINUTES, ControlChannelTriggerResourceType.REQUEST_HARDWARE_SLOT)
        try:
            BackgroundTaskBuilder("push", "Messenger.Push", channel.push_notification_trigger).register()
            BackgroundTaskBuilder("keep-alive", "Messenger.KeepAlive", channel.keep_alive_trigger).register()
            connected = self._connect(channel)
        except (HostError, OSError):
            connected = False
        if not connected:
            channel.close()
        return connected

    def _connect(self, channel: ControlChannelTrigger) -> bool:
        """3: bind a new socket. 4: connect it. 5: wait until the slot is there. 6: post the first read."""
        sock = StreamSocket()
        channel.using_transport(sock)
        sock.connect(*self._server)
        if not channel.wait_for_push_enabled().allocated:
            sock.close()
            return False
        with self._lock:
            self._channel, self._socket, self._received, self._closed = channel, sock, b"", False
        sock.read_async(READ_BYTES, self._read_completed)
        return True

    def _register_once(self, name: str, entry_point: str, trigger: SystemTrigger) -> None:
        """Registrations outlive the process: a task that is registered twice runs twice."""
        registered = BackgroundTaskRegistration.all_tasks().values()
        if name not in {task.name for task in registered}:
            BackgroundTaskBuilder(name, entry_point, trigger).register()

    # -- what comes ----------------------------------------------------------------------------------------------------

    def _read_completed(self, operation: ReadOperation) -> None:
        """Take the data and post the next read; the push task, which follows, does the work."""
        if operation.cancelled:
            return
        try:
            data = operation.get_results()
        except OSError:
            data = b""
        with self._lock:
            if operation.socket_id != getattr(self._socket, "socket_id", None):
                return  # of a connection before
            self._received += data
            self._closed = not data
            if data and self._socket is not None:
                self._socket.read_async(READ_BYTES, self._read_completed)

    def _push(self, instance: BackgroundTaskInstance) -> None:
        """Something came: messages, or the end of the connection. In standby the machine is awake for this run alone."""
        channel: ControlChannelTrigger | None = instance.trigger_details
        if channel is None:
            return  # it was closed meanwhile
        with self._lock:
            *lines, self._received = self._received.split(b"\n")
            for line in lines:
                self._messages.append(line.decode(errors="replace"))
                self.app.timeline.add("Message", text=self._messages[-1])
            closed = self._closed
        if closed:
            self._reconnect(channel)

    def _keep_alive(self, instance: BackgroundTaskInstance) -> None:
        """Every 30 minutes: the server hears that we are there. Flushed, so that it is sent before the machine sleeps again."""
        channel: ControlChannelTrigger | None = instance.trigger_details
        if channel is None:
            return
        if self._socket is None or not self._socket.established:
            self._reconnect(channel)
        else:
            self._socket.write(b"ping\n")
            channel.flush_transport()

    # -- when it breaks ------------------------------------------------------------------------------------------------

    def _reconnect(self, channel: ControlChannelTrigger) -> None:
        """The connection is gone, the channel is not: it takes a new socket."""
        if self._socket is not None:
            self._socket.close()
        try:
            connected = self._connect(channel)
        except (HostError, OSError) as error:
            connected = False
            self.app.timeline.add("Not connected", error=str(error))  # the keep-alive task tries again
        self.app.timeline.add("Reconnected", connected=connected)

    def _reset(self, instance: BackgroundTaskInstance) -> None:
        """The system has taken the slots away (another user signed in, quiet hours ended, ...): the channel is dead, and all is
        set up anew."""
        self.sign_out()
        self.app.timeline.add("Reset", reason=instance.trigger_details.reset_reason.name, set_up=self._set_up())
