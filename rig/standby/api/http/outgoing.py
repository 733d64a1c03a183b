"""A request as an app means it, and what it becomes on the wire: straight to the origin, or to a proxy (RFC 9112 3.2)."""

from __future__ import annotations

from dataclasses import dataclass

from rig.standby.api.http.credentials import Credentials
from rig.standby.api.http.message import HeaderList, Request
from rig.standby.api.http.uri import HttpUri
from rig.standby.wire.hresult import HostError, HResult

OF_THE_WIRE = ("content-length", "transfer-encoding", "host", "connection", "upgrade", "expect", "te", "trailer")
"""What frames the message or rules the connection is not the app's: it would be read as another message than was sent."""
WITH_CONTENT = ("POST", "PUT", "PATCH")
"""Methods whose request says that its content is empty (RFC 9110 8.6)."""
HEADERS = 100
"""Most of one request."""


@dataclass(frozen=True)
class Proxy:
    """An HTTP proxy: requests to http origins go through it, and tunnels to https ones."""

    host: str
    port: int
    credentials: Credentials | None = None


@dataclass(frozen=True)
class Outgoing:
    """`headers` are the app's own."""

    method: str
    uri: HttpUri
    headers: HeaderList = ()
    body: bytes = b""

    def __post_init__(self) -> None:
        """Raises HostError INVALID_ARG for what is not the app's to say."""
        if self.method.upper() in ("CONNECT", "TRACE"):
            raise HostError(HResult.INVALID_ARG, f"{self.method} is no request of an app")
        if len(self.headers) > HEADERS:
            raise HostError(HResult.INVALID_ARG, f"{len(self.headers)} headers, at most {HEADERS} are sent")
        for name, _ in self.headers:
            if name.lower() in OF_THE_WIRE:
                raise HostError(HResult.INVALID_ARG, f"header {name!r} is set by who sends, not by the app")

    def on_the_wire(self, *, proxy: Proxy | None = None, credentials: Credentials | None = None) -> Request:
        """`credentials`: for the origin. To a proxy an http request goes in absolute form, with the proxy's credentials; an https
        one goes through a tunnel, which has had them."""
        through = proxy if not self.uri.secure else None
        headers = [("Host", self.uri.authority), *self.headers]
        if credentials is not None and not self._has("authorization"):
            headers.append(("Authorization", credentials.basic))
        if through is not None and through.credentials is not None:
            headers.append(("Proxy-Authorization", through.credentials.basic))
        if self.body or self.method in WITH_CONTENT:
            headers.append(("Content-Length", str(len(self.body))))
        return Request(self.method, str(self.uri) if through else self.uri.target, tuple(headers), self.body)

    def _has(self, name: str) -> bool:
        return any(own.lower() == name for own, _ in self.headers)


def tunnel(uri: HttpUri, proxy: Proxy) -> Request:
    """What a proxy is asked for, to reach an https origin (RFC 9110 9.3.6)."""
    with_credentials = (("Proxy-Authorization", proxy.credentials.basic),) if proxy.credentials is not None else ()
    return Request("CONNECT", uri.host_and_port, (("Host", uri.host_and_port), *with_credentials))
