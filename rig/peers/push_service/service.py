"""The push service: apps' servers post to it, hosts are told. What a test has in its hands.

with bench.peers.push_service() as push:
    host.use_push_service(push)
    ...
    reply = push.post(uri, b"news", priority=Priority.HIGH, status=True)
    assert (reply.code, reply.status, reply.connection) == (200, "received", "connected")
    push.delivered(reply)       # waits until the host has acknowledged it
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self, TypeVar

from rig.clock import WAIT_S, Clock
from rig.net.namespace import Namespace
from rig.peers.connection import quietly
from rig.peers.push_service.channels import Channel
from rig.peers.push_service.clock import DAY_MS, MINUTE_MS
from rig.peers.push_service.command_lines import CommandLines
from rig.peers.push_service.core import Core
from rig.peers.push_service.credentials import Credentials
from rig.peers.push_service.door import CHANNEL_PATH, TOKEN_PATH, Door
from rig.peers.push_service.host_line import HostLine
from rig.peers.push_service.hosts import Host
from rig.peers.push_service.lines import Lines
from rig.peers.push_service.notification import Notification
from rig.peers.push_service.posts import OCTETS, RAW
from rig.peers.push_service.priorities import Priority
from rig.peers.push_service.sender import Reply, Sender
from rig.peers.push_service.talk import Talk
from rig.push_line import ChannelKind, Power
from rig.timeline import TimelineWriter

T = TypeVar("T")

LONGEST_WAIT_S = 3600.0


class PushService:
    """HTTP on `address`, `port`; hosts' lines on `address`, `line_port`. Context manager. Any thread may call."""

    def __init__(
        self,
        namespace: Namespace,
        address: str,
        timeline: TimelineWriter,
        clock: Clock,
        port: int = 0,
        line_port: int = 0,
        *,
        tls: ssl.SSLContext | None = None,
        line_tls: ssl.SSLContext | None = None,
        trusted: Path | None = None,
    ) -> None:
        """`tls`, `line_tls`: servers' contexts, for https and for the lines. `trusted`: the file of who signed `tls`."""
        self.address = address
        self._core = Core(clock, timeline)
        talk = Talk(self._core, timeline)
        self._sender = Sender(namespace, ssl.create_default_context(cafile=trusted) if trusted else None)
        self._command_lines = CommandLines(namespace.outside_command(), trusted)
        self._tokens: dict[str, str] = {}
        with ExitStack() as undo:  # of what stands when the other port cannot be had
            self._door = undo.enter_context(Door(namespace, address, timeline, port, tls=tls, decides=self._core))
            talk.channel_uri = self._door.channel_uri
            self._lines = Lines(namespace, address, timeline, line_port, tls=line_tls, service=talk)
            undo.pop_all()
        self._closed = False
        self._timer = threading.Thread(target=self._pass_time, name="push-service", daemon=True)
        self._timer.start()

    @property
    def port(self) -> int:
        return self._door.port

    @property
    def line_port(self) -> int:
        return self._lines.port

    def url(self, path: str = "/") -> str:
        return self._door.url(path)

    # -- an app's server -----------------------------------------------------------------------------------------------

    def credentials(self, app: str) -> Credentials:
        """Of the app's server, for POST /accesstoken.srf."""
        with self._core.changed:
            return self._core.tokens.credentials(app)

    def token(self, app: str) -> str:
        """A bearer token for its channels."""
        with self._core.changed:
            return self._core.tokens.issue(app, self._core.clock.now_ms)

    def revoke_tokens(self) -> None:
        """All that were given out are of no use any more (401)."""
        with self._core.changed:
            self._core.tokens.revoke()
            self._tokens.clear()

    def post(
        self,
        uri: str,
        content: bytes,
        *,
        priority: Priority | None = None,
        cache: bool | None = None,
        ttl_s: int | None = None,
        status: bool = False,
        headers: Mapping[str, str] | None = None,
        without: Collection[str] = (),
    ) -> Reply:
        """A raw notification from the service's own machine, over HTTP. `ttl_s`: specification seconds. `headers`: more, or
        others; `without`: those that are left out. Raises OSError."""
        said = {
            "X-WNS-Type": RAW,
            "Content-Type": OCTETS,
            "Authorization": f"Bearer {self._token_for(uri)}",
            **({} if priority is None else {"X-WNS-PRIORITY": str(int(priority))}),
            **({} if cache is None else {"X-WNS-Cache-Policy": "cache" if cache else "no-cache"}),
            **({} if ttl_s is None else {"X-WNS-TTL": str(ttl_s)}),
            **({"X-WNS-RequestForStatus": "true"} if status else {}),
            **(headers or {}),
        }
        return self._sender.post(uri, content, {name: value for name, value in said.items() if name not in without})

    def post_raw(self, uri: str, framing: Mapping[str, str], body: bytes) -> Reply:
        """A good notification but for how its body is framed: as these headers say, or nothing. On a connection of its own."""
        said = {"X-WNS-Type": RAW, "Content-Type": OCTETS, "Authorization": f"Bearer {self._token_for(uri)}", **framing}
        return self._sender.post_raw(uri, said, body)

    def _token_for(self, uri: str) -> str:
        """Of the app that the URI is, or was, of; kept as an app's server would keep it."""
        with self._core.changed:
            app = self._core.channels.app_of(uri.rpartition(CHANNEL_PATH)[2]) or "nobody"
            token = self._tokens.get(app, "")
            if self._core.tokens.app_of(f"Bearer {token}", self._core.clock.now_ms) is None:
                token = self._tokens[app] = self.token(app)
            return token

    def curl(self, uri: str, content: str = "news") -> str:
        """A line for a shell of the same user, anywhere on this machine, that posts that as a raw notification."""
        return self._command_lines.notification(uri, self._token_for(uri), content)

    def curl_for_token(self, app: str) -> str:
        """The same, that asks for a token of the app's."""
        return self._command_lines.token(self.url(TOKEN_PATH), self.credentials(app))

    # -- what is there -------------------------------------------------------------------------------------------------

    @property
    def channels(self) -> list[Channel]:
        """That are open."""
        with self._core.changed:
            return self._core.channels.all()

    def uri(self, app: str, kind: ChannelKind = ChannelKind.PRIMARY, name: str = "", timeout_s: float = WAIT_S) -> str:
        """The newest of the app's channel; waits for it. Raises AssertionError."""

        def found() -> str | None:
            mine = (one for one in self._core.channels.all() if (one.app, one.kind, one.id) == (app, kind, name))
            channel = next(mine, None)
            return None if channel is None else self._door.channel_uri(channel.addresses[-1].secret)

        return self._wait(found, timeout_s, f"a channel of {app}")

    @property
    def notifications(self) -> list[Notification]:
        """All that were taken, in the order of their POSTs."""
        with self._core.changed:
            return list(self._core.notifications)

    @property
    def deliveries(self) -> list[Notification]:
        """That a host has acknowledged, in the order in which they went."""
        return sorted((one for one in self.notifications if one.delivered_ns), key=lambda one: one.number)

    def notification(self, reply: Reply) -> Notification:
        """Which one that was the answer for. Raises AssertionError when it was taken for none."""
        found = next((one for one in self.notifications if one.id == reply.notification), None)
        assert found is not None, f"no notification came of it: {reply}"
        return found

    def delivered(self, reply: Reply, timeout_s: float = WAIT_S) -> Notification:
        """Waits until the host has acknowledged it. Raises AssertionError, at once where it was dropped."""
        one = self.notification(reply)
        self._wait(lambda: one.is_over, timeout_s, f"the acknowledgement of {one.record}")
        assert not one.dropped, f"{one.record} was dropped: {one.dropped}"
        return one

    def host(self, timeout_s: float = WAIT_S) -> Host:
        """The one that is connected, the newest of several; waits for it. Raises AssertionError."""

        def found() -> Host | None:
            return next((one for one in reversed(self._core.hosts.all()) if one.line is not None), None)

        return self._wait(found, timeout_s, "a host's line")

    def wait_disconnected(self, timeout_s: float = WAIT_S) -> None:
        """Until the service knows that no host is there. Raises AssertionError."""
        self._wait(lambda: all(one.line is None for one in self._core.hosts.all()), timeout_s, "the end of all lines")

    def wait_power(self, timeout_s: float = WAIT_S, **wanted: object) -> Power:
        """Until the host has told a power state whose fields are those. Raises AssertionError with what it has told."""
        mailbox = self.host(timeout_s).mailbox

        def found() -> Power | None:
            return mailbox.power if all(getattr(mailbox.power, name) == value for name, value in wanted.items()) else None

        return self._wait(found, timeout_s, f"{wanted} of the host, whose power is {mailbox.power},")

    # -- faults, and figures that a test may turn ----------------------------------------------------------------------

    @property
    def lines(self) -> list[HostLine]:
        """That are up, oldest first. Each may be held, reset or ended."""
        return self._lines.alive

    def drop_lines(self) -> None:
        """RST on each that does not end by itself just now."""
        for line in self.lines:
            quietly(line.reset)

    def accept_lines(self, accepts: bool) -> None:
        """False: who connects is reset."""
        self._lines.accepts = accepts

    def throttle(self, posts_a_minute: int) -> None:
        """What a channel takes from now on, in a minute of the bench's clock."""
        with self._core.changed:
            self._core.throttle.posts_a_minute = posts_a_minute

    def batch_minutes(self, minutes: float) -> None:
        """How long what is batched waits for company, on the bench's clock."""
        with self._core.changed:
            self._core.hosts.batch_min = minutes
            self._core.changed.notify_all()

    def skip(self, *, days: float = 0, minutes: float = 0) -> None:
        """So much of the service's time passes at once."""
        with self._core.changed:
            self._core.clock.skip(round(days * DAY_MS + minutes * MINUTE_MS))
            self._core.changed.notify_all()

    # -- its life ------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        with self._core.changed:
            self._closed = True
            self._core.changed.notify_all()
        self._timer.join(1)
        self._sender.close()
        self._door.close()
        self._lines.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _pass_time(self) -> None:
        with self._core.changed:
            while not self._closed:
                wait_s = self._core.pass_time()
                self._core.changed.wait(LONGEST_WAIT_S if wait_s is None else min(wait_s, LONGEST_WAIT_S))

    def _wait(self, look: Callable[[], T | None], timeout_s: float, what: str) -> T:
        """Until it finds something. Raises AssertionError."""
        with self._core.changed:
            if not (found := self._core.changed.wait_for(look, timeout_s)):
                raise AssertionError(f"{what} did not come within {timeout_s} s")
            return found
