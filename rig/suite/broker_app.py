"""The app under test of the socket broker: it gives sockets away, and its tasks take them, read, and give them back.

A task is a class for a process of its own, and the same class runs in the app's. What it has read stands in a file of the app's,
and on the timeline: the next one may be in another process.
"""

from __future__ import annotations

import hashlib
import json
import queue
from datetime import timedelta
from typing import Any, ClassVar

from rig.standby.api import (
    App,
    ApplicationData,
    AsyncStatus,
    BackgroundExecutionManager,
    BackgroundTaskBuilder,
    BackgroundTaskInstance,
    SocketActivityConnectedStandbyAction,
    SocketActivityContext,
    SocketActivityInformation,
    SocketActivityTrigger,
    SocketActivityTriggerDetails,
    SocketActivityTriggerReason,
    StreamSocket,
)
from rig.standby.api.session import current

READ_S = 10.0
PIECE_BYTES = 65_536
SERVER = "server"
"""Where to connect to anew, in the app's folder."""


def read_some(stream: StreamSocket, count: int = PIECE_BYTES) -> bytes:
    """What there is; b"" at the end."""
    done: queue.SimpleQueue[Any] = queue.SimpleQueue()
    stream.read_async(count, done.put)
    read = done.get(timeout=READ_S)
    assert read.status is AsyncStatus.COMPLETED, read.status
    data: bytes = read.get_results()
    return data


class Serves:
    """As the documents have it: each reason has its branch, and the socket is the broker's again at the end."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        deferral = instance.get_deferral()
        details = told(instance)
        information = details.socket_information
        match details.reason:
            case SocketActivityTriggerReason.SOCKET_ACTIVITY:
                self.data(information)
            case SocketActivityTriggerReason.KEEP_ALIVE_TIMER_EXPIRED:
                self.expired(information)
            case SocketActivityTriggerReason.SOCKET_CLOSED:
                self.closed(information, instance.task_id)
        deferral.complete()

    def expired(self, information: SocketActivityInformation) -> None:
        stream = information.stream_socket
        stream.write(b"alive")
        stream.transfer_ownership(information.id)

    def data(self, information: SocketActivityInformation) -> None:
        stream = information.stream_socket
        keep(information.id, read_some(stream))
        stream.transfer_ownership(information.id)

    def closed(self, information: SocketActivityInformation, task_id: str) -> None:
        """To the same server, if the app has said which (SAT-017)."""
        server = ApplicationData.local_folder() / SERVER
        if server.exists():
            stream = StreamSocket()
            stream.enable_transfer_ownership(task_id, SocketActivityConnectedStandbyAction.WAKE)
            stream.connect(*json.loads(server.read_text()))
            information.stream_socket.close()
            stream.transfer_ownership(information.id, information.context)


class Keeps(Serves):
    """The socket, for itself."""

    kept: ClassVar[dict[str, StreamSocket]] = {}

    def data(self, information: SocketActivityInformation) -> None:
        stream = self.kept[information.id] = information.stream_socket
        keep(information.id, read_some(stream))


class Ignores(Serves):
    """The socket."""

    def expired(self, information: SocketActivityInformation) -> None:
        pass

    def data(self, information: SocketActivityInformation) -> None:
        pass


TASKS: dict[str, type[Serves]] = {task.__name__: task for task in (Serves, Keeps, Ignores)}


def told(instance: BackgroundTaskInstance) -> SocketActivityTriggerDetails:
    """What a run is for; its test hears of it."""
    details = instance.trigger_details
    assert isinstance(details, SocketActivityTriggerDetails)
    information = details.socket_information
    context = information.context.data.decode() if information.context is not None else None
    what = {"id": information.id, "kind": int(information.socket_kind), "task_id": information.task_id, "context": context}
    tell("socket-task", reason=int(details.reason), **what)
    return details


def keep(socket_id: str, data: bytes) -> None:
    """What was read, behind what was read before."""
    with (ApplicationData.local_folder() / f"read-{socket_id}").open("ab") as file:
        file.write(data)
    tell("socket-read", id=socket_id, bytes=len(data))


def tell(event: str, **detail: Any) -> None:
    app = current()
    app.timeline.add(event, app=app.name, process=app.instance, **detail)


class BrokerApp:
    """Public methods are for tests. `name` is the test's word for a socket that the app has in its hands."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._sockets: dict[str, StreamSocket] = {}

    def on_background_activated(self, instance: BackgroundTaskInstance) -> None:
        TASKS[instance.task_name]().run(instance)

    def request_access(self) -> None:
        BackgroundExecutionManager.request_access()

    def register(self, task: str = "Serves", *, own_process: bool = True) -> str:
        """The task's id."""
        entry = f"{__name__}.{task}" if own_process else None
        builder = BackgroundTaskBuilder(task, entry, SocketActivityTrigger())
        return builder.register().task_id

    def remember_server(self, host: str, port: int) -> None:
        (ApplicationData.local_folder() / SERVER).write_text(json.dumps([host, port]))

    # -- one step of a socket at a time --------------------------------------------------------------------------------

    def make(self, name: str) -> None:
        self._sockets[name] = StreamSocket()

    def enable(self, name: str, task_id: str, action: str = "") -> None:
        """`action`: "" for the form without one."""
        actions = [SocketActivityConnectedStandbyAction[action]] if action else []
        self._sockets[name].enable_transfer_ownership(task_id, *actions)

    def connect(self, name: str, host: str, port: int) -> None:
        self._sockets[name].connect(host, port)
        tell("socket-connected", name=name)

    def set_option(self, name: str, level: int, option: int, value: int) -> None:
        self._sockets[name].set_option(level, option, value)

    def transfer(self, name: str, socket_id: str, context: str | None = None, keep_alive_minutes: float | None = None) -> None:
        given = SocketActivityContext(context.encode()) if context is not None else None
        time = timedelta(minutes=keep_alive_minutes) if keep_alive_minutes is not None else None
        self._sockets[name].transfer_ownership(socket_id, given, time)

    def give(self, name: str, host: str, port: int, task_id: str, action: str = "", **options: Any) -> None:
        """All of it, in order; the broker knows it under its name."""
        self.make(name)
        self.enable(name, task_id, action)
        self.connect(name, host, port)
        self.transfer(name, name, **options)

    def give_back_kept(self, socket_id: str) -> None:
        """What `Keeps` has kept in this process."""
        Keeps.kept.pop(socket_id).transfer_ownership(socket_id)

    def write(self, name: str, data: bytes) -> None:
        self._sockets[name].write(data)

    def read(self, name: str, count: int = PIECE_BYTES) -> bytes:
        return read_some(self._sockets[name], count)

    def close(self, name: str) -> None:
        self._sockets.pop(name).close()

    # -- what the broker has -------------------------------------------------------------------------------------------

    def all_sockets(self) -> dict[str, list[Any]]:
        """Kind, task id and context of each."""
        return {
            socket_id: [int(info.socket_kind), info.task_id, info.context.data.decode() if info.context is not None else None]
            for socket_id, info in SocketActivityInformation.all_sockets().items()
        }

    def take(self, socket_id: str, accessor: str = "stream_socket") -> None:
        """Of all sockets; it is under its id then."""
        self._sockets[socket_id] = getattr(SocketActivityInformation.all_sockets()[socket_id], accessor)

    # -- what its tasks have read --------------------------------------------------------------------------------------

    def kept(self, socket_id: str) -> bytes:
        file = ApplicationData.local_folder() / f"read-{socket_id}"
        return file.read_bytes() if file.exists() else b""

    def digest(self, socket_id: str) -> str:
        """SHA-256 of it."""
        return hashlib.sha256(self.kept(socket_id)).hexdigest()
