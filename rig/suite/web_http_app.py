"""An app that streams the responses of one long request in small parts, with the HttpClient of Windows.Web.Http.

As the platform's sample does: its tasks are registered where they are not yet, the completion of a part keeps it and posts the
next read, the push task finds the parts, and the end of a response is followed by another request.
"""

from __future__ import annotations

import threading
from typing import Any

from rig.standby.api import (
    App,
    BackgroundExecutionManager,
    BackgroundTaskBuilder,
    BackgroundTaskInstance,
    BackgroundTaskRegistration,
    ControlChannelTrigger,
    ControlChannelTriggerResourceType,
    HostError,
)
from rig.standby.api.http.futures import ResponseFuture
from rig.standby.api.http.input_stream import HttpInputStream
from rig.standby.api.http.response_read import ResponseRead
from rig.standby.api.http.web_client import HttpClient, HttpCompletionOption, HttpRequestMessage
from rig.suite.http_app import raised

PUSH, KEEP_ALIVE = "WebHttpApp.Push", "WebHttpApp.KeepAlive"
PART_BYTES = 1024
"""Of one read, as in the sample."""


class WebHttpApp:
    """One channel."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.client = HttpClient()
        self.channel: ControlChannelTrigger | None = None
        self.request: HttpRequestMessage | None = None
        self.uri = ""
        self.binds_client = False
        self.renew = True
        self.stream: HttpInputStream | None = None
        """The newest."""
        self._lock = threading.Lock()
        self._parts: list[bytes] = []
        self._unseen: list[bytes] = []
        app.entry_points |= {PUSH: self._push, KEEP_ALIVE: self._keep_alive}

    # -- called by tests -----------------------------------------------------------------------------------------------

    def set_up(self, uri: str, binds_client: bool = False, renew: bool = True) -> int:
        """The ControlChannelTriggerStatus. Again: nothing is registered a second time."""
        self.binds_client, self.renew = binds_client, renew
        BackgroundExecutionManager.request_access()
        if self.channel is None:
            kind = ControlChannelTriggerResourceType.REQUEST_HARDWARE_SLOT
            self.channel = ControlChannelTrigger("inbox", 1439, kind)
        self._register_once("inbox-keepalive", KEEP_ALIVE, self.channel.keep_alive_trigger)
        self._register_once("inbox-push", PUSH, self.channel.push_notification_trigger)
        return self.send(uri)

    def send(self, uri: str = "") -> int:
        assert self.channel is not None
        self.uri = uri or self.uri
        if self.request is not None:
            self.request.dispose()
        request = self.request = HttpRequestMessage("GET", self.uri)
        self.channel.using_transport(self.client if self.binds_client else request)
        response = self.client.send_request_async(request, HttpCompletionOption.RESPONSE_HEADERS_READ)
        response.add_done_callback(self._response)
        return int(self.channel.wait_for_push_enabled())

    def send_whole(self, uri: str) -> dict[str, Any]:
        """A plain request, of no channel."""
        response = self.client.send_request_async(HttpRequestMessage("GET", uri)).result(10)
        return {"status": response.status_code, "length": len(response.content.read_as_bytes()) if response.content else None}

    def stream_plain(self, uri: str) -> int:
        """A plain request whose body is read in parts: how many bytes of it there were when it ended."""
        response = self.client.send_request_async(HttpRequestMessage("GET", uri), HttpCompletionOption.RESPONSE_HEADERS_READ)
        ended = threading.Event()
        stream = response.result(10).input_stream
        assert stream is not None

        def part(read: ResponseRead) -> None:
            data = read.get_results()
            self._parts.append(data)
            if data:
                stream.read_async(PART_BYTES, part)
            else:
                ended.set()

        stream.read_async(PART_BYTES, part)
        ended.wait(10)
        return sum(map(len, self._parts))

    def bind_client_and_is_read_back(self) -> bool:
        assert self.channel is not None
        return self.channel.transport_object is self.client

    def send_again(self) -> str:
        """What sending the same request object once more raises."""
        assert self.request is not None
        request = self.request
        return raised(lambda: self.client.send_request_async(request))

    def bind_late(self) -> str:
        assert self.channel is not None
        assert self.request is not None
        channel, request = self.channel, self.request
        return raised(lambda: channel.using_transport(request))

    def close_stream(self) -> None:
        assert self.stream is not None
        self.stream.close()

    def parts(self) -> list[bytes]:
        with self._lock:
            return list(self._parts)

    # -- the app itself ------------------------------------------------------------------------------------------------

    def _register_once(self, name: str, entry_point: str, trigger: Any) -> None:
        if name not in {task.name for task in BackgroundTaskRegistration.all_tasks().values()}:
            BackgroundTaskBuilder(name, entry_point, trigger).register()

    def _response(self, future: ResponseFuture) -> None:
        if future.cancelled():
            return
        if future.exception() is not None:
            self.app.timeline.add("response-failed", error=str(future.exception()))
            return
        self.stream = future.result().input_stream
        self._read_on(self.stream)

    def _read_on(self, stream: Any) -> None:
        stream.read_async(PART_BYTES, lambda read: self._part(stream, read))

    def _part(self, stream: Any, read: ResponseRead) -> None:
        """Keeps it, and posts the next read before it returns."""
        if read.cancelled:
            return
        try:
            data = read.get_results()
        except (OSError, HostError) as error:
            self.app.timeline.add("part-failed", error=str(error))
            return
        with self._lock:
            self._parts.append(data)
            self._unseen.append(data)
        self.app.timeline.add("part", bytes=len(data))
        if data:
            self._read_on(stream)

    def _push(self, instance: BackgroundTaskInstance) -> None:
        if instance.trigger_details is None:
            return
        with self._lock:
            unseen, self._unseen = self._unseen, []
        data, ended = b"".join(unseen), b"" in unseen
        self.app.timeline.add("task-parts", data=data[:100].decode(errors="replace"), bytes=len(data), ended=ended)
        if ended and self.renew:
            self.send()
            self.app.timeline.add("next-request")

    def _keep_alive(self, instance: BackgroundTaskInstance) -> None:
        self.send()
