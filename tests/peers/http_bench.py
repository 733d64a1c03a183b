"""An HTTP server in the server namespace of a real network, and clients in the host's."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar

from rig.net.network import Network
from rig.peers.authority import Authority
from rig.peers.http import HttpServer
from rig.peers.http_proxy import HttpProxy
from rig.timeline import Timeline

S = TypeVar("S", bound=HttpServer)


class HttpBench:
    def __init__(self, network: Network, authority: Authority, timeline: Timeline, stack: ExitStack) -> None:
        self.network = network
        self.authority = authority
        self.timeline = timeline
        self._stack = stack

    @property
    def trust(self) -> ssl.SSLContext:
        """A client's, that trusts the authority and nobody else."""
        self.authority.server_pem("any")  # the first certificate writes the file
        return ssl.create_default_context(cafile=str(self.authority.trusted))

    def serve(self, tls: ssl.SSLContext | None = None, *, keep: int | None = None) -> HttpServer:
        return self._opened(lambda *where: HttpServer(*where, tls=tls, keep=keep))

    def proxy(self, credentials: tuple[str, str] | None = None) -> HttpProxy:
        return self._opened(lambda *where: HttpProxy(*where, credentials=credentials))

    def _opened(self, make: Callable[..., S]) -> S:
        server = make(self.network.namespaces["server"], self.network.topology.server.ip4, self.timeline.writer("server"))
        self._stack.enter_context(server)
        return server

    def socket(self, server: HttpServer) -> socket.socket:
        """Of the host, connected to it."""
        sock = self.network.host.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._stack.callback(sock.close)
        sock.settimeout(10)
        sock.connect((server.address, server.port))
        return sock

    def client(self, server: HttpServer) -> http.client.HTTPConnection:
        client = http.client.HTTPConnection(server.address, server.port)
        client.sock = self.socket(server)
        client.auto_open = 0
        self._stack.callback(client.close)
        return client
