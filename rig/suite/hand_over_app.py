"""The app of hand-overs: sockets of all three kinds, given in a handler of suspending or by a task, and taken again."""

from __future__ import annotations

import queue
import threading
from datetime import timedelta
from importlib import import_module
from typing import Any

from rig.standby.api import (
    App,
    BackgroundTaskBuilder,
    BackgroundTaskInstance,
    CoreApplication,
    DatagramSocket,
    DatagramSocketMessageReceivedEventArgs,
    ReadOperation,
    SocketActivityConnectedStandbyAction,
    SocketActivityContext,
    SocketActivityInformation,
    SocketActivityTrigger,
    SocketActivityTriggerReason,
    StreamSocket,
    StreamSocketListener,
    StreamSocketListenerConnectionReceivedEventArgs,
    SuspendingDeferral,
    SuspendingOperation,
)
from rig.suite.broker_app import BrokerApp, Serves, keep, read_some, tell, told

WAIT_S = 10.0
LATE_S = 5.0
"""From the end of a run to work that nobody waits for: longer than a busy machine takes to end the run's process."""


class HandsOver(Serves):
    """A branch for each reason; the deferral that is taken first is complete last (SAT-019)."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        if instance.trigger_details.reason is SocketActivityTriggerReason.CONNECTION_ACCEPTED:
            deferral = instance.get_deferral()
            self.connections(told(instance).socket_information)
            deferral.complete()
        else:
            super().run(instance)

    def data(self, information: SocketActivityInformation) -> None:
        if information.socket_kind.name == "DATAGRAM_SOCKET":
            self.datagrams(information)
        else:
            super().data(information)

    def datagrams(self, information: SocketActivityInformation) -> None:
        """The first, and what is raised before the socket is the broker's again."""
        sock, came = information.datagram_socket, threading.Event()

        def received(_: DatagramSocket, args: DatagramSocketMessageReceivedEventArgs) -> None:
            tell("datagram", data=args.data.decode(), source=[args.remote_address, args.remote_port])
            came.set()

        sock.add_message_received(received)
        came.wait(WAIT_S)
        sock.transfer_ownership(information.id)

    def connections(self, information: SocketActivityInformation) -> None:
        """One: it says hello, and its listener is the broker's again."""
        listener, came = information.stream_socket_listener, queue.SimpleQueue[StreamSocket]()

        def received(_: StreamSocketListener, args: StreamSocketListenerConnectionReceivedEventArgs) -> None:
            came.put(args.socket)

        listener.add_connection_received(received)
        came.get(timeout=WAIT_S).write(b"hello")
        listener.transfer_ownership(information.id)


class Attaches(HandsOver):
    """No handler: it takes the datagram socket, and nothing comes of it."""

    def datagrams(self, information: SocketActivityInformation) -> None:
        sock = information.datagram_socket
        tell("attached-none", attributes=[name for name in ("input_stream", "read", "read_async") if hasattr(sock, name)])


class Hasty(HandsOver):
    """No deferral: its run is over before what it has begun."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        information = instance.trigger_details.socket_information
        stream = information.stream_socket
        keep(information.id, read_some(stream))
        late = threading.Timer(LATE_S, lambda: stream.transfer_ownership(information.id))
        late.daemon = True
        late.start()


TASKS: dict[str, type[HandsOver]] = {task.__name__: task for task in (HandsOver, Attaches, Hasty)}


class HandOverApp(BrokerApp):
    """Sockets go by the name of their kind, under which the broker has them too."""

    def __init__(self, app: App) -> None:
        super().__init__(app)
        self.held: dict[str, Any] = {}
        self._let_go = threading.Event()
        self._posted: ReadOperation | None = None

    def on_background_activated(self, instance: BackgroundTaskInstance) -> None:
        TASKS[instance.task_name]().run(instance)

    def register(self, task: str = "HandsOver", *, own_process: bool = True) -> str:
        entry = f"{__name__}.{task}" if own_process else None
        return BackgroundTaskBuilder(task, entry, SocketActivityTrigger()).register().task_id

    # -- sockets of all kinds ------------------------------------------------------------------------------------------

    def open(self, kind: str, task_id: str = "", host: str = "", port: int = 0, action: str = "DO_NOT_WAKE") -> int:
        """Enabled for the task if there is one, then connected (a stream, by a host) or bound; returns its port."""
        socket: Any = {"stream": StreamSocket, "datagram": DatagramSocket, "listener": StreamSocketListener}[kind]()
        if kind == "datagram":
            socket.add_message_received(self._datagram)
        if task_id:
            socket.enable_transfer_ownership(task_id, SocketActivityConnectedStandbyAction[action])
        if kind == "stream":
            socket.connect(host, port)
        else:
            socket.bind(port)
        self.held[kind] = socket
        return 0 if kind == "stream" else int(socket.local_port)

    def give_it(self, kind: str, context: str | None = None, minutes: int | None = None) -> None:
        """With as many arguments as are there (SAT-010)."""
        more: list[Any] = [SocketActivityContext(context.encode())] if context is not None else []
        more += [timedelta(minutes=minutes)] if minutes is not None else []
        self.held[kind].transfer_ownership(kind, *more)

    def offer(self, module: str, name: str) -> None:
        """An object of a class that is none of the broker's (SAT-001)."""
        getattr(import_module(module), name).transfer_ownership(None, "offered")

    def use(self, kind: str, call: str) -> None:
        socket = self.held[kind]
        match call:
            case "write":
                socket.write(b"late")
            case "read":
                socket.read_async(1, lambda _: None)
            case "send":
                socket.send_to(b"late", "127.0.0.1", 9)
            case "bind":
                socket.bind(0)

    def send_to(self, data: str, host: str, port: int) -> None:
        self.held["datagram"].send_to(data.encode(), host, port)

    def _datagram(self, _: DatagramSocket, args: DatagramSocketMessageReceivedEventArgs) -> None:
        tell("datagram", data=args.data.decode(), source=[args.remote_address, args.remote_port])

    # -- I/O that waits ------------------------------------------------------------------------------------------------

    def post(self, slowly: bool = False) -> None:
        """A read; `slowly`: its handler waits to be let go."""

        def completed(operation: ReadOperation) -> None:
            tell("read-over", status=operation.status.name, data=operation.data.decode())
            if slowly:
                self._let_go.wait(WAIT_S)
                tell("handler-returns")

        self._posted = self.held["stream"].read_async(100, completed)

    def write_and_cancel(self, count: int) -> str:
        """`count` bytes, all handed to the kernel; what waits is cancelled at once. The posted read's status after that."""
        stream: StreamSocket = self.held["stream"]
        stream.write(bytes(index % 251 for index in range(count)))
        stream.cancel_io()
        return self._posted.status.name if self._posted is not None else ""

    def cancel_io(self, kind: str) -> None:
        self.held[kind].cancel_io()

    def let_go(self) -> None:
        self._let_go.set()

    # -- suspending and resuming ---------------------------------------------------------------------------------------

    def give_when_suspended(self, deferred: bool = True) -> None:
        """All that it holds, each time; on resuming it has them again. `deferred`: on a thread of its own, which the system
        waits for."""

        def suspending(operation: SuspendingOperation) -> None:
            deferral = operation.get_deferral()
            threading.Thread(target=give, args=(deferral,)).start()

        def give(deferral: SuspendingDeferral) -> None:
            self._give_all()
            deferral.complete()

        def suspending_at_once(_: SuspendingOperation) -> None:
            self._give_all()

        CoreApplication.add_suspending(suspending if deferred else suspending_at_once)
        CoreApplication.add_resuming(self._take_all)

    def never_complete(self) -> None:
        def suspending(operation: SuspendingOperation) -> None:
            operation.get_deferral()

        CoreApplication.add_suspending(suspending)

    def _give_all(self) -> None:
        for kind, socket in self.held.items():
            socket.cancel_io()
            socket.transfer_ownership(kind)

    def _take_all(self) -> None:
        there = SocketActivityInformation.all_sockets()
        accessors = {"stream": "stream_socket", "datagram": "datagram_socket", "listener": "stream_socket_listener"}
        for kind in self.held:
            if kind in there:
                self.held[kind] = getattr(there[kind], accessors[kind])
        tell("taken-back", kinds=sorted(set(self.held) & set(there)))
