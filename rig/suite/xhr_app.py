"""The app under test of XmlHttpRequest2: plain requests, and a channel whose long poll is a new object each time.

Records of its own: "xhr-call" for each callback, "canary" when a probe has ended. The push task records TASK_DATA as the chat
app's does, and sends the next poll when it is told to.
"""

from __future__ import annotations

import queue
import threading
import weakref
from pathlib import Path
from typing import Any

from rig.clock import Deadline
from rig.standby.api import (
    App,
    BackgroundExecutionManager,
    BackgroundTaskBuilder,
    BackgroundTaskInstance,
    ControlChannelTrigger,
    ControlChannelTriggerResourceType,
    HostError,
    HResult,
)
from rig.standby.api.xhr import ResponseStream, XhrProperty, XmlHttpRequest2, XmlHttpRequest2Callback
from rig.suite.canary import Canary, CanaryState

PUSH, KEEP_ALIVE = "XhrApp.Push", "XhrApp.KeepAlive"
CALLBACK_LIMIT_S = 10.0
SHOWN_BYTES = 64
"""Of a body on the timeline."""


class Told(XmlHttpRequest2Callback):
    """Writes down every call, keeps the body; does what a test told it to do in one of them."""

    def __init__(self, app: XhrApp, name: str) -> None:
        self.app = app
        self.name = name
        self.body = b""
        self.raises_in: frozenset[str] = frozenset()
        self.aborts_in: frozenset[str] = frozenset()
        self.waits_in: frozenset[str] = frozenset()
        self.go_on = threading.Event()

    def on_redirect(self, xhr: XmlHttpRequest2, redirect_url: str) -> None:
        self._told(xhr, "redirect", url=redirect_url)

    def on_headers_available(self, xhr: XmlHttpRequest2, status: int, status_text: str) -> None:
        self._told(xhr, "headers", status=status, text=status_text)

    def on_data_available(self, xhr: XmlHttpRequest2, stream: ResponseStream) -> None:
        data = stream.read()
        self.body += data
        self._told(xhr, "data", bytes=len(data))

    def on_response_received(self, xhr: XmlHttpRequest2, stream: ResponseStream) -> None:
        self.body += stream.read()
        self.app.received(self.name, self.body)
        self._told(xhr, "response", bytes=len(self.body), data=self.body[:SHOWN_BYTES].hex())

    def on_error(self, xhr: XmlHttpRequest2, error: int) -> None:
        self.app.failed(self.name)
        self._told(xhr, "error", error=int(error), name=str(getattr(error, "name", "")))

    def _told(self, xhr: XmlHttpRequest2, call: str, **detail: Any) -> None:
        self.app.app.timeline.add("xhr-call", xhr=self.name, call=call, **detail)
        if call in self.waits_in:
            self.go_on.wait(CALLBACK_LIMIT_S)
        if call in self.aborts_in:
            xhr.abort()
        if call in self.raises_in:
            raise RuntimeError(f"a callback that raises in {call}")


class XhrApp:
    """Requests by name; one channel, `inbox`."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.made: dict[str, XmlHttpRequest2] = {}
        self.callbacks: dict[str, Told] = {}
        self.channel: ControlChannelTrigger | None = None
        self.leaked: list[XmlHttpRequest2] = []
        self.renews = False
        """The push task sends the next poll."""
        self.answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        """Of the channel's requests, for the push task."""
        self.broken = False
        """The channel's last request has failed."""
        self._poll_url = ""
        self._polls = 0
        self._freed: dict[str, weakref.ref[XmlHttpRequest2]] = {}
        self._canary = Canary(self._canary_ended)
        app.entry_points |= {PUSH: self._push, KEEP_ALIVE: self._keep_alive}

    # -- one step a call -----------------------------------------------------------------------------------------------

    def make(self, xhr: str) -> None:
        self.made[xhr] = XmlHttpRequest2()
        self._freed[xhr] = weakref.ref(self.made[xhr])

    def open(self, xhr: str, url: str, verb: str = "GET", credentials: list[str | None] | None = None, **does: list[str]) -> None:
        """`does`: raises_in, aborts_in, waits_in, each a list of calls; `credentials`: as the last four of `open`."""
        self.callbacks[xhr] = told = Told(self, xhr)
        for name, calls in does.items():
            setattr(told, name, frozenset(calls))
        self.made[xhr].open(verb, url, told, *(credentials or []))

    def set_property(self, xhr: str, name: str, value: int) -> None:
        self.made[xhr].set_property(XhrProperty[name], value)

    def set_header(self, xhr: str, name: str, value: str) -> None:
        self.made[xhr].set_request_header(name, value)

    def set_proxy(self, xhr: str, host: str, port: int) -> None:
        self.made[xhr].proxy = (host, port)

    def set_certificate(self, xhr: str, file: str) -> None:
        self.made[xhr].set_client_certificate(Path(file))

    def bind(self, xhr: str) -> None:
        self._channel.using_transport(self.made[xhr])

    def send(self, xhr: str, body: bytes = b"") -> None:
        self.made[xhr].send(body)

    def send_much(self, xhr: str, size_bytes: int) -> None:
        self.made[xhr].send(bytes(size_bytes))

    def wait(self) -> int:
        """The ControlChannelTriggerStatus."""
        return int(self._channel.wait_for_push_enabled())

    def abort(self, xhr: str) -> None:
        self.made[xhr].abort()

    def go_on(self, xhr: str) -> None:
        """A callback that waits returns."""
        self.callbacks[xhr].go_on.set()

    def header(self, xhr: str, name: str) -> str:
        return self.made[xhr].get_response_header(name)

    def body(self, xhr: str) -> bytes:
        return self.callbacks[xhr].body

    def let_go(self, xhr: str) -> bool:
        """Of the app's own reference; whether the object is gone then, by itself. Its last callback may not have returned yet."""
        self.made.pop(xhr, None)
        deadline = Deadline(CALLBACK_LIMIT_S)
        while self._freed[xhr]() is not None and not deadline.expired:
            deadline.pause()
        return self._freed[xhr]() is None

    def get(self, xhr: str, url: str, **how: Any) -> None:
        """A plain request, made and sent."""
        self.make(xhr)
        self.open(xhr, url, **how)
        self.send(xhr)

    # -- a channel -----------------------------------------------------------------------------------------------------

    def construct(self, minutes: int = 1439, hardware: bool = True) -> None:
        """The channel with its two tasks."""
        BackgroundExecutionManager.request_access()
        kind = ControlChannelTriggerResourceType(int(hardware))
        self.channel = channel = ControlChannelTrigger("inbox", minutes, kind)
        BackgroundTaskBuilder("inbox-push", PUSH, channel.push_notification_trigger).register()
        BackgroundTaskBuilder("inbox-keepalive", KEEP_ALIVE, channel.keep_alive_trigger).register()

    def poll(self, url: str, leak: bool = False) -> int:
        """The next request of the channel; the status. `leak`: the app keeps the object."""
        self._polls += 1
        self._poll_url, self.broken = url, False
        name = f"poll-{self._polls}"
        xhr = XmlHttpRequest2()
        self._freed[name] = weakref.ref(xhr)
        self.callbacks[name] = callback = Told(self, name)
        xhr.open("GET", url, callback)
        self._channel.using_transport(xhr)
        if leak:
            self.leaked.append(xhr)
        xhr.send()
        return int(self._channel.wait_for_push_enabled())

    def let_leaked_go(self) -> None:
        self.leaked.clear()

    def set_renews(self, renews: bool) -> None:
        self.renews = renews

    def is_broken(self) -> bool:
        return self.broken

    def alive(self) -> list[str]:
        """Names of the requests whose objects are there still."""
        return [name for name, freed in self._freed.items() if freed() is not None]

    def close(self) -> None:
        self._channel.close()

    def received(self, xhr: str, body: bytes) -> None:
        if xhr.startswith("poll-"):
            self.answers.put(body)

    def failed(self, xhr: str) -> None:
        if xhr.startswith("poll-"):
            self.broken = True

    def _push(self, instance: BackgroundTaskInstance) -> None:
        """What has come, if all of it has."""
        answers = []
        while not self.answers.empty():
            answers.append(self.answers.get())
        if answers:
            self.app.timeline.add("TASK_DATA", app=self.app.name, channel="inbox", data=b"".join(answers).hex(), closed=False)
            if self.renews:
                self.poll(self._poll_url)

    def _keep_alive(self, instance: BackgroundTaskInstance) -> None:
        """Nothing while the long poll stands; a new one in place of one that has failed."""
        self.app.timeline.add("keep-alive-run", broken=self.broken)
        if self.broken:
            self.poll(self._poll_url)

    # -- the canary ----------------------------------------------------------------------------------------------------

    def probe(self, url: str, credentials: list[str | None] | None = None) -> bool:
        """Send it. False: one is on its way."""

        def make(method: str, url: str, callback: XmlHttpRequest2Callback) -> XmlHttpRequest2:
            xhr = XmlHttpRequest2()
            xhr.open(method, url, callback, *(credentials or []))
            return xhr

        return self._canary.start(url, make)

    def canary_state(self) -> str:
        return self._canary.state.value

    def set_up_behind_canary(self) -> int:
        """The channel on the URL that the probe has found. Raises HostError INVALID_STATE before there is one, and while a
        request of the channel is outstanding."""
        if self._canary.state is not CanaryState.SUCCEEDED:
            raise HostError(HResult.INVALID_STATE, f"the canary is {self._canary.state.value}: no set-up before it has succeeded")
        if self.channel is not None:
            raise HostError(HResult.INVALID_STATE, "another request is outstanding")
        self.construct()
        return self.poll(self._canary.url)

    def _canary_ended(self, canary: Canary) -> None:
        self.app.timeline.add("canary", state=canary.state.value, url=canary.url)

    @property
    def _channel(self) -> ControlChannelTrigger:
        if self.channel is None:
            raise LookupError("there is no channel yet")
        return self.channel
