"""The posted read of a response, or of a part of one."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from rig.standby.api.byte_stream import ByteStream
from rig.standby.api.http.exchange import Exchange
from rig.standby.api.posted_read import PostedRead

ROUNDS = 16
"""Of receiving, a megabyte, before somebody else may have the turn: a peer that never pauses must not hold who closes."""
PART_BYTES = 65_536


class Until(Enum):
    """What completes it. The end of the response and an error complete each of them."""

    HEAD = "head"
    """The status and the headers of the final response."""
    PART = "part"
    """Some bytes of the body; none are its end."""
    WHOLE = "whole"


class ResponseRead(PostedRead):
    """What has come is in `exchange`, which has no other reader. `dispatch`: told of the head, or of an error; whether the push
    task is due for it. `withholds`: whether none is to follow a part, as it is kept for later."""

    def __init__(
        self,
        stream: ByteStream,
        exchange: Exchange,
        until: Until,
        handler: Callable[[ResponseRead], None],
        release: Callable[[PostedRead], None],
        dispatch: Callable[[], bool],
        withholds: Callable[[], bool],
        *,
        socket_id: int,
        channel_id: str | None,
    ) -> None:
        super().__init__(stream.sock, handler, release, socket_id=socket_id, channel_id=channel_id)
        self.exchange = exchange
        self.until = until
        self.count = PART_BYTES
        """Of a part, at most."""
        self._stream = stream
        self._dispatch = dispatch
        self._withholds = withholds

    @property
    def ready(self) -> bool:
        return self._stream.buffered or self._satisfied

    @property
    def size_bytes(self) -> int:
        return self.exchange.buffered_bytes

    @property
    def over(self) -> bool:
        """A transport has one response."""
        return self.error is not None or self.exchange.complete

    @property
    def pushes_by_itself(self) -> bool:
        """CHC-006. Parts are read as from a socket, and pushed as they are (CHC-011)."""
        return self.until is not Until.PART or self._withholds()

    def get_results(self) -> bytes:
        """A part of the body, once each; b"" is its end. Raises OSError on ERROR, HostError when cancelled or pending."""
        self.check_completed()
        return self.exchange.take(self.count)

    def dispatched(self) -> bool:
        something = self.error is not None or self.exchange.head is not None
        return self.until is not Until.PART and something and self._dispatch()

    def take(self) -> bool:
        rounds = 0
        while not self._satisfied:
            if rounds >= ROUNDS and not self._stream.buffered:
                return False  # the kernel has the rest, and says so again
            data = self._stream.receive()
            if data is None:
                return False
            self.exchange.feed(data)
            rounds += 1
        return True

    @property
    def _satisfied(self) -> bool:
        exchange = self.exchange
        if exchange.complete:
            return True
        if self.until is Until.HEAD:
            return exchange.head is not None
        return self.until is Until.PART and exchange.buffered_bytes > 0
