"""HttpClient of the System.Net.Http flavour (CHC-001 to 010).

    request = RtcRequestFactory.create("GET", "http://server.example/poll")
    channel.using_transport(request)
    response = client.send_async(request)       # a future; not waited for
    status = channel.wait_for_push_enabled()    # until the connection is there

The push task runs as soon as something of the response, or an error, is there: it finds the future, and waits for the whole
response. Nothing is redirected there and nobody is asked for credentials: a plain request before settles that.
"""

from __future__ import annotations

from rig.standby.api.http.connection import HttpConnection
from rig.standby.api.http.exchange import Exchange, Limits
from rig.standby.api.http.fetch import FETCH_S, Fetch
from rig.standby.api.http.futures import ResponseFuture, fault, fulfil
from rig.standby.api.http.request import BindableRequest, HttpRequestMessage
from rig.standby.api.http.response import response_of
from rig.standby.api.http.response_read import ResponseRead, Until
from rig.standby.api.http.settings import HttpSettings
from rig.standby.wire.hresult import HostError, HResult


class RtcRequest(BindableRequest):
    """What the factory makes, and nobody else: the one thing of this flavour that a channel takes."""


class RtcRequestFactory:
    @staticmethod
    def create(method: str, uri: str) -> RtcRequest:
        """Raises HostError NOT_SUPPORTED for https (CHC-009), INVALID_ARG for what is no request."""
        request = HttpRequestMessage(method, uri)
        if request.uri.secure:
            raise HostError(HResult.NOT_SUPPORTED, f"{uri}: no TLS on a channel of this flavour; Windows.Web.Http has it")
        return RtcRequest(method, uri)


class HttpClient:
    """What it sends all requests with is set in `settings`, before."""

    def __init__(self, settings: HttpSettings | None = None) -> None:
        self.settings = settings or HttpSettings()

    def send_async(self, request: HttpRequestMessage, *, timeout_s: float = FETCH_S) -> ResponseFuture:
        """The future of the whole response. A plain request is redirected and authenticated, within `timeout_s`; one of the
        factory goes out as it is, with the credentials that were asked for before. Raises HostError INVALID_ARG,
        ILLEGAL_METHOD_CALL for one that was sent or disposed."""
        if isinstance(request, RtcRequest):
            return self._send(request)
        fetch = Fetch(self.settings, request.to_send(self.settings), timeout_s)
        fetch.begin()
        return fetch.future

    def get_async(self, uri: str) -> ResponseFuture:
        return self.send_async(HttpRequestMessage("GET", uri))

    def _send(self, request: RtcRequest) -> ResponseFuture:
        exchange = exchange_of(request, self.settings)
        future = ResponseFuture()
        request.sending(future)

        def completed(read: ResponseRead) -> None:
            complete(future, read, request, str(request.uri))

        def connected() -> None:
            request.ask(exchange, Until.WHOLE, completed)

        request.begin(request.uri, connected, lambda error: fault(future, error))
        return future


def exchange_of(request: BindableRequest, settings: HttpSettings, *, streamed: bool = False) -> Exchange:
    """What goes out for it. Raises HostError INVALID_ARG, ILLEGAL_METHOD_CALL."""
    settings.prepare(request)
    limits = Limits(body_bytes=None if streamed else settings.max_response_bytes)
    return request.prepared(request.to_send(settings), credentials=settings.credentials_for(request.uri), limits=limits)


def complete(future: ResponseFuture, read: ResponseRead, connection: HttpConnection, uri: str) -> None:
    """Of the whole response, which its connection ends with."""
    connection.finish()
    if read.cancelled:
        future.cancel()
    elif read.error is not None:
        fault(future, read.error)
    else:
        fulfil(future, response_of(read.exchange, uri))
