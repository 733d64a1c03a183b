"""What a channel is bound to when it is bound to a client: the request that the client sends next."""

from __future__ import annotations

from rig.standby.api.http.connection import HttpConnection
from rig.standby.api.transport import Transport


class NextRequest(Transport):
    """In its request's place, until there is one and from then on."""

    def __init__(self) -> None:
        super().__init__()
        self._request: HttpConnection | None = None

    def take(self, request: HttpConnection) -> None:
        """If a channel waits for one: then the request is bound to it, and no other one will be."""
        if self.channel_id is not None and self._request is None:
            request.socket_id, request.channel_id = self.socket_id, self.channel_id
            self._request = request

    @property
    def connected(self) -> bool:
        return self._request is not None and self._request.connected

    @property
    def established(self) -> bool:
        return self._request is not None and self._request.established

    def settled(self) -> bool:
        return self._request is None or self._request.settled()

    def push_enabled(self) -> None:
        if self._request is not None:
            self._request.push_enabled()

    def wait_acknowledged(self, timeout_s: float) -> None:
        if self._request is not None:
            self._request.wait_acknowledged(timeout_s)

    def abort(self) -> None:
        if self._request is not None:
            self._request.abort()

    def close(self) -> None:
        if self._request is not None:
            self._request.close()
