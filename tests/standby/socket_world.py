"""An app with the three kinds of sockets, a server, and a test that is the system to it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rig.standby.wire import app_sockets
from rig.standby.wire.app_sockets import TransferSocket
from rig.standby.wire.descriptors import WithDescriptors
from rig.standby.wire.hresult import HostError, HResult
from rig.standby.wire.socket_enums import SocketActivityConnectedStandbyAction as Action
from rig.standby.wire.socket_enums import SocketActivityKind as Kind
from rig.timeline import Timeline
from tests.standby.app_process import PATIENCE_S, AppProcess, server
from tests.standby.socket_app import TASK

KINDS = {"stream": Kind.STREAM_SOCKET, "datagram": Kind.DATAGRAM_SOCKET, "listener": Kind.STREAM_SOCKET_LISTENER}


class World:
    """An app, a server, and what the app has given to the broker."""

    def __init__(self, app: AppProcess, listener: socket.socket) -> None:
        self.app = app
        self.listener = listener
        self.given: dict[str, socket.socket] = {}
        self.peers: list[socket.socket] = []
        app.answers[TransferSocket] = self._transfer
        app.answers[app_sockets.ListSockets] = self._list
        app.answers[app_sockets.TakeSocket] = self._take

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    def connected(self) -> socket.socket:
        """The server's end of the stream."""
        self.app.ask("connect", socket="stream", port=self.port)
        peer = self.listener.accept()[0]
        peer.settimeout(PATIENCE_S)
        self.peers.append(peer)
        return peer

    def open(self, kind: str) -> int:
        """Enabled and open; its port, or the stream's server's."""
        self.app.ask("enable", socket=kind)
        if kind == "stream":
            self.connected()
            return self.port
        port: int = self.app.ask("bind", socket=kind)
        return port

    def heard(self, words: str) -> None:
        self.app.timeline.wait("Heard", words=words)

    def refused(self, method: str, **arguments: Any) -> HResult:
        with pytest.raises(HostError) as refused:
            self.app.ask(method, **arguments)
        return refused.value.hresult

    def _transfer(self, call: TransferSocket) -> None:
        fd = self.app.brought.take()
        assert fd is not None
        self.given[call.id] = socket.socket(fileno=fd)

    def _list(self, call: app_sockets.ListSockets) -> list[app_sockets.BrokeredSocketInfo]:
        if call.behind:
            return []
        return [app_sockets.BrokeredSocketInfo(name, KINDS[name], TASK, None, 1) for name in self.given]

    def _take(self, call: app_sockets.TakeSocket) -> WithDescriptors:
        taken = app_sockets.TakenSocket(KINDS[call.id], TASK, Action.DO_NOT_WAKE, None, 0, 1)
        return WithDescriptors(taken, [self.given[call.id].fileno()])


@contextmanager
def app_and_server(tmp_path: Path) -> Iterator[World]:
    timeline = Timeline(tmp_path / "timeline.jsonl")
    with AppProcess(timeline, "socket_app:SocketApp") as app, server() as listener:
        world = World(app, listener)
        yield world
        for sock in (*world.given.values(), *world.peers):
            sock.close()
    timeline.close()


def udp() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(PATIENCE_S)
    return sock
