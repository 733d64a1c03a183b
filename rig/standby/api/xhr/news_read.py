"""The posted read of a request: it is over whenever the callbacks have something to hear."""

from __future__ import annotations

from collections.abc import Callable

from rig.standby.api.byte_stream import ByteStream
from rig.standby.api.http.exchange import Exchange
from rig.standby.api.posted_read import PostedRead

ROUNDS = 16
"""Of receiving, a megabyte, before somebody else may have the turn: a peer that never pauses must not hold who aborts."""


class NewsRead(PostedRead):
    """News are the head of the response, `news_bytes` of its body, and its end.

    The push task runs when the callbacks have returned, as with other posted reads; what comes before the channel is set up is
    kept for then (`withholds`). What the app heard nothing of pushes nothing: a redirect, a challenge that was answered.
    """

    def __init__(
        self,
        stream: ByteStream,
        exchange: Exchange,
        handler: Callable[[NewsRead], None],
        release: Callable[[PostedRead], None],
        *,
        socket_id: int,
        channel_id: str | None,
        news_bytes: int,
        withholds: Callable[[], bool],
        touch: Callable[[], None],
    ) -> None:
        super().__init__(stream.sock, handler, release, socket_id=socket_id, channel_id=channel_id)
        self.exchange = exchange
        self.was_told = False
        """The app has heard of it."""
        self.goes_on = False
        """Its connection has more to bring: the rest, or another exchange."""
        self._stream = stream
        self._has_head = exchange.head is not None
        self._news_bytes = news_bytes
        self._withholds = withholds
        self._touch = touch

    @property
    def ready(self) -> bool:
        return self._stream.buffered or self._has_news

    @property
    def size_bytes(self) -> int:
        return self.exchange.buffered_bytes

    @property
    def over(self) -> bool:
        """Asked when its handler has returned."""
        return not self.goes_on

    @property
    def pushes_by_itself(self) -> bool:
        """Asked when its handler has returned."""
        return not self.was_told or self._withholds()

    def take(self) -> bool:
        for _ in range(ROUNDS):
            if self._has_news:
                return True
            data = self._stream.receive()
            if data is None:
                return False
            self._touch()
            self.exchange.feed(data)
        return self._has_news

    @property
    def _has_news(self) -> bool:
        exchange = self.exchange
        return (
            exchange.complete or exchange.buffered_bytes >= self._news_bytes or (exchange.head is not None and not self._has_head)
        )
