"""An HTTP proxy (RFC 9110 3.7): requests with a whole URL are passed on, a CONNECT becomes a tunnel. It records as servers do."""

from __future__ import annotations

import http.client
import socket
import threading
from urllib.parse import urlsplit

from rig.net.namespace import Namespace
from rig.peers.connection import quietly
from rig.peers.http import HttpServer
from rig.peers.http_handlers import proxy_refusal
from rig.peers.http_request import HttpHandler, HttpRequest
from rig.timeline import TimelineWriter

HOP_BY_HOP = frozenset({"connection", "proxy-connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"})
"""Of one connection, not of the message (RFC 9110 7.6.1)."""
FOR_THE_PROXY = frozenset({"proxy-authorization", "expect"})
UPSTREAM_LIMIT_S = 10.0
PIECE_BYTES = 65536


class HttpProxy(HttpServer):
    """`credentials`: user and password without which it answers 407. Reaches servers from its own namespace, by address."""

    def __init__(
        self,
        namespace: Namespace,
        address: str,
        timeline: TimelineWriter,
        port: int = 0,
        *,
        credentials: tuple[str, str] | None = None,
    ) -> None:
        self._namespace = namespace
        self._credentials = credentials
        super().__init__(namespace, address, timeline, port)

    def handler_of(self, request: HttpRequest) -> HttpHandler:
        """Paths are the other servers', not ours."""
        return self._pass_on

    def _pass_on(self, request: HttpRequest) -> None:
        if self._credentials is not None and proxy_refusal(*self._credentials, request):
            return
        try:
            if request.method == "CONNECT":
                self._tunnel(request)
            else:
                self._forward(request)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if request.status:
                request.connection.reset()  # the answer has begun: only its end can say that it is none
            else:
                request.respond(502, f"{error}\n".encode())

    # -- requests with a URL -------------------------------------------------------------------------------------------

    def _forward(self, request: HttpRequest) -> None:
        url = urlsplit(request.target)
        if url.scheme != "http" or url.hostname is None:
            request.respond(400, b"this is a proxy: a whole URL, please\n")
            return
        upstream = http.client.HTTPConnection(url.hostname, url.port or 80)
        upstream.sock = sock = self._connected(url.hostname, url.port or 80)
        request.connection.when_closed(lambda: _shut_down(sock))
        try:
            _ask(upstream, request, url.path + (f"?{url.query}" if url.query else "") or "/")
            _answer(request, upstream.getresponse())
        finally:
            sock.close()

    # -- tunnels -------------------------------------------------------------------------------------------------------

    def _tunnel(self, request: HttpRequest) -> None:
        host, _, port = request.target.rpartition(":")
        upstream = self._connected(host.strip("[]"), int(port))

        def to_upstream(data: bytes) -> None:
            if data:
                quietly(lambda: upstream.sendall(data))
            else:
                _shut_down(upstream)

        def from_upstream() -> None:
            with upstream:
                try:
                    while data := upstream.recv(PIECE_BYTES):
                        request.raw(data)
                    request.finish()
                except OSError:
                    quietly(request.reset)

        request.switch(to_upstream)
        threading.Thread(target=from_upstream, name=f"tunnel-{request.number}", daemon=True).start()

    def _connected(self, host: str, port: int) -> socket.socket:
        sock = self._namespace.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.settimeout(UPSTREAM_LIMIT_S)
            sock.connect((host, port))
            sock.settimeout(None)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            sock.close()
            raise
        return sock


def _ask(upstream: http.client.HTTPConnection, request: HttpRequest, target: str) -> None:
    upstream.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
    for name, value in request.headers:
        if name not in HOP_BY_HOP | FOR_THE_PROXY | {"content-length"}:
            upstream.putheader(name, value)
    upstream.putheader("Via", "1.1 bench")
    if request.body or request.header("Content-Length") is not None:
        upstream.putheader("Content-Length", str(len(request.body)))
    upstream.endheaders(request.body or None)


def _answer(request: HttpRequest, response: http.client.HTTPResponse) -> None:
    """Piece by piece, as it comes."""
    headers = [(name, value) for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP]
    request.start(response.status, headers)
    while data := response.read1(PIECE_BYTES):
        request.chunk(data)
    request.end()


def _shut_down(sock: socket.socket) -> None:
    quietly(lambda: sock.shutdown(socket.SHUT_RDWR))
