"""The connection that an HTTP request goes out on: a transport, so that a channel may be bound to it.

A request that is bound to a channel connects when it is sent, while the app waits for the channel (CHC-003): `begin` connects on
a thread of its own, `settled` waits for that. Its push task waits for nothing but the channel's own set-up (CHC-006): what comes
before `push_enabled` is told then.
"""

from __future__ import annotations

import select
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from rig.clock import Deadline
from rig.standby.api import session
from rig.standby.api.byte_stream import ByteStream
from rig.standby.api.http.credentials import Credentials
from rig.standby.api.http.errors import HttpError, ProxyRefused
from rig.standby.api.http.exchange import Exchange, Limits
from rig.standby.api.http.outgoing import Outgoing, Proxy, tunnel
from rig.standby.api.http.response_read import PART_BYTES, ResponseRead, Until
from rig.standby.api.http.uri import HttpUri
from rig.standby.api.stream_transport import StreamTransport, protect
from rig.standby.wire.from_app import DataDispatched
from rig.standby.wire.hresult import HostError, HResult

CONNECT_S = 10.0
"""For the connection, with the tunnel and TLS."""
SENT_S = 1.0
"""A server that does not read does not keep the app from its status (CHC-003)."""

Completed: TypeAlias = Callable[[ResponseRead], None]


class HttpConnection(StreamTransport):
    """To an origin, or to the proxy before it. One exchange at a time, with one read of its response posted at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.proxy: Proxy | None = None
        self.client_certificate: Path | None = None
        """A file with key and certificate for who asks for one in TLS."""
        self.any_certificate = False
        """Any server's will do."""
        self._uri: HttpUri | None = None
        """Of the origin: set before it connects."""
        self._begun = self._given_up = False
        self._over, self._sent = threading.Event(), threading.Event()
        """`begin` has connected, or never will; what it called then has returned: the request is the kernel's."""
        self._error: BaseException | None = None
        """Why it has not."""
        self._writing: Exchange | None = None
        self._push = threading.Lock()
        self._push_enabled = self._has_dispatched = self._finished = False

    # -- connecting ----------------------------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Too late to bind it, also while it connects (CCT-012)."""
        return self._begun or super().connected

    def open(self, uri: HttpUri, *, timeout_s: float = CONNECT_S) -> None:
        """Connect, through the proxy if there is one. Raises as StreamSocket.connect, ProxyRefused, HostError CANCELLED when it
        was closed meanwhile."""
        self._uri = uri
        way = (self.proxy.host, self.proxy.port) if self.proxy is not None else (uri.host, uri.port)
        self._connect(*way, timeout_s)
        if self._given_up:
            super().close()
            raise self._cancelled()

    def _cancelled(self) -> HostError:
        """What is the matter, whatever else went wrong because of it: the system refuses a channel that is closed."""
        return HostError(HResult.CANCELLED, f"connection {self.socket_id} was closed while it connected")

    def begin(self, uri: HttpUri, connected: Callable[[], None], failed: Callable[[BaseException], None]) -> None:
        """Connect without waiting for it; then one of the two is called, on a thread of its own. Raises HostError
        ILLEGAL_METHOD_CALL for one that was begun, or closed."""
        with self._lock:
            if self._begun or self._given_up:
                raise HostError(HResult.ILLEGAL_METHOD_CALL, f"connection {self.socket_id} is used up: one request each")
            self._begun = True
        threading.Thread(target=self._begin, args=(uri, connected, failed), name="http", daemon=True).start()

    def _begin(self, uri: HttpUri, connected: Callable[[], None], failed: Callable[[BaseException], None]) -> None:
        try:
            self.open(uri)
            self._over.set()
            connected()
        except BaseException as error:
            self._error = self._cancelled() if self._given_up else error
            failed(self._error)
        finally:
            self._sent.set()
            self._over.set()

    def settled(self) -> bool:
        """Waits while it connects, and a moment for its request: an app that may be stopped from now on has sent it then. False:
        it never will be connected, and the system has nothing to wait for; of a slot that was refused it knows, and says so."""
        if self._begun:
            self._over.wait()
            self._sent.wait(SENT_S)
        error = self._error
        refused = isinstance(error, HostError) and error.hresult is HResult.NO_SLOT
        return refused or (error is None and not self._given_up)

    def close(self) -> None:
        """Also while it connects: nobody waits for that any longer. A posted read ends as cancelled."""
        self._given_up = True
        self._sent.set()
        self._over.set()
        super().close()

    def _shake_hands(self, stream: ByteStream, deadline: Deadline) -> None:
        uri = self._uri
        assert uri is not None
        if uri.secure and self.proxy is not None:
            _dig(stream, uri, self.proxy, deadline)
        if uri.secure:
            protect(stream, uri.host, deadline, self.client_certificate, any_certificate=self.any_certificate)

    # -- exchanges -----------------------------------------------------------------------------------------------------

    def prepared(self, outgoing: Outgoing, *, credentials: Credentials | None = None, limits: Limits | None = None) -> Exchange:
        """What is sent here for it. Raises HostError INVALID_ARG for a request that is none."""
        try:
            return Exchange(outgoing.on_the_wire(proxy=self.proxy, credentials=credentials), limits)
        except ValueError as error:
            raise HostError(HResult.INVALID_ARG, f"no request: {error}") from error

    def ask(self, exchange: Exchange, until: Until, completed: Completed) -> ResponseRead:
        """Post the read of the response and send the request: a server may answer before it has read all, and close. What it said
        before is for the read, and its going too. Who is done with an answer that came so early closes the connection."""
        stream = self._open_stream("a request")
        with self._push:
            self._has_dispatched = False
        self._writing = exchange
        read = self._read(stream, exchange, until, completed)
        try:
            stream.write(exchange.outgoing)
        except OSError:
            self.abort()
        finally:
            self._writing = None
        return read

    def is_writing(self, exchange: Exchange) -> bool:
        """That one's request."""
        return self._writing is exchange

    def stop_writing(self, exchange: Exchange) -> None:
        """If that is still so: nobody will read the rest. The connection is of no more use then."""
        if self.is_writing(exchange):
            self.abort()

    def read_on(self, exchange: Exchange, count: int, completed: Completed) -> ResponseRead:
        """Post a read of up to `count` bytes of what is left of a response."""
        return self._read(self._open_stream("a read"), exchange, Until.PART, completed, count)

    def _read(
        self, stream: ByteStream, exchange: Exchange, until: Until, completed: Completed, count: int = PART_BYTES
    ) -> ResponseRead:
        read = ResponseRead(
            stream,
            exchange,
            until,
            completed,
            self._release,
            self._dispatch,
            self._withholds,
            socket_id=self.socket_id,
            channel_id=self.channel_id,
        )
        read.count = count
        self._post(read)
        return read

    @property
    def quiet(self) -> bool:
        """Whether nothing has come that nobody has asked for: what lies there would be taken for the next request's response."""
        stream = self._open_stream("another request")
        poll = select.poll()
        poll.register(stream.sock, select.POLLIN)
        return not stream.buffered and not poll.poll(0)

    # -- the push task -------------------------------------------------------------------------------------------------

    def push_enabled(self) -> None:
        """The channel is set up: a response that was faster is told of now."""
        with self._push:
            self._push_enabled = True
            told, finished = self._has_dispatched, self._finished
        if told and self.channel_id is not None:
            session.current().notify(DataDispatched(self.channel_id, self.socket_id))
        if finished:
            self.close()

    def finish(self) -> None:
        """Nothing more is wanted of it: it is closed. When the app waits for its channel the system looks at the connection, and
        must find it: until then it stays open."""
        with self._push:
            self._finished = True
            close = self.channel_id is None or self._push_enabled
        if close:
            self.close()

    def _withholds(self) -> bool:
        """Before the channel is set up no push task runs: it is kept for then."""
        with self._push:
            self._has_dispatched |= not self._push_enabled
            return not self._push_enabled

    def _dispatch(self) -> bool:
        """Something of a response is there for the app. Whether the system may hear of it now: once each."""
        with self._push:
            first = not self._has_dispatched
            self._has_dispatched = True
            return first and self._push_enabled


def _dig(stream: ByteStream, uri: HttpUri, proxy: Proxy, deadline: Deadline) -> None:
    """A tunnel through the proxy (RFC 9110 9.3.6). Raises ProxyRefused, HttpError, OSError."""
    exchange = Exchange(tunnel(uri, proxy))
    stream.write(exchange.outgoing)
    while not exchange.complete:
        stream.wait_readable(deadline)
        data = stream.receive()
        if data is not None:
            exchange.feed(data)
    assert exchange.head is not None
    if not exchange.tunnelled:
        raise ProxyRefused(exchange.head)
    if exchange.bytes_behind:
        raise HttpError("the origin spoke first in a tunnel, or the proxy in its place: TLS begins with the client")
