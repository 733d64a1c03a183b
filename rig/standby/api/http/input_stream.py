"""The body of a response in parts, each read posted with a handler, as from a socket (CHC-011)."""

from __future__ import annotations

from collections.abc import Callable

from rig.standby.api.http.connection import HttpConnection
from rig.standby.api.http.exchange import Exchange
from rig.standby.api.http.response_read import ResponseRead
from rig.standby.wire.hresult import HostError, HResult


class HttpInputStream:
    """Any thread may call. It ends its connection, when it has ended."""

    def __init__(self, connection: HttpConnection, exchange: Exchange) -> None:
        self._connection = connection
        self._exchange = exchange

    def read_async(self, count: int, completed: Callable[[ResponseRead], None]) -> None:
        """Post a read of up to `count` bytes; no bytes are the end. One at a time: HostError ILLEGAL_METHOD_CALL."""
        if count < 1:
            raise HostError(HResult.INVALID_ARG, f"a read of {count} bytes")

        def handler(read: ResponseRead) -> None:
            if read.error is not None or self._exchange.over:
                self._connection.finish()
            completed(read)

        self._connection.read_on(self._exchange, count, handler)

    def close(self) -> None:
        """A posted read ends as cancelled."""
        self._connection.close()
