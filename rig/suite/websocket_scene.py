"""The moves of tests of WebSocket channels: set one up, push a message, see the task run."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from rig.bench import Bench
from rig.clock import WAIT_S, Deadline
from rig.peers.websocket import WebSocketConnection, WebSocketServer
from rig.standby.app_handle import AppHandle
from rig.suite.scene import Scene
from rig.timeline import Record

WEBSOCKET_APP = "rig.suite.websocket_app:WebSocketApp"
KINDS = ("stream", "message")


class WebSocketScene(Scene):
    """One bench, its WebSocket app, and a WebSocket server."""

    def __init__(self, bench: Bench, server: WebSocketServer) -> None:
        super().__init__(bench)
        self.server = server

    @cached_property
    def ws(self) -> AppHandle:
        return self.host.start_app("sockets", WEBSOCKET_APP)

    def register(self, channel: str = "inbox", *, uri: str | None = None, app: AppHandle | None = None, **how: Any) -> bool:
        """The app's helper: whether all is set up."""
        done: bool = (app or self.ws).call("register", channel=channel, uri=uri or self.server.url("/chat"), **how)
        return done

    def registered(self, channel: str = "inbox", **how: Any) -> WebSocketConnection:
        """Of a channel that is set up: the server's end of it."""
        before = len(self.server.connections)
        assert self.register(channel, **how), [dict(r.detail) for r in self.timeline.find("helper-failed")]
        return self.server.connection(before)

    def message_and_run(self, connection: WebSocketConnection, data: bytes, channel: str = "inbox") -> Record:
        """A binary message, while the host sleeps or not; the RUN_EXIT of the task that found it."""
        after = self.timeline.mark()
        connection.push(data)
        self.timeline.wait("TASK_DATA", channel=channel, data=data.hex(), after=after)
        return self.timeline.wait("RUN_EXIT", kind="push", channel=channel, after=after)

    def wait_received(self, data: bytes, channel: str = "inbox") -> None:
        """Until the app's messages, one behind the other, are all of `data`: a stream's reads see no borders between them."""
        deadline = Deadline(WAIT_S)
        while (received := b"".join(self.ws.call("inbox", channel=channel))) != data:
            assert not deadline.expired, f"{len(received)} of {len(data)} bytes: ...{received[-60:]!r}"
            deadline.pause()

    def between(self, first: Record, last: Record) -> Iterator[Record]:
        """Records from one to the other, both too."""
        return iter(self.timeline.records()[first.seq : last.seq + 1])
