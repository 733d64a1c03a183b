"""What waits for one host, and what has gone and is not acknowledged: in what order it goes, when, and what is dropped.

Nothing here does I/O or waits; the service calls with its lock held, and says what time it is.

* What the priority and the host's power allow goes at once, while fewer than WINDOW are unacknowledged; beyond them it is cached
  or dropped, as for a host that is offline.
* Batched ones go together: with the next that goes at once, or when the oldest has waited `batch_min`, or when there are BATCH.
* Of cached ones the newest of each channel is kept, until the power allows it, or the host is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from rig.events import TimelineEvent as E
from rig.peers.push_service.channels import Channel
from rig.peers.push_service.clock import MINUTE_MS
from rig.peers.push_service.notification import Notification
from rig.peers.push_service.priorities import Way, way
from rig.push_line import Message, Power
from rig.timeline import TimelineWriter

WINDOW = 256
"""Most that are unacknowledged: at 5000 bytes each 1.3 MB a host."""
BATCH = 64
"""Most that wait to go together."""
BATCH_MIN = 15.0
"""Nobody documents how long WNS collects: a figure of the rig's own, in minutes of the bench's clock."""

OFFLINE = "the host is offline"
NOT_ACKNOWLEDGED = "the host acknowledges nothing"
REPLACED = "a newer one of its channel"
CLOSED = "its channel was closed"
EXPIRED = "its time to live is over"
BATCH_FULL = "the batch is full"


class Line(Protocol):
    """What a host's line is for its mailbox."""

    def put(self, message: Message) -> None:
        """Does not wait."""


@dataclass(frozen=True)
class Held:
    notification: Notification
    since_ms: int
    cached: bool


class Mailbox:
    def __init__(self, timeline: TimelineWriter, batch_min: Callable[[], float] = lambda: BATCH_MIN) -> None:
        self.power = Power()
        self.line: Line | None = None
        self.last = 0
        """The number of the newest that has gone."""
        self._batch_min = batch_min
        self._timeline = timeline
        self._unacknowledged: dict[int, Notification] = {}
        """By number, in their order."""
        self._held: dict[int, Held] = {}
        """By id, in the order of their posting."""
        self._cached: dict[Channel, int] = {}
        """Which of them is a channel's cached one."""

    @property
    def unacknowledged(self) -> int:
        return len(self._unacknowledged)

    @property
    def is_unused(self) -> bool:
        return not self.last and not self._held

    @property
    def held(self) -> list[Notification]:
        return [held.notification for held in self._held.values()]

    # -- what is posted ------------------------------------------------------------------------------------------------

    def take(self, notification: Notification, now_ms: int) -> None:
        """It has gone, is held, or dropped when this returns."""
        if self.line is None:
            self._cache_if_it_may(notification, now_ms, OFFLINE)
            return
        match self._way(notification):
            case Way.NOW:
                self._send_due(now_ms, with_batch=True)
                if self.unacknowledged < WINDOW:
                    self._send(notification)
                else:
                    self._cache_if_it_may(notification, now_ms, NOT_ACKNOWLEDGED)
            case Way.BATCHED:
                self._batch(notification, now_ms)
            case Way.CACHED:
                self._cache(notification, now_ms)

    def _cache_if_it_may(self, notification: Notification, now_ms: int, otherwise: str) -> None:
        if notification.post.cacheable:
            self._cache(notification, now_ms)
        else:
            self._drop(notification, otherwise)

    def _batch(self, notification: Notification, now_ms: int) -> None:
        if self._batched() >= BATCH:
            self._drop(notification, BATCH_FULL)
            return
        self._hold(notification, now_ms, cached=False)
        if self._batched() >= BATCH:
            self._send_due(now_ms, with_batch=True)

    def _cache(self, notification: Notification, now_ms: int) -> None:
        before = self._cached.pop(notification.channel, None)
        if before is not None:
            self._drop(self._held.pop(before).notification, REPLACED)
        self._cached[notification.channel] = notification.id
        self._hold(notification, now_ms, cached=True)

    def _hold(self, notification: Notification, now_ms: int, *, cached: bool) -> None:
        self._timeline.add(E.PUSH_HELD, **notification.record, way=(Way.CACHED if cached else Way.BATCHED).value)
        self._held[notification.id] = Held(notification, now_ms, cached)
        self.pass_time(now_ms)

    # -- what the host says --------------------------------------------------------------------------------------------

    def connect(self, line: Line, last: int, power: Power, now_ms: int) -> None:
        """A new line of the host, who has acknowledged all up to `last`: what has gone and is behind that goes again."""
        self.line = None
        self.power = power
        self.acknowledge(last, now_ms)
        self.line = line
        for notification in list(self._unacknowledged.values()):
            if notification.is_expired(now_ms):
                del self._unacknowledged[notification.number]
                self._drop(notification, EXPIRED)
            else:
                self._transmit(notification)
        self._send_due(now_ms)

    def disconnect(self) -> None:
        self.line = None

    def acknowledge(self, number: int, now_ms: int) -> None:
        while self._unacknowledged and (first := next(iter(self._unacknowledged))) <= number:
            notification = self._unacknowledged.pop(first)
            notification.delivered_ns = time.monotonic_ns()
            self._timeline.add(E.PUSH_DELIVERED, **notification.record, number=first)
        self._send_due(now_ms)

    def set_power(self, power: Power, now_ms: int) -> None:
        self.power = power
        self._send_due(now_ms)

    def close(self, channel: Channel) -> None:
        """Nothing of it goes any more, or again."""
        mine = [held.notification for held in self._held.values() if held.notification.channel is channel]
        mine += [notification for notification in self._unacknowledged.values() if notification.channel is channel]
        for notification in mine:
            self._held.pop(notification.id, None)
            self._unacknowledged.pop(notification.number, None)
            self._drop(notification, CLOSED)
        self._cached.pop(channel, None)

    # -- what time does ------------------------------------------------------------------------------------------------

    def pass_time(self, now_ms: int) -> None:
        """Those whose time to live is over go away, and a batch goes out that has waited long enough."""
        for held in list(self._held.values()):
            if held.notification.is_expired(now_ms):
                self._release(held)
                self._drop(held.notification, EXPIRED)
        self._send_due(now_ms)

    def next_due_ms(self) -> int | None:
        """When `pass_time` has something to do, if nothing else happens."""
        may_send = self.line is not None and self.unacknowledged < WINDOW
        times = [self._batch_due_ms(held) for held in self._held.values() if may_send]
        times += [held.notification.expires_ms for held in self._held.values()]
        return min((at_ms for at_ms in times if at_ms is not None), default=None)

    # -- sending -------------------------------------------------------------------------------------------------------

    def _send_due(self, now_ms: int, *, with_batch: bool = False) -> None:
        """What may go goes, oldest first."""
        if self.line is None or not self._held:
            return
        ways = [(held, self._way(held.notification)) for held in self._held.values()]
        batch = with_batch or any(how is Way.NOW or self._is_batch_due(held, now_ms) for held, how in ways)
        for held, how in ways:
            if self.unacknowledged >= WINDOW:
                return
            if how is Way.NOW or (how is Way.BATCHED and batch):
                self._release(held)
                self._send(held.notification)

    def _is_batch_due(self, held: Held, now_ms: int) -> bool:
        due_ms = self._batch_due_ms(held)
        return due_ms is not None and due_ms <= now_ms

    def _batch_due_ms(self, held: Held) -> int | None:
        if self._way(held.notification) is not Way.BATCHED:
            return None
        return held.since_ms + round(self._batch_min() * MINUTE_MS)

    def _batched(self) -> int:
        return len(self._held) - len(self._cached)

    def _way(self, notification: Notification) -> Way:
        exempt = notification.channel.app in self.power.exempt
        return way(notification.post.priority, self.power, exempt=exempt)

    def _release(self, held: Held) -> None:
        del self._held[held.notification.id]
        if held.cached:
            del self._cached[held.notification.channel]

    def _send(self, notification: Notification) -> None:
        self.last += 1
        notification.number = self.last
        self._unacknowledged[notification.number] = notification
        self._transmit(notification)

    def _transmit(self, notification: Notification) -> None:
        assert self.line is not None
        again = bool(notification.sent_ns)
        self._timeline.add(E.PUSH_SENT, **notification.record, number=notification.number, again=again)
        notification.sent_ns.append(time.monotonic_ns())
        self.line.put(notification.message)

    def _drop(self, notification: Notification, why: str) -> None:
        event = E.PUSH_EXPIRED if why is EXPIRED else E.PUSH_DISCARDED
        notification.dropped = why
        self._timeline.add(event, **notification.record, why=why)
