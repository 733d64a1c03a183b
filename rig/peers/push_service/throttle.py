"""How often a channel may be posted to: a bucket that fills up as the bench's minutes pass (RAW-015: 406)."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from rig.peers.push_service.channels import Channel
from rig.peers.push_service.clock import MINUTE_MS

POSTS_A_MINUTE = 1000
"""Nobody documents the limit of WNS: a figure of the rig's own."""


class Throttle:
    """Of all channels; each has a bucket of its own, full at first."""

    def __init__(self) -> None:
        self.posts_a_minute = POSTS_A_MINUTE
        """A test's to change."""
        self._buckets: WeakKeyDictionary[Channel, tuple[float, int]] = WeakKeyDictionary()
        """What is left of it, and when that was so."""

    def lets_pass(self, channel: Channel, now_ms: int) -> bool:
        left, then_ms = self._buckets.get(channel, (float(self.posts_a_minute), now_ms))
        left = min(self.posts_a_minute, left + (now_ms - then_ms) * self.posts_a_minute / MINUTE_MS)
        self._buckets[channel] = (left - 1 if left >= 1 else left, now_ms)
        return left >= 1
