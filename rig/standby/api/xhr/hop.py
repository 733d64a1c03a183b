"""One connection of a request: to where it was sent first, or was redirected to. The first is what a channel is bound to."""

from __future__ import annotations

from collections.abc import Callable

from rig.standby.api.byte_stream import ByteStream
from rig.standby.api.http.connection import CONNECT_S, HttpConnection
from rig.standby.api.http.credentials import Credentials
from rig.standby.api.http.exchange import Exchange, Limits
from rig.standby.api.http.outgoing import Outgoing
from rig.standby.api.http.uri import HttpUri
from rig.standby.api.xhr.news_read import NewsRead
from rig.standby.api.xhr.properties import XhrSettings
from rig.standby.api.xhr.stall_watch import StallWatch
from rig.standby.wire.hresult import HostError

PIECE_BYTES = 1 << 18
"""Of what is sent: sealed in a millisecond or two."""
NO_LIMIT = Limits(body_bytes=None)
"""The app's stream has one of its own, for what is not read."""


class Hop(HttpConnection):
    """Any thread may call; one exchange at a time, one read at a time."""

    def __init__(self, settings: XhrSettings) -> None:
        super().__init__()
        self.any_certificate = settings.ignore_certificate_errors
        self.client_certificate = settings.client_certificate
        self._timeout_s = settings.timeout_s
        self._watch: StallWatch | None = None

    def open(self, uri: HttpUri, *, timeout_s: float = CONNECT_S) -> None:
        super().open(uri, timeout_s=self._timeout_s or timeout_s)

    def finish(self) -> None:
        self.stop_watch()
        super().finish()

    def close(self) -> None:
        self.stop_watch()
        super().close()

    # -- exchanges -----------------------------------------------------------------------------------------------------

    def send(
        self, outgoing: Outgoing, credentials: Credentials | None, news_bytes: int, came: Callable[[NewsRead], None]
    ) -> None:
        """As HttpConnection.exchange; `came` is called with each read that is over."""
        exchange = Exchange(outgoing.on_the_wire(proxy=self.proxy, credentials=credentials), NO_LIMIT)
        stream = self._open_stream("a request")
        self.read(exchange, news_bytes, came)
        try:
            self._write(stream, memoryview(exchange.outgoing))
        except OSError:  # what the peer said before it went away is for the read, and its going too
            self.fail()

    def _write(self, stream: ByteStream, data: memoryview) -> None:
        """Piece by piece: TLS takes its time with each before the first byte of it goes out."""
        for start in range(0, len(data), PIECE_BYTES):
            stream.write(bytes(data[start : start + PIECE_BYTES]))
            self._touch()

    def read(self, exchange: Exchange, news_bytes: int, came: Callable[[NewsRead], None]) -> None:
        """What is left of a response. Raises HostError ILLEGAL_METHOD_CALL when this is closed."""
        self._post(
            NewsRead(
                self._open_stream("a read"),
                exchange,
                came,
                self._release,
                socket_id=self.socket_id,
                channel_id=self.channel_id,
                news_bytes=news_bytes,
                withholds=self._withholds,
                touch=self._touch,
            )
        )

    def fail(self) -> None:
        """Its posted read, or the next one, ends as with a peer that is gone."""
        self.abort()

    # -- limits --------------------------------------------------------------------------------------------------------

    def watch(self, stalled: Callable[[], None]) -> None:
        """Call `stalled` when nothing comes, or goes out, for as long as the app allows."""
        if self._timeout_s is not None:
            self._watch = StallWatch(self._timeout_s, self._in_flight_bytes, stalled)
            self._watch.start()

    def stop_watch(self) -> None:
        if self._watch is not None:
            self._watch.stop()

    def _touch(self) -> None:
        if self._watch is not None:
            self._watch.touch()

    def _in_flight_bytes(self) -> int:
        """0 while the socket is the device's, or closed; it may be closed while it is asked (ValueError)."""
        try:
            return self.unsent_bytes()
        except (HostError, OSError, ValueError):
            return 0
