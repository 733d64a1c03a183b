"""Presence: who is here, as a server and the neighbours tell it, also while the app does not run.

The app has two sockets: a stream to the server, and a datagram socket that neighbours announce themselves to. While the user
looks at it, it reads them itself. When it is suspended it gives both to the system, and the task in presence_tasks.py serves
them, in a process of its own; when it goes on it takes them back.
"""

from __future__ import annotations

from collections.abc import Callable

from rig.standby.api import (
    App,
    BackgroundExecutionManager,
    BackgroundTaskBuilder,
    BackgroundTaskRegistration,
    CoreApplication,
    DatagramSocket,
    DatagramSocketMessageReceivedEventArgs,
    HostError,
    ReadOperation,
    SocketActivityContext,
    SocketActivityInformation,
    SocketActivityTrigger,
    StreamSocket,
    SuspendingOperation,
)
from rig.suite.apps.presence_tasks import DATAGRAMS, HERE_EVERY, STREAM, connected, hear_neighbour, hear_server, who_is_here

TASK, WATCH = "watch", "rig.suite.apps.presence_tasks.Watch"
"""presence.toml declares the class, without an executable: it has a process of its own."""


class Presence:
    """The system makes one in each process of the app."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._stream: StreamSocket | None = None
        self._neighbours: DatagramSocket | None = None
        self._context = SocketActivityContext(b"")
        CoreApplication.add_suspending(self._suspending)
        CoreApplication.add_resuming(self._take_back)
        self._take_back()  # of an instance before this one, that was ended

    # -- what the user does --------------------------------------------------------------------------------------------

    def sign_in(self, host: str, port: int, name: str) -> int:
        """The port that neighbours announce themselves to; 0: the user allows nothing in the background."""
        if not BackgroundExecutionManager.request_access().allowed:
            return 0
        task_id = self._task_id()
        self._context = SocketActivityContext(f"{host} {port} {name}".encode())
        self._stream = connected(self._context, task_id)
        self._read_next()
        self._neighbours = DatagramSocket()
        self._neighbours.enable_transfer_ownership(task_id)
        self._neighbours.add_message_received(self._announced)
        self._neighbours.bind()
        return self._neighbours.local_port

    def who_is_here(self) -> list[str]:
        return who_is_here()

    def sign_out(self) -> None:
        for task in BackgroundTaskRegistration.all_tasks().values():
            task.unregister(cancel_task=True)
        for socket in (self._stream, self._neighbours):
            if socket is not None:
                socket.close()
        self._stream = self._neighbours = None

    def _task_id(self) -> str:
        """Registered once: registered twice runs twice."""
        there = {task.name: task_id for task_id, task in BackgroundTaskRegistration.all_tasks().items()}
        return there.get(TASK) or BackgroundTaskBuilder(TASK, WATCH, SocketActivityTrigger()).register().task_id

    # -- while the user looks at it ------------------------------------------------------------------------------------

    def _read_next(self) -> None:
        if self._stream is not None:
            self._stream.read_async(4096, self._read)

    def _read(self, read: ReadOperation) -> None:
        """Also called when the read was cancelled, as the socket is about to be given away."""
        try:
            if hear_server(read.get_results()):
                self._read_next()
        except (OSError, HostError) as error:
            self.app.timeline.add("Presence reads no more", why=str(error))
        else:
            self.app.timeline.add("Presence heard", who=who_is_here())

    def _announced(self, socket: DatagramSocket, args: DatagramSocketMessageReceivedEventArgs) -> None:
        hear_neighbour(args)
        self.app.timeline.add("Presence heard", who=who_is_here())

    # -- suspended, and going on ---------------------------------------------------------------------------------------

    def _suspending(self, operation: SuspendingOperation) -> None:
        """Nothing may wait on a stream that is given away, so its read is cancelled first. What came meanwhile goes along."""
        stream, neighbours = self._stream, self._neighbours
        self._stream = self._neighbours = None
        if stream is not None:
            stream.cancel_io()
            self._try(lambda: stream.transfer_ownership(STREAM, self._context, HERE_EVERY))
        if neighbours is not None:
            self._try(lambda: neighbours.transfer_ownership(DATAGRAMS))

    def _take_back(self) -> None:
        """What the system has of them. One that a task has just now it serves, and gives back to the system: until the app is
        suspended the next time, tasks serve it."""
        there = SocketActivityInformation.all_sockets()
        if STREAM in there:
            self._try(lambda: self._take_stream(there[STREAM]))
        if DATAGRAMS in there:
            self._try(lambda: self._take_neighbours(there[DATAGRAMS]))

    def _take_stream(self, information: SocketActivityInformation) -> None:
        self._context = information.context or self._context
        self._stream = information.stream_socket
        self._read_next()

    def _take_neighbours(self, information: SocketActivityInformation) -> None:
        self._neighbours = information.datagram_socket
        self._neighbours.add_message_received(self._announced)

    def _try(self, hand_over: Callable[[], None]) -> None:
        """A server that has just closed, a task that was quicker: nothing that ends the app."""
        try:
            hand_over()
        except (OSError, HostError) as error:
            self.app.timeline.add("Presence lost a socket", why=str(error))
