"""Chat: a WebSocket keeps the app reachable, and the system keeps the WebSocket alive.

One text message of the WebSocket is one line of the chat. The keep-alive task is the system's own class, named here and in
chat.xml: a ping leaves every 15 minutes and no code of this app runs for it. When the server closes, or the network comes back,
the channel is set up anew by the same helper that set it up first.
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
    SystemCondition,
    SystemConditionType,
    SystemTrigger,
    SystemTriggerType,
)
from rig.standby.api.websockets import (
    WEB_SOCKET_KEEP_ALIVE,
    Closed,
    MessageWebSocket,
    MessageWebSocketMessageReceivedEventArgs,
    WebSocket,
)

CHANNEL, KEEP_ALIVE_MINUTES = "chat", 15


class Chat:
    """The system makes one in each process of the app; the user's actions are its public methods."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._set_up = threading.Lock()
        """Held by the helper: the user, a push task and a network task may all want the channel at once."""
        self._lock = threading.Lock()
        """For what follows. Messages arrive on one thread, tasks run on others, the user has a third."""
        self._uri = ""
        self._socket: MessageWebSocket | None = None
        self._inbox: list[str] = []
        self._lines: list[str] = []
        self._broken = False
        app.entry_points["Chat.Push"] = self._push
        app.entry_points["Chat.Network"] = self._network

    # -- what the user does --------------------------------------------------------------------------------------------

    def join(self, uri: str) -> bool:
        """Whether lines will arrive from now on. `uri`: ws://... or wss://..."""
        if not BackgroundExecutionManager.request_access().allowed:
            return False
        self._uri = uri
        if "network" not in {task.name for task in BackgroundTaskRegistration.all_tasks().values()}:
            network = BackgroundTaskBuilder("network", "Chat.Network", SystemTrigger(SystemTriggerType.NETWORK_STATE_CHANGE))
            network.add_condition(SystemCondition(SystemConditionType.INTERNET_AVAILABLE))
            network.register()
        return self._register()

    def say(self, line: str) -> None:
        with self._lock:
            socket = self._socket
        if socket is not None:
            socket.send(line.encode())

    def lines(self) -> list[str]:
        with self._lock:
            return list(self._lines)

    def leave(self) -> None:
        """The closing handshake of the WebSocket; the slot is free."""
        with self._set_up:
            self._take_down()
            self._uri = ""

    # -- the helper: one blocking unit, true or false ------------------------------------------------------------------

    def _register(self) -> bool:
        """Tasks, bind, connect, wait: whether all of it is done. False: nothing is left of it, and the slot is free."""
        with self._set_up:
            self._take_down()
            try:
                done = self._registered()
            except (HostError, OSError) as error:
                self.app.timeline.add("Not connected", error=str(error))
                done = False
            if not done:
                self._take_down()
            return done

    def _registered(self) -> bool:
        """The order of the steps is the platform's. What a MessageWebSocket receives needs no posted read; its handlers come
        before it connects."""
        channel = ControlChannelTrigger(CHANNEL, KEEP_ALIVE_MINUTES, ControlChannelTriggerResourceType.REQUEST_HARDWARE_SLOT)
        BackgroundTaskBuilder("keep-alive", WEB_SOCKET_KEEP_ALIVE, channel.keep_alive_trigger).register()
        BackgroundTaskBuilder("push", "Chat.Push", channel.push_notification_trigger).register()
        socket = MessageWebSocket()
        socket.add_message_received(self._message_received)
        socket.add_closed(self._closed)
        channel.using_transport(socket)
        socket.connect(self._uri)
        with self._lock:
            self._socket, self._broken = socket, False
        return channel.wait_for_push_enabled().allocated

    def _take_down(self) -> None:
        """Closing the channel closes its WebSocket."""
        with self._lock:
            self._socket = None
        channel = ControlChannelTrigger.by_id(CHANNEL)
        if channel is not None:
            channel.close()

    # -- what comes ----------------------------------------------------------------------------------------------------

    def _message_received(self, socket: WebSocket, args: MessageWebSocketMessageReceivedEventArgs) -> None:
        """Queue it; the push task, which follows, does the work. A connection that broke shows when the reader is fetched."""
        try:
            reader = args.get_data_reader()
        except OSError:
            self._lost(socket)
            return
        with self._lock:
            self._inbox.append(reader.read_string(reader.unconsumed_buffer_length))

    def _closed(self, socket: WebSocket, closed: Closed) -> None:
        self.app.timeline.add("Closed", code=closed.code, reason=closed.reason)
        self._lost(socket)

    def _lost(self, socket: WebSocket) -> None:
        with self._lock:
            self._broken = self._broken or socket is self._socket

    def _push(self, instance: BackgroundTaskInstance) -> None:
        """Something came: lines, or the end of the connection. In standby the machine is awake for this run alone."""
        with self._lock:
            new, self._inbox = self._inbox, []
            self._lines += new
            broken, self._broken = self._broken, False
        for line in new:
            self.app.timeline.add("Line", text=line)
        if broken:
            self.app.timeline.add("Rejoined", connected=self._register())

    def _network(self, instance: BackgroundTaskInstance) -> None:
        """The network is another one, or is back: what was connected over the old one is of no use."""
        if self._uri:
            self.app.timeline.add("Rejoined", connected=self._register())
