"""What the push service knows and decides, behind the door of the posters and the lines of the hosts. In memory alone."""

from __future__ import annotations

import itertools
import secrets
import threading
from collections import deque

from rig.clock import Clock
from rig.events import TimelineEvent as E
from rig.peers.push_service.answers import Answer, refusal, unauthorized, with_status
from rig.peers.push_service.channels import Channel, Channels, GoneAddress, UnknownAddress
from rig.peers.push_service.clock import ServiceClock
from rig.peers.push_service.credentials import Tokens
from rig.peers.push_service.hosts import Host, Hosts
from rig.peers.push_service.notification import Notification
from rig.peers.push_service.posts import BadPost, Post, parsed
from rig.peers.push_service.throttle import Throttle
from rig.push_line import ChannelKind
from rig.timeline import TimelineWriter

KEPT = 20_000
"""Notifications that tests can look at: the newest."""


class Core:
    """`changed` guards all of it, and is notified of each change; nothing is waited for that is not this lock."""

    def __init__(self, clock: Clock, timeline: TimelineWriter) -> None:
        self.id = secrets.token_hex(8)
        self.changed = threading.Condition(threading.RLock())
        self.clock = ServiceClock(clock)
        self.channels = Channels()
        self.hosts = Hosts(timeline, self.channels.has_some)
        self.tokens = Tokens()
        self.throttle = Throttle()
        self.notifications: deque[Notification] = deque(maxlen=KEPT)
        self._timeline = timeline
        self._ids = itertools.count(1)

    # -- for the door --------------------------------------------------------------------------------------------------

    def token(self, form: dict[str, str]) -> str:
        """Raises CredentialsRefused."""
        with self.changed:
            return self.tokens.granted(form, self.clock.now_ms)

    def is_authorized(self, authorization: str) -> bool:
        with self.changed:
            return self.tokens.app_of(authorization, self.clock.now_ms) is not None

    def posted(self, secret: str, headers: list[tuple[str, str]], body: bytes) -> Answer:
        """`headers`: names in small letters. First who asks, then where to, then what."""
        with self.changed:
            now_ms = self.clock.now_ms
            app = self.tokens.app_of(dict(headers).get("authorization", ""), now_ms)
            if app is None:
                return unauthorized()
            try:
                channel = self.channels.at(secret, now_ms)
            except UnknownAddress:
                return refusal(404, "there is no such channel")
            except GoneAddress:
                return refusal(410, "the channel has expired, or was closed")
            if channel.app != app:
                return refusal(403, "the token is of another app than the channel")
            return self._posted_to(channel, headers, body, now_ms)

    def _posted_to(self, channel: Channel, headers: list[tuple[str, str]], body: bytes, now_ms: int) -> Answer:
        try:
            post = parsed(headers)
        except BadPost as bad:
            return refusal(bad.status, str(bad))
        if channel.kind is ChannelKind.TILE:
            return refusal(400, "x-wns-type: the channel of a secondary tile takes no raw notifications")
        host = self.hosts.of(channel)
        if not self.throttle.lets_pass(channel, now_ms):
            answer, status = refusal(406, "the channel is throttled"), "channelthrottled"
        else:
            answer, status = self._taken(host, channel, post, body, now_ms)
        return with_status(answer, status, host.presence(now_ms)) if post.wants_status else answer

    def _taken(self, host: Host, channel: Channel, post: Post, body: bytes, now_ms: int) -> tuple[Answer, str]:
        """The answer, and the notification's status."""
        expires_ms = min(channel.expires_ms, now_ms + post.ttl_ms if post.ttl_ms is not None else channel.expires_ms)
        notification = Notification(next(self._ids), channel, body, post, expires_ms)
        self.notifications.append(notification)
        self._timeline.add(E.PUSH_POSTED, **notification.record, bytes=len(body), priority=post.priority)
        host.mailbox.take(notification, now_ms)
        self.changed.notify_all()
        named = {"X-WNS-Msg-ID": f"{notification.id:X}", "X-WNS-Debug-Trace": self.id}
        return Answer(200, named), "dropped" if notification.dropped else "received"

    # -- for the passing of time ---------------------------------------------------------------------------------------

    def pass_time(self) -> float | None:
        """What is due by now happens. Returns the real seconds until more is; None: when something else has happened."""
        with self.changed:
            now_ms = self.clock.now_ms
            times = []
            for host in self.hosts.all():
                host.mailbox.pass_time(now_ms)
                times.append(host.mailbox.next_due_ms())
            self.changed.notify_all()
            return min((self.clock.real_s_until(at_ms) for at_ms in times if at_ms is not None), default=None)
