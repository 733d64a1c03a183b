"""A request as an app makes it, in both flavours. It is sent once."""

from __future__ import annotations

from typing import Any

from rig.standby.api import session
from rig.standby.api.http.connection import HttpConnection
from rig.standby.api.http.futures import ResponseFuture
from rig.standby.api.http.outgoing import Outgoing
from rig.standby.api.http.outstanding import OUTSTANDING
from rig.standby.api.http.settings import HttpSettings
from rig.standby.api.http.uri import HttpUri
from rig.standby.wire.hresult import HostError, HResult


class HttpRequestMessage:
    """Method, address, headers and content may be changed until it is sent."""

    def __init__(self, method: str, uri: str, content: bytes = b"") -> None:
        """Raises HostError INVALID_ARG."""
        self.method = method.upper()
        self.uri = HttpUri.parse(uri)
        self.headers: dict[str, str] = {}
        self.content = content
        self.was_sent = False

    def to_send(self, settings: HttpSettings) -> Outgoing:
        """For the client that sends it. Raises HostError INVALID_ARG, ILLEGAL_METHOD_CALL the second time."""
        if self.was_sent:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"the request to {self.uri} was sent already: each one once")
        outgoing = settings.outgoing(self.method, self.uri, tuple(self.headers.items()), self.content)
        self.was_sent = True
        return outgoing


class BindableRequest(HttpRequestMessage, HttpConnection):
    """One with a connection of its own, which a channel may be bound to and which ends with it."""

    def __init__(self, method: str, uri: str, content: bytes = b"") -> None:
        HttpConnection.__init__(self)
        HttpRequestMessage.__init__(self, method, uri, content)
        self._future: ResponseFuture | None = None
        self._disposed = False
        self._record("REQUEST_CREATE", method=self.method, uri=str(self.uri))

    def to_send(self, settings: HttpSettings) -> Outgoing:
        if self._disposed:
            raise HostError(HResult.ILLEGAL_METHOD_CALL, f"the request to {self.uri} was disposed")
        return super().to_send(settings)

    def dispose(self) -> None:
        """Aborts it if it is under way: its future is cancelled, its connection closed. Again: nothing."""
        if not self._disposed:
            self._disposed = True
            self._record("REQUEST_DISPOSE", channel=self.channel_id)
            self.cancel()

    def cancel(self) -> None:
        self.close()
        if self._future is not None:
            self._future.cancel()

    def sending(self, future: ResponseFuture) -> None:
        """For the client: it begins now, and what was sent before on its channel is aborted (CHC-004)."""
        self._future = future
        self._record("SEND", channel=self.channel_id, method=self.method, uri=str(self.uri))
        future.add_done_callback(self._done)
        if self.channel_id is not None:
            OUTSTANDING.begin(self.channel_id, self.cancel)

    def _done(self, future: ResponseFuture) -> None:
        if future.cancelled():
            self.close()
            self._record("FUTURE_DONE", channel=self.channel_id, status=0, error="cancelled")
        elif (error := future.exception()) is not None:
            self._record("FUTURE_DONE", channel=self.channel_id, status=0, error=str(error))
        else:
            status = future.result().status_code
            self._record("FUTURE_DONE", channel=self.channel_id, status=status, error=None)

    def _record(self, event: str, **detail: Any) -> None:
        app = session.current()
        app.timeline.add(event, app=app.name, instance=app.instance, socket=self.socket_id, **detail)
