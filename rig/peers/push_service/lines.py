"""Where hosts connect: a listener for their lines."""

from __future__ import annotations

import socket
import ssl

from rig.net.namespace import Namespace
from rig.peers.connection import quietly
from rig.peers.listener import Listener
from rig.peers.push_service.host_line import HostLine, Listens
from rig.timeline import TimelineWriter

LINES = 256
"""At a time; one more resets the oldest that has not said hello, or is reset itself."""


class Lines(Listener[HostLine]):
    def __init__(
        self,
        namespace: Namespace,
        address: str,
        timeline: TimelineWriter,
        port: int,
        *,
        tls: ssl.SSLContext | None,
        service: Listens,
    ) -> None:
        self._service = service
        self.accepts = True
        """False: each new one is reset."""
        super().__init__(namespace, address, timeline, port, tls=tls)

    @property
    def alive(self) -> list[HostLine]:
        """That neither side has ended, oldest first."""
        with self._changed:
            return [line for line in self.connections if not line.closed_by_peer and line.sock.fileno() >= 0]

    def _taken(self, sock: socket.socket, number: int) -> HostLine:
        return HostLine(sock, number, self._timeline, self._service, self._tls)

    def _welcome(self, connection: HostLine) -> None:
        self.connections = self.alive
        if not self.accepts:
            quietly(connection.reset)
        elif len(self.connections) > LINES:
            strangers = [line for line in self.connections if not line.host]
            quietly(strangers[0].reset)
