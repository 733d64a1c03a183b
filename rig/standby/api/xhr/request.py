"""XmlHttpRequest2: one request and its response, told to a callback object; what a channel may be bound to, one after another.

    xhr = XmlHttpRequest2()
    xhr.open("GET", "http://192.0.2.20/poll", callback)
    xhr.set_property(XhrProperty.TIMEOUT, 60_000)
    xhr.set_request_header("X-Session", "7")
    channel.using_transport(xhr)        # or not: callbacks are the same (CXR-005)
    xhr.send()
    status = channel.wait_for_push_enabled()

An object is used up when its last callback has been called, and holds its place in the app's limits for as long as the app
keeps it (CXR-003). The push task runs when callbacks have returned; it finds what they left for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import Enum
from pathlib import Path

from rig.standby.api.http.credentials import Credentials
from rig.standby.api.http.exchange import Exchange
from rig.standby.api.http.message import HeaderList, ResponseHead
from rig.standby.api.http.outgoing import Outgoing, Proxy
from rig.standby.api.http.route import Leg, Route, Secrets
from rig.standby.api.http.uri import HttpUri
from rig.standby.api.transport import Transport
from rig.standby.api.xhr.conversation import Conversation
from rig.standby.api.xhr.errors import XhrError
from rig.standby.api.xhr.hop import Hop
from rig.standby.api.xhr.properties import XhrProperty, XhrSettings
from rig.standby.api.xhr.response_stream import ResponseStream
from rig.standby.wire.hresult import HostError, HResult

DEFAULT_HEADERS: HeaderList = (("Accept", "*/*"), ("User-Agent", "rig XmlHttpRequest2"))
"""Without NO_DEFAULT_HEADERS, where the app has none of that name."""


MOST_REDIRECTS = 100
"""As IXMLHTTPRequest2 has it."""


class XmlHttpRequest2Callback:
    """Override what is of interest. Calls come one after another: on_redirect any number of times, on_headers_available,
    on_data_available any number of times, on_response_received; on_error at any point in place of the rest. One of the last two
    ends each request that was sent, once, and nothing is called behind it.

    Nothing more is received before a call has returned. One that raises is a fault of the app, and ends the request with
    on_error. `xhr` is the request; it is not kept: who wants it later keeps it.
    """

    def on_redirect(self, xhr: XmlHttpRequest2, redirect_url: str) -> None:
        """The server sends the request elsewhere, and there it goes unless `xhr.abort` is called."""

    def on_headers_available(self, xhr: XmlHttpRequest2, status: int, status_text: str) -> None:
        """Of the response, or of a redirect with REPORT_REDIRECT_STATUS. `xhr.get_response_header` has them."""

    def on_data_available(self, xhr: XmlHttpRequest2, stream: ResponseStream) -> None:
        """More of the body is in the stream."""

    def on_response_received(self, xhr: XmlHttpRequest2, stream: ResponseStream) -> None:
        """All of it is, or was."""

    def on_error(self, xhr: XmlHttpRequest2, error: int) -> None:
        """An XhrError: there will be no response, or no more of it."""


class State(Enum):
    MADE = "made"
    OPEN = "open"
    SENT = "sent"
    ABORTED = "aborted"


class XmlHttpRequest2(Transport):
    """Any thread may call. A call in the wrong order raises HostError ILLEGAL_METHOD_CALL (CXR-001, 004, 009)."""

    one_use = True

    def __init__(self) -> None:
        super().__init__()
        self.proxy: tuple[str, int] | None = None
        """Address and port of the proxy that the request goes through: of this request, as this host has no settings of its own
        for that. Before `send`."""
        self._state = State.MADE
        self._callback: XmlHttpRequest2Callback | None = None
        self._outgoing: Outgoing | None = None
        self._settings = XhrSettings()
        self._secrets = Secrets()
        self._conversation: Conversation | None = None
        self.in_last_call = False
        """The app hears of the end of it."""

    # -- what apps call ------------------------------------------------------------------------------------------------

    def open(
        self,
        method: str,
        url: str,
        callback: XmlHttpRequest2Callback,
        user_name: str | None = None,
        password: str | None = None,
        proxy_user_name: str | None = None,
        proxy_password: str | None = None,
    ) -> None:
        """Say what is to be asked for, and who hears of it. Credentials are sent to who asks for them (401, 407), not before.
        Raises HostError INVALID_ARG for a URL that is none, or another argument that cannot be sent."""
        outgoing = _checked(Outgoing(method.upper(), HttpUri.parse(url)))
        secrets = Secrets(_credentials(user_name, password), _credentials(proxy_user_name, proxy_password))
        with self._lock:
            self._expect("open", State.MADE)
            self._outgoing, self._secrets, self._callback = outgoing, secrets, callback
            self._state = State.OPEN

    def set_property(self, name: XhrProperty, value: int) -> None:
        """Raises HostError INVALID_ARG, NOT_SUPPORTED; see XhrProperty."""
        with self._lock:
            self._expect("set_property", State.OPEN)
            self._settings.set(XhrProperty(name), int(value))

    def set_client_certificate(self, file: Path) -> None:
        """For a server that asks for one: key and certificate in PEM (IXMLHTTPRequest3)."""
        with self._lock:
            self._expect("set_client_certificate", State.OPEN)
            self._settings.client_certificate = Path(file)

    def set_request_header(self, name: str, value: str) -> None:
        """One more; a name may come twice. Raises HostError INVALID_ARG for what is not the app's to say, or no header."""
        with self._lock:
            outgoing = self._opened_as("set_request_header")
            self._outgoing = _checked(replace(outgoing, headers=(*outgoing.headers, (name, value))))

    def send(self, body: bytes = b"") -> None:
        """Connect and send, without waiting for either: from here on everything is told to the callback."""
        with self._lock:
            outgoing = self._opened_as("send")
            assert self._callback is not None
            self._state = State.SENT
            hop = Hop(self._settings)
            hop.socket_id, hop.channel_id = self.socket_id, self.channel_id
            leg = Leg(self._whole(outgoing, body), Proxy(*self.proxy) if self.proxy is not None else None)
            route = Route(leg, self._settings.auth.allowed(self._secrets), MOST_REDIRECTS)
            callback, self._callback = self._callback, None
            self._conversation = Conversation(_Listener(self, callback), hop, route, self._settings)
        self._conversation.start()

    def abort(self) -> None:
        """End it. Who has sent it hears on_error, or on_response_received if that was quicker (CXR-009). Again: nothing."""
        self._end(HostError(HResult.CANCELLED, "the app has aborted the request"))

    def get_response_header(self, name: str) -> str:
        """From on_headers_available on. Raises HostError ELEMENT_NOT_FOUND."""
        value = self._head().headers.get(name)
        if value is None:
            raise HostError(HResult.ELEMENT_NOT_FOUND, f"the response has no header {name!r}")
        return value

    def get_all_response_headers(self) -> list[tuple[str, str]]:
        """In their order, likewise."""
        return list(self._head().headers)

    def _head(self) -> ResponseHead:
        head = self._conversation.head if self._conversation is not None else None
        if head is None:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, "there are no headers of a response yet")
        return head

    # -- as a channel's transport --------------------------------------------------------------------------------------

    def check_bind(self) -> None:
        """Raises HostError ILLEGAL_METHOD_CALL before `open`, and from `send` on (CXR-004)."""
        self._expect("using_transport", State.OPEN)

    @property
    def connected(self) -> bool:
        return self._state in (State.SENT, State.ABORTED)

    @property
    def established(self) -> bool:
        return self._conversation is not None and self._conversation.hop.established

    @property
    def held(self) -> bool:
        """Whoever hears the last callback may replace it there and then."""
        return not self.in_last_call

    def settled(self) -> bool:
        return self._conversation is None or self._conversation.hop.settled()

    def push_enabled(self) -> None:
        if self._conversation is not None:
            self._conversation.hop.push_enabled()

    def wait_acknowledged(self, timeout_s: float) -> None:
        if self._conversation is not None:
            self._conversation.hop.wait_acknowledged(timeout_s)

    def lost(self) -> None:
        if self._conversation is not None:
            self._conversation.hop.fail()

    def close(self) -> None:
        """Its channel is closed: as `abort`."""
        self._end(HostError(HResult.CANCELLED, "the channel of the request was closed"))

    # -- in between ----------------------------------------------------------------------------------------------------

    def _end(self, why: HostError) -> None:
        with self._lock:
            self._state, self._callback = State.ABORTED, None
            conversation = self._conversation
        if conversation is not None:
            conversation.cancel(why)

    def _opened_as(self, call: str) -> Outgoing:
        self._expect(call, State.OPEN)
        assert self._outgoing is not None
        return self._outgoing

    def _expect(self, call: str, state: State) -> None:
        if self._state is not state:
            text = f"{call} on request {self.socket_id}, which is {self._state.value}: one request each, open before the rest"
            raise HostError(HResult.ILLEGAL_METHOD_CALL, text)

    def _whole(self, outgoing: Outgoing, body: bytes) -> Outgoing:
        own = {name.lower() for name, _ in outgoing.headers}
        default = DEFAULT_HEADERS if self._settings.default_headers else ()
        missing = tuple((name, value) for name, value in default if name.lower() not in own)
        return Outgoing(outgoing.method, outgoing.uri, (*outgoing.headers, *missing), body)


class _Listener:
    """The app's two objects, for as long as there is something to say to them; fulfils `Listener` of the conversation."""

    def __init__(self, xhr: XmlHttpRequest2, callback: XmlHttpRequest2Callback) -> None:
        self._xhr = xhr
        self._callback = callback

    def redirect(self, url: str) -> None:
        self._callback.on_redirect(self._xhr, url)

    def headers(self, status: int, status_text: str) -> None:
        self._callback.on_headers_available(self._xhr, status, status_text)

    def data(self, stream: ResponseStream) -> None:
        self._callback.on_data_available(self._xhr, stream)

    def response(self, stream: ResponseStream) -> None:
        with self._last_call():
            self._callback.on_response_received(self._xhr, stream)

    def error(self, error: XhrError) -> None:
        with self._last_call():
            self._callback.on_error(self._xhr, error)

    @contextmanager
    def _last_call(self) -> Iterator[None]:
        self._xhr.in_last_call = True
        try:
            yield
        finally:
            self._xhr.in_last_call = False


def _checked(outgoing: Outgoing) -> Outgoing:
    """Raises HostError INVALID_ARG for what cannot be written: a method of two words, a header with a line break."""
    try:
        Exchange(outgoing.on_the_wire())
    except ValueError as error:
        raise HostError(HResult.INVALID_ARG, f"no request: {error}") from error
    return outgoing


def _credentials(user: str | None, password: str | None) -> Credentials | None:
    """The password counts for nothing without a user name."""
    return Credentials(user, password or "") if user else None
