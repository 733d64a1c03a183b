"""The moves of tests of HTTP on channels: an app, a server that holds its responses, a message that wakes."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from rig.bench import Bench
from rig.peers.http import HttpServer
from rig.peers.http_handlers import hold
from rig.peers.http_request import HttpRequest
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.standby.app_handle import AppHandle
from rig.suite.scene import Scene
from rig.timeline import Record

HTTP_APP = "rig.suite.http_app:HttpApp"
POLL = "/poll"


class HttpScene(Scene):
    """`web` holds what asks for POLL."""

    def __init__(self, bench: Bench, web: HttpServer) -> None:
        super().__init__(bench)
        self.web = web
        web.on(POLL, hold)

    @cached_property
    def client(self) -> AppHandle:
        return self.host.start_app("http", HTTP_APP)

    def set_up(self, path: str = POLL, *, channel: str = "inbox", **how: Any) -> Status:
        return Status(self.client.call("set_up", channel=channel, uri=self.web.url(path), **how))

    def polling(self, path: str = POLL, **how: Any) -> HttpRequest:
        """A channel with a request that the server holds."""
        before = len(self.web.requests(path))
        assert self.set_up(path, **how).allocated
        return self.web.request(before, path=path)

    def answer(self, request: HttpRequest, text: str) -> Record:
        """The whole response at once; the RUN_EXIT of the task that has read it."""
        after = self.timeline.mark()
        request.respond(200, text.encode())
        return self.message(text, after)

    def message(self, text: str | None, after: int, channel: str = "inbox") -> Record:
        """The RUN_EXIT of the task that has read that message."""
        self.timeline.wait("http-message", channel=channel, message=text, after=after)
        return self.timeline.wait("RUN_EXIT", kind="push", channel=channel, after=after)
