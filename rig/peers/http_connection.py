"""One connection of an HTTP server: bytes become requests (h11), answers become bytes, each when a test says so."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import h11

from rig.peers.connection import Connection, quietly
from rig.peers.secured import SecuredStream
from rig.timeline import TimelineWriter


class Serving(Protocol):
    """What a connection needs of its server. Called on the connection's thread, or a request's."""

    def accepted(self, connection: HttpConnection) -> None:
        """Before the first byte, and before a TLS handshake."""

    def begin(self, connection: HttpConnection, request: h11.Request) -> Callable[[bytes], None]:
        """The head of a request is there; what it returns gets the body when that is whole, on a thread of its own."""


class HttpConnection(Connection):
    """Reads all the time, also while an answer is awaited: so it knows when the host hangs up."""

    def __init__(
        self, sock: socket.socket, number: int, timeline: TimelineWriter, server: Serving, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(sock, number, timeline, tls)
        self.timeline = timeline
        self.most_body_bytes = sys.maxsize
        """Of a request; what is more is read and not kept."""
        self.closed_ns = 0
        """CLOCK_MONOTONIC when the host's FIN or RST was seen."""
        self._server = server
        self._http = h11.Connection(h11.SERVER)
        self._lock = threading.RLock()
        """For the protocol object and the order of what is sent."""
        self._whole: Callable[[bytes], None] | None = None
        """Of the request whose body comes, into `_body`."""
        self._body = bytearray()
        self._sink: Callable[[bytes], None] | None = None
        self._ended_here = False
        self._when_closed: list[Callable[[], None]] = []

    @property
    def client_certificate(self) -> dict[str, Any] | None:
        """As ssl.SSLSocket.getpeercert() has it; None without one, and without TLS."""
        return self.stream.tls.getpeercert() or None if isinstance(self.stream, SecuredStream) else None

    @property
    def tls_error(self) -> ssl.SSLError | None:
        """Why the handshake failed: the host does not trust us, or we do not trust it."""
        return self.stream.error if isinstance(self.stream, SecuredStream) else None

    @property
    def is_pipelined(self) -> bool:
        """More than the request that is not answered yet has come."""
        with self._lock:
            return bool(self._http.trailing_data[0])

    def when_closed(self, call: Callable[[], None]) -> None:
        """Once, on the connection's thread, when it is over, whoever ended it; here and now when it is already."""
        with self._changed:
            if not self.closed_by_peer:
                self._when_closed.append(call)
                return
        call()

    def pause(self, seconds: float) -> bool:
        """Between two pieces of a slow answer. False: the connection is over, and nobody is there to get the next."""
        with self._changed:
            return not self._changed.wait_for(lambda: self.closed_by_peer, seconds)

    # -- sending -------------------------------------------------------------------------------------------------------

    def send(self, *events: h11.Response | h11.Data) -> None:
        """At once: what fits is one segment, as of any server. Raises OSError, h11.LocalProtocolError."""
        with self._lock:
            self.stream.sendall(b"".join(self._http.send(event) or b"" for event in events))

    def send_raw(self, data: bytes) -> None:
        with self._lock:
            self.stream.sendall(data)

    def end_response(self) -> None:
        """Close where HTTP says so, go on with the next request otherwise: it may be here already."""
        with self._lock:
            if last := self._http.send(h11.EndOfMessage()):
                self.stream.sendall(last)
            if self._http.our_state is h11.MUST_CLOSE:
                self._hang_up()
            elif self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
                self._http.start_next_cycle()
                self._take_events()

    def switch(self, answer: h11.Response, sink: Callable[[bytes], None]) -> None:
        with self._lock:
            self.send(answer)
            self._sink = sink
            early, _closed = self._http.trailing_data
            if early:
                sink(early)

    def _end(self, directions: int) -> None:
        self._ended_here = True
        super()._end(directions)

    # -- receiving -----------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        self._server.accepted(self)
        super()._read()

    def _keep(self, data: bytes) -> None:
        if not data:
            self.closed_ns = time.monotonic_ns()

    def _arrived(self, data: bytes) -> None:
        with self._lock:  # the first bytes for a sink come the moment it is said that there is one
            sink = self._sink
            if sink is None and self._http.their_state is not h11.ERROR:
                self._http.receive_data(data)
                self._take_events()
        if sink is not None:
            sink(data)
        if not data:
            self._is_over()

    def _take_events(self) -> None:
        try:
            self._take_what_is_whole()
        except h11.RemoteProtocolError as error:
            self.timeline.add("HTTP_REFUSED", connection=self.number, error=str(error))
            status = error.error_status_hint
            quietly(lambda: self._say_bad_request(status))

    def _take_what_is_whole(self) -> None:
        while True:
            event = self._http.next_event()
            match event:
                case h11.Request():
                    self._whole, self._body = self._server.begin(self, event), bytearray()
                    self._say_go_on()
                case h11.Data():
                    self._body += event.data[: self.most_body_bytes - len(self._body)]
                case h11.EndOfMessage() if self._whole is not None:
                    whole, self._whole = self._whole, None
                    threading.Thread(target=whole, args=(bytes(self._body),), name="http-request", daemon=True).start()
                case _:  # NEED_DATA, PAUSED until the answer is out, ConnectionClosed
                    return

    def _say_go_on(self) -> None:
        """100 Continue, for who waits for it before the body (RFC 9110 10.1.1)."""
        if self._http.they_are_waiting_for_100_continue and not self._ended_here:
            self.stream.sendall(self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")

    def _say_bad_request(self, status: int) -> None:
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            answer = h11.Response(status_code=status, headers=[("Connection", "close"), ("Content-Length", "0")])
            self.stream.sendall((self._http.send(answer) or b"") + (self._http.send(h11.EndOfMessage()) or b""))
        self._hang_up()

    def _hang_up(self) -> None:
        """The host may have been quicker."""
        quietly(self._finish)

    def _is_over(self) -> None:
        if self.tls_error is not None:
            self.timeline.add("HTTP_REFUSED", connection=self.number, error=str(self.tls_error))
        elif not self._ended_here:
            self.timeline.add("HTTP_CLOSED", connection=self.number, reset=self.reset_by_peer)
        with self._changed:
            calls, self._when_closed = self._when_closed, []
        for call in calls:
            call()
        if self.reset_by_peer or self._nothing_owed:
            self.sock.close()

    @property
    def _nothing_owed(self) -> bool:
        """After a FIN the host may still wait for an answer (RFC 9112 9.6)."""
        return self._http.our_state not in (h11.SEND_RESPONSE, h11.SEND_BODY)
