"""An app that keeps one long request open on a channel, with the HttpClient of System.Net.Http, as the platform's samples do.

    task      when it runs                       what it does
    push      something of the response is here  waits for all of it, and sends the next request (`renew`)
    keepalive each server interval               gives the request up that is pending, and sends the next one
    renewal   a timer                            asks the server again, plainly, before its credentials expire

Its public methods are what tests call.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path
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
    StreamSocket,
    TimeTrigger,
)
from rig.standby.api.http.client import HttpClient, RtcRequest, RtcRequestFactory
from rig.standby.api.http.credentials import Credentials
from rig.standby.api.http.futures import ResponseFuture
from rig.standby.api.http.outgoing import Proxy
from rig.standby.api.http.request import HttpRequestMessage

PUSH, KEEP_ALIVE, RENEWAL = "HttpApp.Push", "HttpApp.KeepAlive", "HttpApp.Renewal"
PATIENCE_S = 10.0
WORDS = 200
"""Of a message, on the timeline."""


class HttpApp:
    """One channel at a time has the app's attention; others may be there."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.client = HttpClient()
        self.channels: dict[str, ControlChannelTrigger] = {}
        self.requests: dict[str, RtcRequest] = {}
        self.uris: dict[str, str] = {}
        self.futures: dict[str, queue.SimpleQueue[ResponseFuture]] = {}
        self.renew = True
        self._messages: list[str | None] = []
        self._busy = threading.Event()
        app.entry_points |= {PUSH: self._push, KEEP_ALIVE: self._keep_alive, RENEWAL: self._renewal}

    # -- set-up --------------------------------------------------------------------------------------------------------

    def set_up(self, channel: str, uri: str, hardware: bool = True, minutes: int = 1439) -> int:
        """All of it, with the first request; the ControlChannelTriggerStatus. What fails leaves nothing open."""
        self.construct(channel, hardware, minutes)
        try:
            status = self.send(channel, uri)
        except (HostError, OSError):
            self.close(channel)
            raise
        return status

    def construct(self, channel: str, hardware: bool = True, minutes: int = 1439) -> None:
        BackgroundExecutionManager.request_access()
        trigger = ControlChannelTrigger(channel, minutes, ControlChannelTriggerResourceType(int(hardware)))
        self.channels[channel] = trigger
        self.futures[channel] = queue.SimpleQueue()
        BackgroundTaskBuilder(f"{channel}-keepalive", KEEP_ALIVE, trigger.keep_alive_trigger).register()
        BackgroundTaskBuilder(f"{channel}-push", PUSH, trigger.push_notification_trigger).register()

    def send(self, channel: str, uri: str = "", dispose: bool = True) -> int:
        """The order of the samples (CHC-002); the one before is given up first, unless `dispose` is False."""
        uri = self.uris[channel] = uri or self.uris[channel]
        if dispose and channel in self.requests:
            self.requests[channel].dispose()
        request = self.requests[channel] = RtcRequestFactory.create("GET", uri)
        self.channels[channel].using_transport(request)
        future = self.client.send_async(request)
        status = self.channels[channel].wait_for_push_enabled()
        if not status.allocated:
            request.dispose()
            return int(status)
        self.futures[channel].put(future)
        self.app.timeline.add("FUTURE_QUEUED", app=self.app.name, channel=channel)
        return int(status)

    def close(self, channel: str) -> None:
        self.channels.pop(channel).close()
        self.requests.pop(channel, None)
        self.futures.pop(channel, None)

    def register_renewal(self, minutes: int) -> None:
        """A timer of its own renews the credentials before they expire (CHC-010)."""
        if "renewal" not in {task.name for task in BackgroundTaskRegistration.all_tasks().values()}:
            builder = BackgroundTaskBuilder("renewal", RENEWAL, TimeTrigger(minutes, one_shot=False))
            builder.is_network_requested = True
            builder.register()

    # -- what a plain request settles before (CHC-010) -----------------------------------------------------------------

    def use(self, user: str = "", password: str = "", proxy: list[Any] | None = None, certificate: str = "") -> None:
        """For all requests from now on. `proxy`: address, port, user, password."""
        settings = self.client.settings
        settings.credentials = Credentials(user, password) if user else None
        settings.client_certificate = Path(certificate) if certificate else None
        settings.proxy = Proxy(proxy[0], proxy[1], Credentials(*proxy[2:]) if proxy[2:] else None) if proxy else None

    def use_header(self, name: str, value: str) -> None:
        self.client.settings.default_request_headers[name] = value

    def probe(self, uri: str) -> dict[str, Any]:
        """The last address, and what the server said there."""
        response = self.client.get_async(uri).result(PATIENCE_S)
        text = response.content.read_as_string() if response.content is not None else None
        return {"uri": response.request_uri, "status": response.status_code, "text": text}

    # -- steps that must fail, and what a test wants to know -----------------------------------------------------------

    def bind_what_is_no_request(self, channel: str, uri: str) -> list[str]:
        """What binding the client and a plain request raises, and then one of the factory, "" for nothing."""
        wrong: list[Any] = [self.client, HttpRequestMessage("GET", uri), RtcRequestFactory.create("GET", uri)]
        return [raised(lambda one=one: self.channels[channel].using_transport(one)) for one in wrong]  # type: ignore[misc]

    def create(self, uri: str) -> str:
        return raised(lambda: RtcRequestFactory.create("GET", uri))

    def send_again(self, channel: str) -> str:
        """What sending the newest request once more raises."""
        return raised(lambda: self.client.send_async(self.requests[channel]))

    def bind_sent(self, channel: str) -> str:
        """What binding a request that was sent already raises."""
        return raised(lambda: self.channels[channel].using_transport(self.requests[channel]))

    def dispose(self, channel: str) -> None:
        self.requests[channel].dispose()

    def cancel_future(self, channel: str) -> None:
        """And leave it in the queue."""
        future = self.futures[channel].get()
        future.cancel()
        self.futures[channel].put(future)

    def is_bound(self, channel: str) -> bool:
        return self.channels[channel].transport_object is self.requests[channel]

    def set_renew(self, renew: bool) -> None:
        self.renew = renew

    def messages(self) -> list[str | None]:
        """What the push task has read, in order; None: a response that was cancelled or failed, or had no content."""
        return list(self._messages)

    def message_lengths(self) -> list[int]:
        return [len(message or "") for message in self._messages]

    def hold_completions(self, host: str, port: int) -> None:
        """A posted read of a plain socket whose handler does not return until `go_on`: completions wait in one lane."""
        sock = StreamSocket()
        sock.connect(host, port)
        sock.read_async(1, lambda _: (self._busy.wait(PATIENCE_S), None)[1])

    def go_on(self) -> None:
        self._busy.set()

    # -- the app itself ------------------------------------------------------------------------------------------------

    def _push(self, instance: BackgroundTaskInstance) -> None:
        channel: ControlChannelTrigger | None = instance.trigger_details
        if channel is None:
            return
        name = channel.control_channel_trigger_id
        for future in [self.futures[name].get(timeout=PATIENCE_S), *self._queued(name)]:
            message = self._read(name, future)
            self._messages.append(message)
            self.app.timeline.add("http-message", channel=name, message=message and message[:WORDS])
        if self.renew:
            self.send(name)

    def _queued(self, channel: str) -> Iterator[ResponseFuture]:
        while not self.futures[channel].empty():
            yield self.futures[channel].get()

    def _read(self, channel: str, future: ResponseFuture) -> str | None:
        """All of it, here and now: nothing else is supported (CHC-007). Whatever came of it, the task goes on (CHC-008)."""
        try:
            response = future.result(PATIENCE_S)
        except CancelledError:
            return None
        except (OSError, HostError) as error:
            self.app.timeline.add("http-failed", channel=channel, error=str(error))
            return None
        if response.content is None:
            self.app.timeline.add("rebuild", channel=channel, status=response.status_code)
            return None
        return response.content.read_as_string()

    def _keep_alive(self, instance: BackgroundTaskInstance) -> None:
        channel: ControlChannelTrigger | None = instance.trigger_details
        if channel is None:
            return
        name = channel.control_channel_trigger_id
        list(self._queued(name))  # of the one that is given up
        self.send(name)
        self.app.timeline.add("renewed", channel=name)

    def _renewal(self, instance: BackgroundTaskInstance) -> None:
        for channel, uri in self.uris.items():
            self.app.timeline.add("probed-again", channel=channel, uri=self.probe(uri)["uri"])


def raised(call: Callable[[], object]) -> str:
    """The name of the HRESULT; "" for nothing."""
    try:
        call()
    except HostError as error:
        return error.hresult.name
    return ""
