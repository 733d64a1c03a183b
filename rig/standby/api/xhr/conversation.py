"""What becomes of a request that was sent: from hop to hop, as redirects and challenges want it, and told to the callbacks.

It knows who listens only until the last call: the app's objects are free to go then, whoever still knows the conversation.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from rig.standby.api.http.errors import HttpError, ProxyRefused
from rig.standby.api.http.exchange import Exchange
from rig.standby.api.http.message import ResponseHead
from rig.standby.api.http.route import Leg, Route
from rig.standby.api.xhr.errors import CallbackRaised, RedirectFailed, XhrError, told
from rig.standby.api.xhr.hop import Hop
from rig.standby.api.xhr.news_read import NewsRead
from rig.standby.api.xhr.properties import XhrSettings
from rig.standby.api.xhr.response_stream import ResponseStream
from rig.standby.wire.hresult import HostError, HResult

DRAINED_BYTES = 65_536
"""Of the body of a redirect or a challenge, to use its connection again; one that is longer costs a new connection."""


class Listener(Protocol):
    """Who hears of it: the app's callback. The last two end it."""

    def redirect(self, url: str) -> None: ...
    def headers(self, status: int, status_text: str) -> None: ...
    def data(self, stream: ResponseStream) -> None: ...
    def response(self, stream: ResponseStream) -> None: ...
    def error(self, error: XhrError) -> None: ...


class Conversation:
    """Any thread may call. Reads complete one after another; what connects does so before the first of them."""

    def __init__(
        self,
        listener: Listener,
        hop: Hop,
        route: Route,
        settings: XhrSettings,
    ) -> None:
        """`hop`: the first one, which may be bound to a channel."""
        self.head: ResponseHead | None = None
        """Of the response that the app was told of."""
        self.hop = hop
        self._listener: Listener | None = listener
        self._route = route
        self._settings = settings
        self._stream = ResponseStream()
        self._next: Leg | None = None
        """Where it goes when the response that says so is complete."""
        self._connected = False
        self._why: BaseException | None = None
        """Somebody has ended it."""
        self._callback_raised = False
        self._lock = threading.Lock()

    @property
    def over(self) -> bool:
        """The last callback has been called, or is."""
        return self._listener is None

    def start(self) -> None:
        """Connect, send, and hear. Calls nobody back itself: who calls may hold what a callback takes."""
        try:
            self._begin(self.hop)
        except HostError as closed:  # by another thread, which waits for the last call as everybody does
            threading.Thread(target=self._fail, args=(closed,), name="xhr end", daemon=True).start()

    def cancel(self, why: BaseException) -> None:
        """End it with that, unless it is over by itself first. A callback under way returns first."""
        with self._lock:
            if self._why is not None or self.over:
                return
            self._why = why
        self.hop.close()

    # -- hops ----------------------------------------------------------------------------------------------------------

    def _begin(self, hop: Hop) -> None:
        hop.proxy = self._route.leg.proxy
        hop.begin(self._route.leg.outgoing.uri, lambda: self._send_on(hop), self._not_connected)

    def _send_on(self, hop: Hop) -> None:
        self._connected = True
        hop.watch(lambda: self.cancel(TimeoutError("nothing came in time")))
        self._send()

    def _send(self) -> None:
        """Raises HostError, OSError when somebody has closed the hop. The same proxy may get credentials that it did not have."""
        self.hop.proxy = self._route.leg.proxy
        self.hop.send(self._route.leg.outgoing, self._route.leg.credentials, self._settings.threshold_bytes, self._came)

    def _not_connected(self, error: BaseException) -> None:
        leg = self._route.answer_to(error.head) if isinstance(error, ProxyRefused) else None
        if leg is None:
            self._fail(error)
            return
        try:
            self._go(leg)
        except HostError as closed:  # meanwhile
            self._fail(closed)

    def _go(self, leg: Leg, exchange: Exchange | None = None) -> bool:
        """The next leg: on the same connection if that may have another `exchange`. Whether it is."""
        same_way, self._route.leg, self._next = self._route.leg.same_way(leg), leg, None
        if exchange is not None and exchange.reusable and same_way and self.hop.quiet:
            self._send()
            return True
        hop = Hop(self._settings)
        with self._lock:
            if self._why is not None:
                return False
            before, self.hop = self.hop, hop
        self._connected = False
        before.close()
        self._begin(hop)
        return False

    # -- what comes ----------------------------------------------------------------------------------------------------

    def _came(self, read: NewsRead) -> None:
        """Of a read that is over. Raises what a callback raises, when it has ended the request for that."""
        if read.cancelled or read.error is not None:
            self._fail(read.error or HostError(HResult.CANCELLED, "the request was aborted"))
            read.was_told = True
            return
        try:
            self._take(read)
        except BaseException as error:
            read.was_told = True
            if isinstance(error, (HostError, OSError)) and not self._callback_raised:
                self._fail(error)
            else:
                self._fail(CallbackRaised())
                raise

    def _take(self, read: NewsRead) -> None:
        exchange = read.exchange
        if self._next is None and self.head is None and exchange.head is not None:
            self._take_head(read, exchange.head)
        if self._next is not None:
            self._leave(read, self._next)
        elif self._why is None:
            self._take_body(read)
        self._check_not_ended()

    def _take_head(self, read: NewsRead, head: ResponseHead) -> None:
        """Sets `head` when it is the app's, `_next` when it is not."""
        answer = self._route.answer_to(head)
        redirect = None if answer is not None else self._redirected(head)
        self._next = answer or redirect
        if redirect is not None:
            read.was_told = True
            self._tell_redirect(head, redirect)
        if self._next is None:
            read.was_told = True
            self.head = head
            self._call(lambda listener: listener.headers(head.status, head.reason))

    def _redirected(self, head: ResponseHead) -> Leg | None:
        """Raises RedirectFailed."""
        try:
            return self._route.redirected(head)
        except HttpError as error:
            raise RedirectFailed(str(error)) from error

    def _tell_redirect(self, head: ResponseHead, redirect: Leg) -> None:
        if self._settings.report_redirects:
            self._call(lambda listener: listener.headers(head.status, head.reason))
        self._call(lambda listener: listener.redirect(str(redirect.outgoing.uri)))

    def _leave(self, read: NewsRead, leg: Leg) -> None:
        """As soon as the rest of the response is here, or is too much. The app hears nothing of it."""
        self._check_not_ended()
        exchange = read.exchange
        body_bytes = len(exchange.take(exchange.buffered_bytes))
        if exchange.complete or body_bytes >= DRAINED_BYTES:
            read.goes_on = self._go(leg, exchange)
        else:
            read.goes_on = True
            self.hop.read(exchange, DRAINED_BYTES, self._came)

    def _take_body(self, read: NewsRead) -> None:
        exchange = read.exchange
        data = exchange.take(exchange.buffered_bytes)
        self._stream.add(data)
        if len(data) >= self._settings.threshold_bytes:
            read.was_told = True
            self._call(lambda listener: listener.data(self._stream))
        if self._why is not None:
            return
        if exchange.complete:
            read.was_told = True
            self._complete()
        else:
            read.goes_on = True
            self.hop.read(exchange, self._settings.threshold_bytes, self._came)

    # -- callbacks -----------------------------------------------------------------------------------------------------

    def _call(self, call: Callable[[Listener], None]) -> None:
        listener = self._listener
        if listener is not None and self._why is None:
            self._tell(call, listener)

    def _tell(self, call: Callable[[Listener], None], listener: Listener) -> None:
        """What a callback raises may be of any kind, and is no news of the connection."""
        try:
            call(listener)
        except BaseException:
            self._callback_raised = True
            raise

    def _check_not_ended(self) -> None:
        """Behind a callback, or beside one, somebody may have: nothing else will tell the app."""
        if self._why is not None:
            self._fail(self._why)

    def _complete(self) -> None:
        self._last(lambda listener: listener.response(self._stream))

    def _fail(self, error: BaseException) -> None:
        number = told(self._why or error, connected=self._connected, extended=self._settings.extended_errors)
        self._last(lambda listener: listener.error(number))

    def _last(self, call: Callable[[Listener], None]) -> None:
        """The first who comes here tells the app; nobody does after him."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            self.hop.finish()
            self._tell(call, listener)
