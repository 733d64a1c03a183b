"""The moves of tests of XmlHttpRequest2: send one, see its callbacks; poll on a channel, answer, see the task run."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from rig.bench import Bench
from rig.peers.http import HttpServer
from rig.peers.http_handlers import hold
from rig.peers.http_request import HttpRequest
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.standby.api import HResult
from rig.standby.app_handle import AppHandle
from rig.suite.refusal import assert_refused
from rig.suite.scene import Scene
from rig.timeline import Record

XHR_APP = "rig.suite.xhr_app:XhrApp"
LAST_CALLS = ("response", "error")


class XhrScene(Scene):
    """One bench, its XHR app, and an HTTP server with a long poll at /poll."""

    def __init__(self, bench: Bench, web: HttpServer) -> None:
        super().__init__(bench)
        self.web = web
        web.on("/poll", hold)

    @cached_property
    def xhr(self) -> AppHandle:
        return self.host.start_app("xhr", XHR_APP)

    def refused(self, hresult: HResult, method: str, **arguments: Any) -> None:
        """The app's call raises that."""
        assert_refused(self.xhr, hresult, method, **arguments)

    def get(self, path: str, xhr: str = "one", **how: Any) -> list[Record]:
        """A plain request to its end: its callbacks."""
        self.xhr.call("get", xhr=xhr, url=self.web.url(path), **how)
        return self.calls_to_end(xhr)

    def calls_to_end(self, xhr: str = "one", *, after: int = 0) -> list[Record]:
        """Its callbacks, when the last one has come."""
        self.timeline.wait_until(
            lambda r: r.event == "xhr-call" and r.xhr == xhr and r.call in LAST_CALLS, f"the end of {xhr}", after=after
        )
        return self.timeline.find("xhr-call", xhr=xhr, after=after)

    def trace(self, calls: list[Record]) -> list[str]:
        """Their names in order; data that comes in several pieces is one."""
        names: list[str] = []
        for record in calls:
            if record.call != "data" or names[-1:] != ["data"]:
                names.append(record.call)
        return names

    def wait_call(self, call: str, xhr: str = "one", **limits: Any) -> Record:
        return self.timeline.wait("xhr-call", xhr=xhr, call=call, **limits)

    def poll(self, *, leak: bool = False) -> tuple[Status, HttpRequest]:
        """The channel's next request: what the set-up ended with, and the server's end of it."""
        before = len(self.web.requests("/poll"))
        status = Status(self.xhr.call("poll", url=self.web.url("/poll"), leak=leak))
        return status, self.web.request(before, path="/poll")

    def polling(self, *, minutes: int = 1439) -> HttpRequest:
        """A hardware channel with its first poll held at the server."""
        self.xhr.call("construct", minutes=minutes)
        status, held = self.poll()
        assert status is Status.HARDWARE_SLOT_ALLOCATED
        return held

    def answer_and_run(self, held: HttpRequest, body: bytes) -> Record:
        """While the host sleeps or not; the RUN_EXIT of the task that found it."""
        after = self.timeline.mark()
        held.respond(200, body)
        found = self.timeline.wait("TASK_DATA", channel="inbox", data=body.hex(), after=after)
        return self.timeline.wait("RUN_EXIT", kind="push", channel="inbox", after=found.seq)
