"""The task of the presence app, in a process of its own, and what it shares with the app: who is here, in the folder of both.

The system has the sockets while the app is suspended. It runs this when something comes on one of them; the task takes the
socket, does its work and gives it back. What it does not give back, it never hears of again.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

from rig.standby.api import (
    ApplicationData,
    BackgroundTaskInstance,
    DatagramSocket,
    DatagramSocketMessageReceivedEventArgs,
    HostError,
    HResult,
    SocketActivityConnectedStandbyAction,
    SocketActivityContext,
    SocketActivityInformation,
    SocketActivityKind,
    SocketActivityTriggerReason,
    StreamSocket,
)

STREAM, DATAGRAMS = "server", "neighbours"
"""Ids of the two sockets, the app's own choice."""
HERE_EVERY = timedelta(minutes=15)
"""How often the server wants to hear of us."""
WAIT_S = 5.0


class Watch:
    """The system makes one for a run, and calls `run`."""

    def run(self, instance: BackgroundTaskInstance) -> None:
        """A deferral first, complete last: the handler of datagrams is called on another thread."""
        deferral = instance.get_deferral()
        try:
            details = instance.trigger_details
            self._serve(details.reason, details.socket_information, instance.task_id)
        except HostError as error:
            if error.hresult is not HResult.ELEMENT_NOT_FOUND:  # else the user came back, and the app was quicker
                raise
        finally:
            deferral.complete()

    def _serve(self, reason: SocketActivityTriggerReason, socket: SocketActivityInformation, task_id: str) -> None:
        """The kind says which accessor has it; from then on it is this process's."""
        if reason is SocketActivityTriggerReason.SOCKET_CLOSED:
            self._connect_again(socket, task_id)
        elif reason is SocketActivityTriggerReason.KEEP_ALIVE_TIMER_EXPIRED:
            stream = socket.stream_socket
            stream.write(b"HERE\n")
            stream.transfer_ownership(socket.id)  # with the context and the time that it had: that begins anew
        elif socket.socket_kind is SocketActivityKind.DATAGRAM_SOCKET:
            hear_neighbours(socket.datagram_socket)
        else:
            stream = socket.stream_socket
            hear_server(stream.read(4096))
            stream.transfer_ownership(socket.id)

    def _connect_again(self, socket: SocketActivityInformation, task_id: str) -> None:
        """Host, port and name came with the socket: no app has to run to know them."""
        if socket.context is None:
            return
        socket.stream_socket.close()
        try:
            stream = connected(socket.context, task_id)
        except OSError:
            return  # the server is down; the user signs in again
        stream.transfer_ownership(socket.id, socket.context, HERE_EVERY)


def connected(context: SocketActivityContext, task_id: str) -> StreamSocket:
    """Enabled before it connects; in connected standby what comes on it wakes the machine. Raises OSError."""
    host, port, name = context.data.decode().split(" ", 2)
    stream = StreamSocket()
    stream.enable_transfer_ownership(task_id, SocketActivityConnectedStandbyAction.WAKE)
    stream.connect(host, int(port))
    stream.write(f"HELLO {name}\n".encode())
    return stream


def hear_neighbours(socket: DatagramSocket) -> None:
    """A datagram socket has nothing to read from: what has come is raised to a handler, as soon as there is one."""
    heard = threading.Event()

    def received(_: DatagramSocket, args: DatagramSocketMessageReceivedEventArgs) -> None:
        hear_neighbour(args)
        heard.set()

    socket.add_message_received(received)
    heard.wait(WAIT_S)
    socket.transfer_ownership(DATAGRAMS)


def hear_neighbour(args: DatagramSocketMessageReceivedEventArgs) -> None:
    """ "Ann" is here, "-Ann" is not any more."""
    words = args.data.decode(errors="replace")
    _change(words.removeprefix("-"), here=not words.startswith("-"))


def hear_server(data: bytes) -> bool:
    """Lines "+Ann" and "-Ann". One may come in two pieces: what is left waits in a file. False: the server has closed."""
    rest = _folder() / "rest"
    *lines, left = ((rest.read_bytes() if rest.exists() else b"") + data).split(b"\n")
    rest.write_bytes(left)
    for line in lines:
        words = line.decode(errors="replace")
        _change(words[1:], here=words.startswith("+"))
    return bool(data)


def who_is_here() -> list[str]:
    """As all processes of the app have heard it."""
    return sorted(file.name.removeprefix("here-") for file in _folder().glob("here-*"))


def _change(name: str, *, here: bool) -> None:
    """A file for each: two tasks may run at the same time, in two processes."""
    file = _folder() / f"here-{name.replace('/', '-')}"
    if here:
        file.touch()
    else:
        file.unlink(missing_ok=True)


def _folder() -> Path:
    return ApplicationData.local_folder()
