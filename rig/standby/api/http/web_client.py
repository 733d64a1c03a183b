"""HttpClient of the Windows.Web.Http flavour (CHC-011): any request may be bound to a channel, over TLS too, and streamed.

request = HttpRequestMessage("GET", "https://server.example/poll")
channel.using_transport(request)            # or the client, for the request that it sends next
response = client.send_request_async(request, HttpCompletionOption.RESPONSE_HEADERS_READ)
status = channel.wait_for_push_enabled()
response.result().input_stream.read_async(1024, completed)
"""

from __future__ import annotations

from enum import IntEnum

from rig.standby.api.http.client import complete, exchange_of
from rig.standby.api.http.fetch import FETCH_S, Fetch
from rig.standby.api.http.futures import ResponseFuture, fault, fulfil
from rig.standby.api.http.next_request import NextRequest
from rig.standby.api.http.request import BindableRequest
from rig.standby.api.http.response import streamed_response_of
from rig.standby.api.http.response_read import ResponseRead, Until
from rig.standby.api.http.settings import HttpSettings
from rig.standby.api.transport import Transport


class HttpCompletionOption(IntEnum):
    """Windows.Web.Http: when the future of a response is done."""

    RESPONSE_CONTENT_READ = 0
    RESPONSE_HEADERS_READ = 1


class HttpRequestMessage(BindableRequest):
    """Bound before it is sent, if at all; sent once."""


class HttpClient:
    """What it sends all requests with is set in `settings`, before."""

    def __init__(self, settings: HttpSettings | None = None) -> None:
        self.settings = settings or HttpSettings()
        self._next = NextRequest()

    def channel_transport(self) -> Transport:
        """A channel that is bound to the client is bound to its next request (B-05)."""
        self._next = NextRequest()
        return self._next

    def send_request_async(
        self,
        request: HttpRequestMessage,
        option: HttpCompletionOption = HttpCompletionOption.RESPONSE_CONTENT_READ,
        *,
        timeout_s: float = FETCH_S,
    ) -> ResponseFuture:
        """The future of the whole response, or of its head with a stream. Of no channel: redirected and authenticated, within
        `timeout_s`. Raises HostError INVALID_ARG, ILLEGAL_METHOD_CALL for one that was sent or disposed."""
        streamed = option is HttpCompletionOption.RESPONSE_HEADERS_READ
        if request.channel_id is None:
            self._next.take(request)
        if request.channel_id is not None:
            return self._send(request, streamed)
        fetch = Fetch(self.settings, request.to_send(self.settings), timeout_s, streamed=streamed)
        fetch.begin()
        return fetch.future

    def _send(self, request: HttpRequestMessage, streamed: bool) -> ResponseFuture:
        exchange = exchange_of(request, self.settings, streamed=streamed)
        future = ResponseFuture()
        request.sending(future)

        def completed(read: ResponseRead) -> None:
            if streamed and read.error is None and not read.cancelled:
                fulfil(future, streamed_response_of(exchange, str(request.uri), request))
            else:
                complete(future, read, request, str(request.uri))

        def connected() -> None:
            request.ask(exchange, Until.HEAD if streamed else Until.WHOLE, completed)

        request.begin(request.uri, connected, lambda error: fault(future, error))
        return future
