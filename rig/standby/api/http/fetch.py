"""A plain request, of no channel: sent, redirected, challenged and answered (CHC-010).

What a probe settles is settled here: the server's last address, whether it wants credentials, the proxy, the client certificate.
One thread a request waits for it; the reads of the responses are posted as all reads are.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, replace

from rig.clock import Deadline
from rig.standby.api.http.connection import HttpConnection
from rig.standby.api.http.exchange import Exchange, Limits
from rig.standby.api.http.futures import fault, fulfil
from rig.standby.api.http.outgoing import Outgoing
from rig.standby.api.http.response import HttpResponseMessage, response_of, streamed_response_of
from rig.standby.api.http.response_read import ResponseRead, Until
from rig.standby.api.http.route import UNAUTHORIZED, Leg, Route, Secrets
from rig.standby.api.http.settings import HttpSettings
from rig.standby.wire.hresult import HostError, HResult

FETCH_S = 100.0
"""From the request to the end of its response, with all redirects: HttpClient's own default."""
LEAST_S = 0.001
"""Of a connect: with no time at all the kernel would not wait, and call that another error."""
EARLY_S = 0.2
"""A server that has answered before it has read all may still read the rest within that long."""
IDEMPOTENT = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")


@dataclass
class _Way:
    """The connection that the last exchange has left open, and where it leads."""

    connection: HttpConnection | None = None
    to: object = None


class Fetch:
    """One request. `future` is done with its response, an OSError (HttpError, TlsError), TimeoutError or HostError; cancelling it
    closes what is open."""

    def __init__(self, settings: HttpSettings, outgoing: Outgoing, timeout_s: float = FETCH_S, *, streamed: bool = False) -> None:
        """`streamed`: done with the head; what follows is read from the response's stream."""
        self.future: Future[HttpResponseMessage] = Future()
        self._settings = settings
        first = Leg(outgoing, settings.proxy, settings.credentials_for(outgoing.uri))
        self._route = Route(first, Secrets(settings.credentials), settings.max_redirects)
        self._streamed = streamed
        self._deadline = Deadline(timeout_s)
        self._timer = threading.Timer(timeout_s, self._is_late)
        """A server that reads nothing would hold who writes."""
        self._way = _Way()
        self._over = threading.Event()
        """Of the exchange under way."""
        self._why: Exception | None = None
        """Somebody has ended it."""
        self._exchanged: Exchange | None = None
        """The last one on the open connection."""

    @property
    def _outgoing(self) -> Outgoing:
        """Under way."""
        return self._route.leg.outgoing

    def begin(self) -> None:
        self.future.add_done_callback(self._stop)
        self._timer.daemon = True
        self._timer.start()
        threading.Thread(target=self._run, name="http", daemon=True).start()

    def _run(self) -> None:
        try:
            fulfil(self.future, self._response())
        except BaseException as error:
            fault(self.future, self._why or error)
        finally:
            self._timer.cancel()
            self._close()

    def _stop(self, future: Future[HttpResponseMessage]) -> None:
        if future.cancelled():
            self._end(HostError(HResult.CANCELLED, f"the request to {self._outgoing.uri} was cancelled"))

    def _is_late(self) -> None:
        self._end(TimeoutError(f"no response from {self._outgoing.uri} in time"))

    def _end(self, why: Exception) -> None:
        self._why = self._why or why
        self._close()
        self._over.set()

    def _close(self) -> None:
        connection, self._way.connection = self._way.connection, None
        if connection is not None:
            connection.close()

    def _response(self) -> HttpResponseMessage:
        while True:
            exchange = self._authenticated()
            assert exchange.head is not None
            following = self._route.redirected(exchange.head) if self._settings.max_redirects else None
            if following is None:
                return self._last(exchange)
            credentials = self._settings.credentials_for(following.outgoing.uri)
            self._route.leg = replace(following, credentials=credentials)

    def _last(self, exchange: Exchange) -> HttpResponseMessage:
        connection = self._way.connection
        if not self._streamed or connection is None:
            return response_of(exchange, str(self._outgoing.uri))
        self._way.connection = None  # the stream's, which ends it
        return streamed_response_of(exchange, str(self._outgoing.uri), connection)

    def _authenticated(self) -> Exchange:
        """Asked once, the server gets the credentials: it is the one that the app has named them for."""
        exchange = self._exchange()
        assert exchange.head is not None
        answer = self._route.answer_to(exchange.head)
        if answer is None:
            return exchange
        self._route.leg = answer
        exchange = self._exchange()
        if exchange.head is not None and exchange.head.status != UNAUTHORIZED:
            self._settings.asked_by.add(self._outgoing.uri.origin)
        return exchange

    def _exchange(self) -> Exchange:
        """A server may close an idle connection that it has promised to keep: then the request goes out once more, on another
        one, if it may (RFC 9110 9.2.2, RFC 9112 9.3.1)."""
        idempotent = self._outgoing.method in IDEMPOTENT
        connection, was_open = self._connection()
        try:
            return self._asked(connection)
        except OSError:
            if not (was_open and idempotent and self._exchanged is not None and self._exchanged.unanswered):
                raise
        self._close()
        return self._asked(self._connection()[0])

    def _asked(self, connection: HttpConnection) -> Exchange:
        limits = Limits(body_bytes=None if self._streamed else self._settings.max_response_bytes)
        exchange = connection.prepared(self._outgoing, credentials=self._route.leg.credentials, limits=limits)
        self._exchanged = exchange
        self._over.clear()
        self._check_not_ended()
        read = connection.ask(exchange, Until.HEAD if self._streamed else Until.WHOLE, self._completed)
        self._over.wait()
        self._check_not_ended()
        read.check_completed()
        return exchange

    def _completed(self, read: ResponseRead) -> None:
        """Maybe before all of the request is written, by who would wait for ever to write the rest."""
        connection, exchange = self._way.connection, read.exchange
        if exchange.complete and connection is not None and connection.is_writing(exchange):
            later = threading.Timer(EARLY_S, connection.stop_writing, [exchange])
            later.daemon = True
            later.start()
        self._over.set()

    def _connection(self) -> tuple[HttpConnection, bool]:
        """The open one where it leads there: a challenge is answered, and a redirect followed, on the same connection. And
        whether it was open."""
        uri, proxy = self._outgoing.uri, self._settings.proxy
        to = proxy if proxy is not None and not uri.secure else uri.origin
        was_open = self._way.to == to and self._reusable
        if not was_open:
            self._close()
            connection = HttpConnection()
            self._settings.prepare(connection)
            self._way, self._exchanged = _Way(connection, to), None
            self._check_not_ended()
            connection.open(uri, timeout_s=max(self._deadline.remaining_s, LEAST_S))
        self._check_not_ended()
        assert self._way.connection is not None
        return self._way.connection, was_open

    @property
    def _reusable(self) -> bool:
        """What the last exchange has left, in HTTP and in the kernel."""
        connection, exchange = self._way.connection, self._exchanged
        return connection is not None and exchange is not None and exchange.reusable and connection.quiet

    def _check_not_ended(self) -> None:
        if self._why is not None:
            raise self._why
