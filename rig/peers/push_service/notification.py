"""One notification on its way from a POST to its host."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from rig.peers.push_service.channels import Channel
from rig.peers.push_service.posts import Post
from rig.push_line import Notify


@dataclass(eq=False)
class Notification:
    """`id` counts those of the service, in the order in which it took them; it is the answer's X-WNS-Msg-ID."""

    id: int
    channel: Channel
    content: bytes
    post: Post
    expires_ms: int
    """On the service's clock: the end of its time to live, or of its channel."""
    posted_ns: int = field(default_factory=time.monotonic_ns)
    """CLOCK_MONOTONIC, as all times that end with _ns."""
    number: int = 0
    """On its host's line; 0: it has not gone yet."""
    sent_ns: list[int] = field(default_factory=list)
    """Each time that it went: again on each new line, until it is acknowledged."""
    delivered_ns: int = 0
    """The host has acknowledged it."""
    dropped: str = ""
    """Why nobody will get it."""

    @property
    def is_over(self) -> bool:
        return bool(self.delivered_ns or self.dropped)

    def is_expired(self, now_ms: int) -> bool:
        return now_ms >= self.expires_ms

    @property
    def message(self) -> Notify:
        channel = self.channel
        return Notify(self.number, channel.app, self.content, channel.kind, channel.id, self.post.headers)

    @property
    def record(self) -> dict[str, Any]:
        """What a record of it says."""
        return {"notification": self.id, "app": self.channel.app, "channel": self.channel.name}
