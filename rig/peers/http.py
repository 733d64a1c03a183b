"""An HTTP/1.1 server that a test scripts: real sockets of the server's kernel, an answer when and as the test says.

    with bench.peers.http_server() as web:
        web.on("/config", answer(b"{}"))
        web.on("/poll", hold)
        ...
        poll = web.request(0, path="/poll")    # waits until it is there
        poll.respond(200, b"news")

rig.peers.http_handlers has the ready-made handlers.
"""

from __future__ import annotations

import socket
import ssl
from collections import deque
from collections.abc import Callable

import h11

from rig.clock import WAIT_S, Deadline
from rig.host_port import host_and_port
from rig.net.namespace import Namespace
from rig.peers.http_connection import HttpConnection
from rig.peers.http_request import HttpHandler, HttpRequest
from rig.peers.listener import Listener
from rig.timeline import TimelineWriter


def not_found(request: HttpRequest) -> None:
    """What the server does with a path that nobody gave a handler."""
    request.respond(404, b"no such path\n")


class HttpServer(Listener[HttpConnection]):
    """Listens on an address of its namespace, records what it is asked. Context manager. Any thread may call."""

    def __init__(
        self,
        namespace: Namespace,
        address: str,
        timeline: TimelineWriter,
        port: int = 0,
        *,
        tls: ssl.SSLContext | None = None,
        default: HttpHandler = not_found,
        keep: int | None = None,
    ) -> None:
        """`tls`: a server's context; one that asks for client certificates shows them at the connection. `keep`: so many of the
        newest requests; None: all of them."""
        self.default = default
        """For paths without a handler."""
        self.on_accept: Callable[[HttpConnection], None] = lambda _connection: None
        """Before the first byte is read, and before a TLS handshake: may reset the connection, or keep it waiting."""
        self.on_head: Callable[[HttpRequest], None] = lambda _request: None
        """Before any of its body is read: may answer early, reset the connection, or stop reading."""
        self._requests: deque[HttpRequest] = deque(maxlen=keep)
        self._begun = 0
        self._handlers: dict[str, HttpHandler] = {}
        super().__init__(namespace, address, timeline, port, tls=tls)

    def url(self, path: str = "/", *, host: str | None = None) -> str:
        """`host`: another name for it than its address."""
        return f"{'https' if self._tls else 'http'}://{host_and_port(host or self.address, self.port)}{path}"

    def on(self, path: str, handler: HttpHandler) -> None:
        """What to do with requests of that path, whatever their query; a second call replaces the first, for requests to come."""
        self._handlers[path] = handler

    # -- what came -----------------------------------------------------------------------------------------------------

    def requests(self, path: str | None = None) -> list[HttpRequest]:
        """So far, in the order of their heads: of that path, or all."""
        with self._changed:
            return [request for request in self._requests if path is None or request.path == path]

    def request(self, number: int = -1, *, path: str | None = None, timeout_s: float = WAIT_S) -> HttpRequest:
        """The `number`-th (from 0) of that path, or of all; the newest by default. Waits until its head is there."""
        wanted = 1 if number < 0 else number + 1
        deadline = Deadline(timeout_s)
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests(path)) >= wanted, deadline.remaining_s):
                came = [f"{request.method} {request.target}" for request in self._requests]
                raise AssertionError(f"{wanted} requests of {path or 'any path'} did not come within {timeout_s} s, but {came}")
            return self.requests(path)[number]

    @property
    def open_connections(self) -> list[HttpConnection]:
        """That the host has not closed."""
        with self._changed:
            return [connection for connection in self.connections if not connection.closed_by_peer]

    # -- Serving, for its connections ----------------------------------------------------------------------------------

    def accepted(self, connection: HttpConnection) -> None:
        self.on_accept(connection)

    def begin(self, connection: HttpConnection, request: h11.Request) -> Callable[[bytes], None]:
        with self._changed:
            begun = HttpRequest(connection, self._begun, request)
            self._begun += 1
            # before anybody can see it: a test that has seen the request may give its path another handler
            on_head, handler = self.on_head, self.handler_of(begun)
            where = {"connection": connection.number, "request": begun.number}
            self._timeline.add("HTTP_REQUEST", **where, method=begun.method, target=begun.target)
            self._requests.append(begun)
            self._changed.notify_all()
        on_head(begun)
        return lambda body: self._is_whole(begun, body, handler)

    def _is_whole(self, request: HttpRequest, body: bytes, handler: HttpHandler) -> None:
        request.body = body
        try:
            _handle(request, handler)
        except (OSError, h11.LocalProtocolError) as error:  # the host is gone, or the test has ended the connection
            where = {"connection": request.connection.number, "request": request.number}
            self._timeline.add("HTTP_UNANSWERED", **where, error=str(error))

    def handler_of(self, request: HttpRequest) -> HttpHandler:
        """Asked once, when the head is there."""
        return self._handlers.get(request.path, self.default)

    def _taken(self, sock: socket.socket, number: int) -> HttpConnection:
        return HttpConnection(sock, number, self._timeline, self, self._tls)


def _handle(request: HttpRequest, handler: Callable[[HttpRequest], object]) -> None:
    """Raises what a handler raises, and TypeError for one that returns a body as if that were an answer."""
    returned = handler(request)
    if isinstance(returned, (bytes, str)):
        raise TypeError(f"the handler of {request.path} returns a body and answers nothing: request.respond(200, body) does")
