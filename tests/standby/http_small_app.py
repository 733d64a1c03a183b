"""An app with HTTP requests under way, one step a call, in a process of its own."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from rig.standby.api import App, ControlChannelTrigger, HostError
from rig.standby.api.http.client import HttpClient, RtcRequest, RtcRequestFactory
from rig.standby.api.http.credentials import Credentials
from rig.standby.api.http.request import HttpRequestMessage


class HttpSmallApp:
    def __init__(self, app: App) -> None:
        self.client = HttpClient()
        self.channel: ControlChannelTrigger | None = None
        self.requests: list[RtcRequest] = []
        self.futures: list[Future[Any]] = []

    def use(self, user: str, password: str) -> None:
        self.client.settings.credentials = Credentials(user, password)

    def plain(self, uri: str, verb: str = "GET", limit_s: float = 10.0, content_bytes: int = 0) -> None:
        self.futures.append(self.client.send_async(HttpRequestMessage(verb, uri, b"x" * content_bytes), timeout_s=limit_s))

    def bound(self, uri: str, content_bytes: int = 0) -> None:
        """Bound and sent, not waited for."""
        self.channel = self.channel or ControlChannelTrigger("c", 30)
        request = RtcRequestFactory.create("GET", uri)
        request.content = b"x" * content_bytes
        self.channel.using_transport(request)
        self.requests.append(request)
        self.futures.append(self.client.send_async(request))

    def wait(self) -> int:
        assert self.channel is not None
        return int(self.channel.wait_for_push_enabled())

    def dispose(self) -> None:
        self.requests[-1].dispose()

    def close_channel(self) -> None:
        assert self.channel is not None
        self.channel.close()

    def cancel(self) -> bool:
        return self.futures[-1].cancel()

    def result(self, number: int = -1) -> tuple[int, str]:
        """Status and text; the name of what was raised, with its words."""
        try:
            response = self.futures[number].result(10)
        except HostError as error:
            return 0, f"{error.hresult.name}"
        except BaseException as error:
            return 0, f"{type(error).__name__}: {error}"
        return response.status_code, response.content.read_as_string() if response.content is not None else "none"
